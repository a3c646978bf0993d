"""Opening labelled faces whatever their format: the reader is chosen by looking into the file, not by its name."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import is_pipe, require_name
from mien.core.labels import FERPLUS
from mien.data import course_csv, fer2013_csv, ferplus, image_folder, parquet
from mien.data.pictures import OnBad
from mien.data.pixel_csv import read_header

Labels = Literal["own", "ferplus"]
SYNTHETIC = "synthetic"
SYNTHETIC_FACES = 6000


class Probe(NamedTuple):
    """What is seen before a reader is chosen: a folder, or a file's first bytes and, unless binary, its CSV header."""

    folder: Path | None
    start: bytes = b""
    header: tuple[str, ...] = ()

    def has(self, columns: tuple[str, ...]) -> bool:
        """Say whether the header has all these columns."""
        return set(columns) <= set(self.header)

    def is_parquet(self) -> bool:
        """Say whether it is a Parquet file or a folder of some."""
        return bool(parquet.files_of(self.folder)) if self.folder else self.start == parquet.MAGIC


class Reader(NamedTuple):
    """One format: what it accepts in words, how it is recognised, and the function that reads it."""

    accepts: str
    recognises: Callable[[Probe], bool]
    read: Callable[[Path, OnBad | None], FaceSet]


READERS = (
    Reader(
        "a CSV with the header emotion,pixels,Usage",
        lambda look: look.has(fer2013_csv.COLUMNS),
        lambda path, _: fer2013_csv.read(path),
    ),
    Reader(
        "a CSV with the header label,feature",
        lambda look: look.has(course_csv.TRAIN_COLUMNS),
        lambda path, _: course_csv.read(path),
    ),
    Reader(
        "a CSV with the header id,feature",
        lambda look: look.has(course_csv.TEST_COLUMNS),
        lambda path, _: course_csv.read(path),
    ),
    Reader(
        "a Parquet file or a folder of them", Probe.is_parquet, lambda path, on_bad: parquet.read(path, on_bad=on_bad)
    ),
    Reader(
        "a folder with one folder of pictures a class",
        lambda look: look.folder is not None,
        lambda path, on_bad: image_folder.read(path, on_bad=on_bad),
    ),
)
"""Every format, the first that recognises the data reads them."""


def open_faces(
    path: str | Path,
    *,
    votes: str | Path | None = None,
    targets: str | Path | None = None,
    labels: Labels = "own",
    on_bad: OnBad | None = None,
    seed: int = 0,
) -> FaceSet:
    """Open labelled faces in any format that mien reads.

    Args:
        path: a file or folder; or `synthetic`, or `synthetic:3000`, to draw that many faces.
        votes: a FER+ file, `fer2013new.csv`, whose rows are those of `path`.
        targets: a CSV `id,label` with the labels of faces that have none.
        labels: `own`, or `ferplus` for the majority of the votes in FER+'s eight classes; faces without votes whose
            own labels are of these classes keep them.
        on_bad: told of each picture in a folder or Parquet file that can't be read, which is left out; without it the
            first one raises.
        seed: of the synthetic faces.

    Raises:
        DataError: missing, of no known format, or malformed; the message has the file and the line.
        UsageError: FER+ labels without votes, answers for faces that have labels, or a bad number of synthetic faces.

    >>> len(open_faces("synthetic:70").split("train"))
    49
    """
    if labels not in get_args(Labels):
        raise UsageError(f"labels '{labels}', expected own or ferplus")
    faces = _draw(str(path), seed) if is_synthetic(path) else _read(Path(path), on_bad)
    if targets is not None:
        if faces.labelled.any():
            raise UsageError(f"{path} has labels of its own, so {targets} can't answer for it; leave the targets out")
        faces = course_csv.answer(faces, Path(targets))
    if votes is not None:
        faces = ferplus.attach(faces, Path(votes))
    if labels == "own" or (faces.votes is None and set(faces.classes) <= set(FERPLUS)):
        return faces
    if faces.votes is None:
        raise UsageError(f"{path} has no FER+ votes; give the votes file: --votes fer2013new.csv")
    return ferplus.relabel(faces)


def stream_faces(
    path: str | Path,
    *,
    votes: str | Path | None = None,
    targets: str | Path | None = None,
    labels: Labels = "own",
    on_bad: OnBad | None = None,
) -> Iterator[FaceSet]:
    """Yield the faces that `open_faces` opens; arguments and errors are its own.

    Those of Parquet come a few hundred at a time, unless labels or votes are asked for; any others all at once.
    """
    if not (votes or targets or labels != "own" or is_synthetic(path)) and _probe(Path(path)).is_parquet():
        yield from parquet.stream(Path(path), on_bad=on_bad)
    else:
        yield open_faces(path, votes=votes, targets=targets, labels=labels, on_bad=on_bad)


def absolute_source(path: str) -> str:
    """Make the name of data absolute, so that it holds wherever one stands; drawn faces have no place."""
    return path if is_synthetic(path) else str(Path(path).absolute())


def is_synthetic(path: str | Path) -> bool:
    """Whether `path` asks for drawn faces instead of naming a file.

    >>> is_synthetic("synthetic:300"), is_synthetic("synthetic.csv")
    (True, False)
    """
    return str(path).partition(":")[0] == SYNTHETIC


def _read(path: Path, on_bad: OnBad | None) -> FaceSet:
    look = _probe(path)
    for reader in READERS:
        if reader.recognises(look):
            return reader.read(path, on_bad)
    accepted = "; ".join(reader.accepts for reader in READERS)
    raise DataError(
        f"{path}, line 1: the header is '{','.join(look.header)[:200]}', which is no known format; "
        f"mien reads {accepted}"
    )


def _probe(path: Path) -> Probe:
    require_name(path)
    try:
        if path.is_dir():
            return Probe(path)
        if is_pipe(path):
            raise DataError(f"{path}: neither a file nor a folder")
        with path.open("rb") as file:
            start = file.read(len(parquet.MAGIC))
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    return Probe(None, start, () if start == parquet.MAGIC else read_header(path))


def _draw(name: str, seed: int) -> FaceSet:
    from mien.synthetic.faces import draw_faces

    count = name.partition(":")[2] or str(SYNTHETIC_FACES)
    if not re.fullmatch("[0-9]{1,7}", count) or int(count) == 0:
        raise UsageError(f"'{name}': expected {SYNTHETIC}, or {SYNTHETIC}:3000 for that many faces, below 10 million")
    return draw_faces(int(count), seed=seed)[0]
