"""`stream_results`: from sources to classified faces, one picture after the other, and tables of faces."""

import logging
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from mien.core.arguments import checked
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.images import SIZE
from mien.runtime.pipeline import classify_faces, find_and_classify
from mien.runtime.prefetch import prefetch
from mien.runtime.results import Picture, PictureResult, Unreadable
from mien.runtime.resume_state import ResumeState
from mien.runtime.selection import Selection
from mien.runtime.sources import PictureSource, list_sources, open_pictures
from mien.runtime.tracking import SMOOTH_S, track
from mien.runtime.video import check_sampling

if TYPE_CHECKING:
    from mien.workflows.predict import Model

Source = PictureSource | FaceSet | Iterable[PictureSource]
"""What is classified: one source of pictures, see `mien.runtime.sources.PictureSource`, or several; or a table of faces
that are cut out already: a CSV or Parquet file that `open_faces` reads, `synthetic`, or a `FaceSet`."""

Channels = Literal["rgb", "bgr"]

TABLE_SUFFIXES = (".csv", ".parquet")
CHUNK = 1024
"""So many faces of a table are classified at a time."""

AHEAD = 4
"""So many pictures are decoded ahead, and so many results wait to be written."""

log = logging.getLogger(__name__)


@checked
def stream_results(
    model: "Model",
    source: Source,
    *,
    align: bool = True,
    channels: Channels = "rgb",
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    split: str | None = None,
    skip_bad: bool = False,
    crops: bool = False,
    min_confidence: float = 0.0,
    min_px: float = 0.0,
    largest: bool = False,
    resume: ResumeState | None = None,
) -> Generator[PictureResult, None, None]:
    """Find and classify faces; `stream` has the arguments and errors, and `resume` is what is finished already."""
    check_sampling(every=every, fps=fps)
    selection = Selection(crops=crops, min_confidence=min_confidence, min_px=min_px, largest=largest)
    if isinstance(source, list | tuple) and len(source) == 1:
        source = source[0]
    if is_table(source):
        if every != 1 or fps is not None or not align:
            raise UsageError("every, fps and align belong to photos and videos; leave them out for a table of faces")
        if selection != Selection():
            raise UsageError(
                "crops, min_confidence, min_px and largest belong to photos and videos; leave them out for a table of "
                "faces"
            )
        return _classify_table(model, cast("FaceSet | str | Path", source), split=split, skip_bad=skip_bad)
    if split is not None:
        raise UsageError(f"split '{split}': pictures and videos have no splits; leave it out")
    if resume and resume.labels not in (None, model.classes):
        raise UsageError(f"{resume.path}: made by a model with other classes; resume it with that one")
    if isinstance(source, list | tuple) and any(is_table(item) for item in source):
        raise UsageError("a table of faces is classified alone; leave the other inputs out")
    sources = list_sources(source)
    model.warn()
    pictures: Iterator[Picture | Unreadable] = open_pictures(
        sources, every=every, fps=fps, channels=channels, resume=resume, skip_bad=skip_bad
    )
    # A generator of the user's stays in the user's thread: it may hold what no other thread may use.
    threaded = isinstance(sources, Sequence)
    if threaded:
        pictures = prefetch(pictures, by=AHEAD)
    found = find_and_classify(
        model,
        pictures,
        labels=model.classes,
        detector=model.detector,
        margin=model.crop_margin,
        align=align,
        selection=selection,
    )
    known = resume.faces() if resume else ()
    results = (result for result in track(found, smooth_s=smooth_s, known=known))
    if threaded:
        results = prefetch(results, by=AHEAD)
    return _warn_of_assumed(results)


def is_table(source: object) -> bool:
    """Say whether a source is a table of faces that are cut out already, of a file by its name.

    >>> is_table("test.csv"), is_table("synthetic:70"), is_table("photo.jpg")
    (True, True, False)
    """
    if isinstance(source, str | PathLike):
        return str(source).partition(":")[0] == "synthetic" or Path(source).suffix.lower() in TABLE_SUFFIXES
    return isinstance(source, FaceSet)


def _warn_of_assumed(results: Generator[PictureResult, None, None]) -> Generator[PictureResult, None, None]:
    """Pass results on, and log a warning at the first picture that is assumed to be a face."""
    warned = False
    with closing(results):
        for result in results:
            if not warned and any(face.crop == "assumed" for face in result.faces):
                warned = True
                log.warning(
                    "%s: too small to search (at most %d pixels), so it is taken for a face that is cut out already, "
                    "as are all pictures like it; --crops (crops=True) says that they are faces",
                    result.source,
                    SIZE,
                )
            yield result


def _classify_table(
    model: "Model", source: FaceSet | str | Path, *, split: str | None, skip_bad: bool
) -> Generator[PictureResult, None, None]:
    if isinstance(source, FaceSet):
        name, parts = str(source.source), iter([source])
    else:
        from mien.data.formats import stream_faces

        name, parts = str(source), stream_faces(source, skip_bad=skip_bad)
    counts: Counter[str] = Counter()
    splits = split.split(",") if split else None
    for faces in parts:
        if not faces.synthetic:
            model.warn()
        counts.update(faces.splits.tolist())
        chosen = np.arange(len(faces))
        if splits is not None:
            chosen = np.flatnonzero(np.isin(faces.splits, splits))
        for start in range(0, len(chosen), CHUNK):
            rows = chosen[start : start + CHUNK]
            yield from classify_faces(model, faces.images[rows], faces.ids[rows], labels=model.classes, source=name)
    for missing in splits or ():
        if missing not in counts:
            has = ", ".join(f"{known} ({count:,})" for known, count in sorted(counts.items()))
            raise DataError(f"{name}: no faces in split '{missing}'; it has {has}")
