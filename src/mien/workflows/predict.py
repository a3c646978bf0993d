"""`predict` and `see`: what a bundle says of the faces in pictures, videos and tables; without PyTorch."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.bundle import Bundle, Precision
from mien.core.errors import DataError, UsageError
from mien.runtime.detect import Detector, YuNet
from mien.runtime.pipeline import see as see_pictures
from mien.runtime.prefetch import prefetch
from mien.runtime.results import Face, Picture, PictureResult
from mien.runtime.resume_state import ResumeState
from mien.runtime.session import BundleModel, open_model
from mien.runtime.sources import OnBad, open_pictures
from mien.runtime.tracking import SMOOTH_S, track
from mien.runtime.video import check_sampling


def load(
    bundle: str | Path | Bundle | None = None,
    *,
    precision: Precision = "default",
    threads: int | None = None,
    device: str = "auto",
) -> BundleModel:
    """Make a bundle ready; see `open_model`."""
    return open_model(bundle, precision=precision, threads=threads, device=device)


Source = str | Path | NDArray[np.uint8] | Sequence[str | Path]
"""A file, a folder, a picture's pixels in RGB `uint8 (H, W, 3)`, or several files and folders."""

TABLE_SUFFIXES = (".csv", ".parquet")
CHUNK = 1024
"""So many faces of a table are classified at a time."""

AHEAD = 4
"""So many pictures are decoded ahead, and so many seen ones wait to be written."""


def predict(
    model: BundleModel | str | Path | Bundle,
    source: Source,
    *,
    detector: Detector | None = None,
    align: bool = True,
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    split: str | None = None,
    on_bad: OnBad | None = None,
) -> Iterator[Face]:
    """Find and classify the faces of pictures and videos, face by face; arguments and errors are those of `see`.

    >>> face = next(predict("mien-n", "synthetic:7"))
    >>> len(face.probabilities), face.box, face.image.shape
    (7, None, (48, 48))
    """
    seen = see(
        model,
        source,
        detector=detector,
        align=align,
        every=every,
        fps=fps,
        smooth_s=smooth_s,
        split=split,
        on_bad=on_bad,
    )
    return (face for each in seen for face in each.faces)


def see(
    model: BundleModel | str | Path | Bundle,
    source: Source,
    *,
    detector: Detector | None = None,
    align: bool = True,
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    split: str | None = None,
    written: ResumeState | None = None,
    on_bad: OnBad | None = None,
) -> Generator[PictureResult, None, None]:
    """Find and classify the faces of pictures and videos, picture by picture, also those without a face.

    One thread decodes, one finds and classifies, in batches across pictures; memory doesn't grow with their number.

    Args:
        model: what `mien.load` returns, or what it takes.
        source: files, folders with all that lies in them, or one picture's pixels, RGB `uint8 (H, W, 3)`; or a table of
            faces that are cut out already: a CSV or Parquet file that `open_faces` reads, or `synthetic`.
        detector: finds the faces; `YuNet()` by default.
        align: turn each face so that its eyes are level.
        every: take every so many-th frame of a video.
        fps: take at most so many frames a second of a video.
        smooth_s: time constant in seconds over which a video's probabilities are averaged along a track; 0: not at all.
        split: only these faces of a table, such as `test`.
        written: what an interrupted job has written of pictures and videos, which is left out now.
        on_bad: told of each file that can't be read, which is then left out; without it the first one raises.

    Raises:
        DataError: a file or folder is missing, no picture or damaged; no such bundle.
        UsageError: `every` and `fps` together, or one that is not above 0; a split of what is no table.
        MissingExtraError: a video, and PyAV is not installed.

    >>> [len(seen.faces) for seen in see("mien-n", np.zeros((480, 640, 3), np.uint8))]
    [0]
    """
    check_sampling(every=every, fps=fps)
    model = model if isinstance(model, BundleModel) else open_model(model)
    if isinstance(source, Sequence) and not isinstance(source, str) and len(source) == 1:
        source = source[0]
    if isinstance(source, str | Path) and is_table(source):
        if written:
            raise UsageError(f"{source}: a table is classified as a whole; it can't be resumed")
        return _see_table(model, source, split=split, on_bad=on_bad)
    if not isinstance(source, str | Path | np.ndarray) and any(is_table(each) for each in source):
        raise UsageError("a table of faces is classified alone; leave the other inputs out")
    if split is not None:
        raise UsageError(f"split '{split}': pictures and videos have no splits; leave it out")
    if written and written.labels not in (None, model.labels):
        raise UsageError(f"{written.path}: made by a model with other classes; go on with that one")
    detector = detector or YuNet()
    pictures = _open(source, every=every, fps=fps, written=written, on_bad=on_bad)
    seen = see_pictures(model, pictures, labels=model.labels, detector=detector, margin=model.crop_margin, align=align)
    return prefetch(track(seen, smooth_s=smooth_s, known=written.faces() if written else ()), by=AHEAD)


def is_table(source: str | Path) -> bool:
    """Say by its name whether an input is a table of faces that are cut out already.

    >>> is_table("test.csv"), is_table("synthetic:70"), is_table("photo.jpg")
    (True, True, False)
    """
    return str(source).partition(":")[0] == "synthetic" or Path(source).suffix.lower() in TABLE_SUFFIXES


def _open(
    source: Source, *, every: int, fps: float | None, written: ResumeState | None, on_bad: OnBad | None
) -> Iterator[Picture]:
    if isinstance(source, np.ndarray):
        return iter([Picture("", source)])
    inputs = [source] if isinstance(source, str | Path) else source
    return prefetch(open_pictures(inputs, every=every, fps=fps, written=written, on_bad=on_bad), by=AHEAD)


def _see_table(
    model: BundleModel, source: str | Path, *, split: str | None, on_bad: OnBad | None
) -> Generator[PictureResult, None, None]:
    from mien.data.formats import stream_faces

    counts: Counter[str] = Counter()
    wanted = split.split(",") if split else None
    for faces in stream_faces(source, skip_bad=on_bad is not None):
        counts.update(faces.splits.tolist())
        chosen = np.arange(len(faces)) if wanted is None else np.flatnonzero(np.isin(faces.splits, wanted))
        for start in range(0, len(chosen), CHUNK):
            rows = chosen[start : start + CHUNK]
            yield from _see_faces(model, faces.images[rows], faces.ids[rows], source=str(source))
    for name in wanted or ():
        if name not in counts:
            has = ", ".join(f"{each} ({count:,})" for each, count in sorted(counts.items()))
            raise DataError(f"{source}: no faces in split '{name}'; it has {has}")


def _see_faces(
    model: BundleModel, images: NDArray[np.uint8], ids: NDArray[np.str_], *, source: str
) -> Iterator[PictureResult]:
    for image, face, said in zip(images, ids, model(images), strict=True):
        picture = Picture(source, np.repeat(image[:, :, None], 3, axis=2))
        probabilities = dict(zip(model.labels, said.tolist(), strict=True))
        yield PictureResult(picture, (Face(source, str(face), probabilities, None, image),))
