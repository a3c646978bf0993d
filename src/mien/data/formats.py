"""Opening labelled faces whatever their format: the reader is chosen by looking into the file, not by its name."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from mien.core.errors import DataError, UsageError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.files import is_pipe, refuse_address, require_name
from mien.core.labels import FERPLUS, check_names
from mien.data import ferplus, image_folder, parquet
from mien.data.archives import ZIP, is_archive, readable_table, unpacked
from mien.data.csv_lines import read_header
from mien.data.csv_tables import add_targets, is_faces, read_csv
from mien.data.pictures import FindFace, Reading

LabelSource = Literal["own", "ferplus"]
"""Whose labels: the data's own, or the majority of FER+'s annotators."""

PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
"""How picture files begin that somebody may give instead of their folder."""

log = logging.getLogger(__name__)

SYNTHETIC = "synthetic"
SYNTHETIC_FACES = 6000
MOST_SYNTHETIC = 100_000
"""Drawn in about 100 s."""


class Probe(NamedTuple):
    """What is known before a reader is chosen: a folder, or a file's first bytes and, unless binary, its CSV header."""

    folder: Path | None
    start: bytes = b""
    header: tuple[str, ...] = ()
    is_packed: bool = False

    def is_csv_of_faces(self) -> bool:
        """Whether the header has a column of grey levels."""
        return is_faces(self.header)

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

    `read` takes the path and how to read it.
    """

    accepts: str
    recognises: Callable[[Probe], bool]
    read: Callable[[Path, Reading], FaceSet]


READERS = (
    Reader(
        "a CSV with the header emotion,pixels,Usage or label,feature or the like",
        Probe.is_csv_of_faces,
        lambda path, reading: read_csv(path, classes=reading.classes),
    ),
    Reader(
        "an .npz file of a FaceSet",
        lambda probe: probe.start.startswith(ZIP),
        lambda path, _: FaceSet.load(path),
    ),
    Reader(
        "a Parquet file or a folder of them",
        Probe.is_parquet,
        parquet.read,
    ),
    Reader(
        "a folder with one folder of pictures per class",
        Probe.is_folder,
        image_folder.read,
    ),
)
"""Every format; the first that recognises the data reads them."""


def open_faces(
    source: str | Path | FaceSet,
    *,
    targets: str | Path | None = None,
    votes: str | Path | None = None,
    labels: LabelSource = "own",
    classes: Sequence[str] | None = None,
    find_face: FindFace | None = None,
    skip_bad: bool = False,
    seed: int = 0,
) -> FaceSet:
    """Open labelled faces in any format that mien reads.

    Args:
        source: a file or folder; or `synthetic`, or `synthetic:3000`, to draw that many faces; or faces that are open
            already, to add targets, votes or labels.
        targets: a CSV file `id,label` with the labels of faces that have none; it and `votes` may be packed as
            `source` may.
        votes: a FER+ file, `fer2013new.csv`, whose rows are those of `source`.
        labels: `own`, or `ferplus` for the majority of the votes in FER+'s eight classes; faces without votes keep
            their own labels if these are of FER+'s classes.
        classes: the names of the classes 0, 1, … of data that number them without naming them; by default FER2013's
            for CSV files and columns `emotion`.
        find_face: cuts the face out of each picture of a folder or Parquet file, see `FindFace`; pictures in which it
            finds none are left out and listed in `not_found`.  None takes whole pictures.
        skip_bad: leave out pictures of a folder or Parquet file that can't be read, with a warning each; else the
            first one raises.
        seed: of the drawn faces.

    Raises:
        DataError: missing, of no known format, or malformed; the message has the file and the line.
        UsageError: FER+ labels without votes, targets for faces that have labels, names for classes that have names, or
            a bad number of drawn faces.

    >>> len(open_faces("synthetic:70").split("train"))
    49
    """
    reading = Reading(skip_bad=skip_bad, classes=_class_names(classes), find_face=find_face)
    faces = _open(source, reading, targets=targets, votes=votes, labels=labels, seed=seed)
    known = source.notes if isinstance(source, FaceSet) else ()
    for note in faces.notes:
        if note not in known:
            log.warning("%s: %s", faces.source, note)
    if faces.not_found and not isinstance(source, FaceSet):
        count = f"{len(faces.not_found):,}"
        log.warning("%s: pictures without a face that was found are left out: %s", faces.source, count)
    return faces


def _class_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or len(names) < 2:
        raise UsageError(f"classes {names!r}, expected two or more names, in the order of their numbers")
    try:
        check_names(names, source="--classes")
    except DataError as error:
        raise UsageError(str(error)) from None
    return tuple(names)


def _open(
    source: str | Path | FaceSet,
    reading: Reading,
    *,
    targets: str | Path | None,
    votes: str | Path | None,
    labels: LabelSource,
    seed: int = 0,
) -> FaceSet:
    if labels not in get_args(LabelSource):
        raise UsageError(f"labels '{labels}', expected own or ferplus")
    _require_names(targets=targets, votes=votes)
    if isinstance(source, FaceSet):
        faces = source
        source = faces.source
    elif is_synthetic(source):
        faces = _draw(str(source), seed)
    else:
        _require_given(source)
        faces = _read(Path(source), reading)
    if reading.classes is not None:
        faces = name_classes(faces, reading.classes)
    if targets is not None:
        if faces.labelled.any():
            raise UsageError(f"{source} has labels of its own; leave the file of targets, {targets}, out")
        with readable_table(Path(targets)) as table:
            faces = add_targets(faces, table)
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
    classes: Sequence[str] | None = None,
    find_face: FindFace | None = None,
    skip_bad: bool = False,
) -> Iterator[FaceSet]:
    """Yield the faces that `open_faces` opens; arguments and errors are its own.

    Those of Parquet come a few hundred at a time, unless labels or votes are asked for; any others all at once.  Notes
    are not logged.
    """
    reading = Reading(skip_bad=skip_bad, classes=_class_names(classes), find_face=find_face)
    as_it_is = targets is None and votes is None and labels == "own"
    _require_given(source)
    if as_it_is and not is_synthetic(source) and _probe(Path(source)).is_parquet():
        for part in parquet.stream_rows(Path(source), reading):
            yield name_classes(part, reading.classes) if reading.classes else part
    else:
        yield _open(source, reading, targets=targets, votes=votes, labels=labels)


def name_classes(faces: FaceSet, names: tuple[str, ...]) -> FaceSet:
    """Give classes that are numbers the names of these numbers, counted from 0.

    Raises:
        DataError: a number that has no name.
        UsageError: the classes have names.
    """
    if faces.classes == names:
        return faces
    if not all(name.isdecimal() for name in faces.classes):
        raise UsageError(
            f"{faces.source} names its classes itself ({', '.join(faces.classes[:7])}); leave --classes out"
        )
    unnamed = [name for name in faces.classes if int(name) >= len(names)]
    if unnamed:
        raise DataError(
            f"{faces.source}: no name for the class {unnamed[0]}: --classes names 0 to {len(names) - 1} "
            f"({', '.join(names)})"
        )
    numbers = np.array([*(int(name) for name in faces.classes), UNLABELLED])
    return replace(faces, targets=numbers[faces.targets], classes=names)  # index -1, UNLABELLED, takes the last entry


def absolute_source(path: str) -> str:
    """Make the path of data absolute, so that it holds from every folder; drawn faces have no path.

    Raises:
        UsageError: an address, such as `https://…`.
    """
    refuse_address(path)
    return path if is_synthetic(path) else str(Path(path).absolute())


def is_synthetic(path: str | Path) -> bool:
    """Whether `path` asks for drawn faces instead of naming a file.

    >>> is_synthetic("synthetic:300"), is_synthetic("synthetic.csv")
    (True, False)
    """
    return str(path).partition(":")[0] == SYNTHETIC


def _require_given(source: str | Path) -> None:
    if source == "":  # which as a path would be the current folder
        raise UsageError("no data: the name is empty; name a file or folder of labelled faces, or 'synthetic'")
    refuse_address(source)


def _require_names(**files: str | Path | None) -> None:
    for role, name in files.items():
        if name == "":
            raise UsageError(f"--{role}: the name is empty; name a file, or leave --{role} out")
        if name is not None:
            refuse_address(name)


def _read(path: Path, reading: Reading) -> FaceSet:
    probe = _probe(path)
    for reader in READERS:
        if reader.recognises(probe):
            return reader.read(path, reading)
    if probe.is_packed:
        return _read_packed(path, reading)
    accepted = "; ".join(reader.accepts for reader in READERS)
    raise DataError(
        f"{path}, line 1: the header is '{','.join(probe.header)[:200]}', which is no known format; "
        f"mien reads {accepted}"
    )


def _read_packed(path: Path, reading: Reading) -> FaceSet:
    with unpacked(path) as table:
        return replace(_read(table, reading), source=str(path))


def _probe(path: Path) -> Probe:
    require_name(path)
    try:
        if path.is_dir():
            return Probe(path)
        if is_pipe(path):
            raise DataError(f"{path}: neither a file nor a folder")
        with path.open("rb") as file:
            start = file.read(len(parquet.MAGIC))
        if is_archive(path):
            return Probe(None, is_packed=True)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    if start.startswith(PICTURES):
        raise DataError(f"{path}: a picture, expected a table or a folder of faces; give the folder of class folders")
    if start in (parquet.MAGIC, ZIP):
        return Probe(None, start)
    return Probe(None, start, read_header(path))


def _draw(name: str, seed: int) -> FaceSet:
    from mien.synthetic.faces import draw_faces

    count = name.partition(":")[2] or str(SYNTHETIC_FACES)
    if not re.fullmatch("[0-9]{1,7}", count) or not 1 <= int(count) <= MOST_SYNTHETIC:
        raise UsageError(
            f"'{name}': expected {SYNTHETIC}, or {SYNTHETIC}:3000 for that many faces, at most {MOST_SYNTHETIC:,}"
        )
    if int(count) > SYNTHETIC_FACES:
        log.info("drawing %s faces", f"{int(count):,}")
    return draw_faces(int(count), seed=seed)[0]
