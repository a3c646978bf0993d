"""Opening labelled faces whatever their format: the reader is chosen by looking into the file, not by its name."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import is_pipe, require_name
from mien.core.labels import FERPLUS
from mien.data import ferplus, image_folder, parquet
from mien.data.csv_tables import (
    FER2013_COLUMNS,
    TEST_COLUMNS,
    TRAIN_COLUMNS,
    add_targets,
    read_course,
    read_fer2013,
    read_header,
)

LabelSource = Literal["own", "ferplus"]
"""Whose labels: the data's own, or the majority of FER+'s annotators."""

ZIP_MAGIC = b"PK\x03\x04"
"""How an `.npz` file begins."""

SYNTHETIC = "synthetic"
SYNTHETIC_FACES = 6000

log = logging.getLogger(__name__)


class Probe(NamedTuple):
    """What is known before a reader is chosen: a folder, or a file's first bytes and, unless binary, its CSV header."""

    folder: Path | None
    start: bytes = b""
    header: tuple[str, ...] = ()

    def has(self, columns: tuple[str, ...]) -> bool:
        """Whether the header has all these columns."""
        return set(columns) <= set(self.header)

    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.folder is not None

    def is_parquet(self) -> bool:
        """Whether it is a Parquet file or a folder with some."""
        if self.folder:
            return bool(parquet.files_of(self.folder))
        return self.start == parquet.MAGIC


class Reader(NamedTuple):
    """One format: what it accepts in words, how it is recognised, and the function that reads it.

    `read` takes the path and `skip_bad`; where that is True, pictures that can't be read are left out with a warning.
    """

    accepts: str
    recognises: Callable[[Probe], bool]
    read: Callable[[Path, bool], FaceSet]


READERS = (
    Reader(
        "a CSV with the header emotion,pixels,Usage",
        lambda probe: probe.has(FER2013_COLUMNS),
        lambda path, _: read_fer2013(path),
    ),
    Reader(
        "a CSV with the header label,feature",
        lambda probe: probe.has(TRAIN_COLUMNS),
        lambda path, _: read_course(path),
    ),
    Reader(
        "a CSV with the header id,feature",
        lambda probe: probe.has(TEST_COLUMNS),
        lambda path, _: read_course(path),
    ),
    Reader(
        "an .npz file of a FaceSet",
        lambda probe: probe.start == ZIP_MAGIC,
        lambda path, _: FaceSet.load(path),
    ),
    Reader(
        "a Parquet file or a folder of them",
        Probe.is_parquet,
        lambda path, skip_bad: parquet.read(path, skip_bad=skip_bad),
    ),
    Reader(
        "a folder with one folder of pictures per class",
        Probe.is_folder,
        lambda path, skip_bad: image_folder.read(path, skip_bad=skip_bad),
    ),
)
"""Every format; the first that recognises the data reads them."""


def open_faces(
    source: str | Path | FaceSet,
    *,
    targets: str | Path | None = None,
    votes: str | Path | None = None,
    labels: LabelSource = "own",
    skip_bad: bool = False,
    seed: int = 0,
) -> FaceSet:
    """Open labelled faces in any format that mien reads.

    Args:
        source: a file or folder; or `synthetic`, or `synthetic:3000`, to draw that many faces; or faces that are open
            already, to add targets, votes or labels.
        targets: a CSV file `id,label` with the labels of faces that have none.
        votes: a FER+ file, `fer2013new.csv`, whose rows are those of `source`.
        labels: `own`, or `ferplus` for the majority of the votes in FER+'s eight classes; faces without votes keep
            their own labels if these are of FER+'s classes.
        skip_bad: leave out pictures of a folder or Parquet file that can't be read, with a warning each; else the
            first one raises.
        seed: of the drawn faces.

    Raises:
        DataError: missing, of no known format, or malformed; the message has the file and the line.
        UsageError: FER+ labels without votes, targets for faces that have labels, or a bad number of drawn faces.

    >>> len(open_faces("synthetic:70").split("train"))
    49
    """
    faces = _open(source, targets=targets, votes=votes, labels=labels, skip_bad=skip_bad, seed=seed)
    known = source.notes if isinstance(source, FaceSet) else ()
    for note in faces.notes:
        if note not in known:
            log.warning("%s: %s", faces.source, note)
    return faces


def _open(
    source: str | Path | FaceSet,
    *,
    targets: str | Path | None,
    votes: str | Path | None,
    labels: LabelSource,
    skip_bad: bool,
    seed: int = 0,
) -> FaceSet:
    if labels not in get_args(LabelSource):
        raise UsageError(f"labels '{labels}', expected own or ferplus")
    if isinstance(source, FaceSet):
        faces = source
        source = faces.source
    elif is_synthetic(source):
        faces = _draw(str(source), seed)
    else:
        faces = _read(Path(source), skip_bad)
    if targets is not None:
        if faces.labelled.any():
            raise UsageError(f"{source} has labels of its own; leave the file of targets, {targets}, out")
        faces = add_targets(faces, Path(targets))
    if votes is not None:
        faces = ferplus.attach(faces, Path(votes))
    if labels == "own" or (faces.votes is None and set(faces.classes) <= set(FERPLUS)):
        return faces
    if faces.votes is None:
        raise UsageError(f"{source} has no FER+ votes; give the votes file: --votes fer2013new.csv")
    return ferplus.relabel(faces)


def stream_faces(
    source: str | Path,
    *,
    targets: str | Path | None = None,
    votes: str | Path | None = None,
    labels: LabelSource = "own",
    skip_bad: bool = False,
) -> Iterator[FaceSet]:
    """Yield the faces that `open_faces` opens; arguments and errors are its own.

    Those of Parquet come a few hundred at a time, unless labels or votes are asked for; any others all at once.  Notes
    are not logged.
    """
    as_it_is = not (targets or votes or labels != "own")
    if as_it_is and not is_synthetic(source) and _probe(Path(source)).is_parquet():
        yield from parquet.stream_rows(Path(source), skip_bad=skip_bad)
    else:
        yield _open(source, targets=targets, votes=votes, labels=labels, skip_bad=skip_bad)


def absolute_source(path: str) -> str:
    """Make the path of data absolute, so that it holds from every folder; drawn faces have no path."""
    return path if is_synthetic(path) else str(Path(path).absolute())


def is_synthetic(path: str | Path) -> bool:
    """Whether `path` asks for drawn faces instead of naming a file.

    >>> is_synthetic("synthetic:300"), is_synthetic("synthetic.csv")
    (True, False)
    """
    return str(path).partition(":")[0] == SYNTHETIC


def _read(path: Path, skip_bad: bool) -> FaceSet:
    probe = _probe(path)
    for reader in READERS:
        if reader.recognises(probe):
            return reader.read(path, skip_bad)
    accepted = "; ".join(reader.accepts for reader in READERS)
    raise DataError(
        f"{path}, line 1: the header is '{','.join(probe.header)[:200]}', which is no known format; "
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
    if start in (parquet.MAGIC, ZIP_MAGIC):
        return Probe(None, start)
    return Probe(None, start, read_header(path))


def _draw(name: str, seed: int) -> FaceSet:
    from mien.synthetic.faces import draw_faces

    count = name.partition(":")[2] or str(SYNTHETIC_FACES)
    if not re.fullmatch("[0-9]{1,7}", count) or int(count) == 0:
        raise UsageError(f"'{name}': expected {SYNTHETIC}, or {SYNTHETIC}:3000 for that many faces, below 10 million")
    return draw_faces(int(count), seed=seed)[0]
