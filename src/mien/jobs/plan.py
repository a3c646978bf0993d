"""From the inputs of a job to its parts, which follow from the inputs alone, whoever works on them later."""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mien.core.errors import DataError, UsageError
from mien.jobs.parts import BYTES_COLUMN, Part, is_picture, reason_of, require_pyarrow
from mien.runtime.results import Unreadable
from mien.runtime.sources import NothingThere, require_inputs, walk
from mien.runtime.video import VIDEO_SUFFIXES

PICTURES = 256
"""So many pictures are one part: some seconds of work, which is what a killed worker loses."""

ROWS = 4096
"""So many rows of a table are one part: they are faces more often than photographs."""

PATH_COLUMNS = ("path", "file", "filename", "file_name", "image_path")
"""Of a table, the column with the names of picture files: the first of these that is there."""

TABLES = (".csv", ".tsv", ".gz", ".zip", ".tgz", ".xlsx")
"""Endings of what is no input of a job."""


def plan(inputs: Sequence[str | os.PathLike[str]]) -> list[Part]:
    """List the parts of a job.

    Args:
        inputs: picture files, videos, folders, patterns; `@list.txt`, a file with one name a line; Parquet tables with
            a column of names (`PATH_COLUMNS`) or of pictures (`image`); tar archives of pictures.  Names of files in
            lists and tables count from the current folder.

    Raises:
        DataError: an input is missing, can't be read or is empty.
        MissingExtraError: PyArrow is not installed.
        UsageError: something that is no input of a job, such as a CSV table.
    """
    listing = _Listing()
    for item in inputs:
        name = os.fspath(item)
        if name.startswith("@"):
            for listed in _listed(Path(name[1:])):
                listing.add(Path(listed))
        else:
            for path in require_inputs([name]):
                listing.add(path)
    parts = listing.parts()
    if not parts:
        raise NothingThere("source: nothing in it: an empty list or table")
    return parts


def fingerprint(parts: Iterable[Part]) -> str:
    """Return a hash of what the parts hold, by names: 64 hexadecimal digits."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(repr(part).encode())
    return hashed.hexdigest()


class _Listing:
    """Collects inputs, each file once, and cuts them into parts."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._containers: list[Part] = []
        self._known: set[Path] = set()
        self._resolved: dict[Path, Path] = {}

    def add(self, path: Path) -> None:
        """Take a file, or all that lies in a folder."""
        ending = path.suffix.lower()
        if path.is_dir():
            for file in walk(path, skip_bad=False):
                if not isinstance(file, Unreadable):  # which is an error without `skip_bad`
                    self._add_file(file)
        elif ending == ".parquet":
            self._add_table(path)
        elif ending == ".tar":
            self._containers += _members(path)
        elif ending in TABLES:
            raise UsageError(
                f"{path}: no input of a job in parts; it takes pictures, videos, folders, @lists, Parquet and .tar; "
                "a table of faces in CSV is classified into one file, such as -o faces.parquet"
            )
        else:
            self._add_file(path)

    def parts(self) -> list[Part]:
        """Cut into parts what was added."""
        found: list[Part] = []
        together: list[str] = []
        for name in self._files:
            if Path(name).suffix.lower() in VIDEO_SUFFIXES:
                found.append(Part(0, "files", (name,), "", 0, 1))
                continue
            together.append(name)
            if len(together) == PICTURES:
                found.append(_of_files(together))
                together = []
        if together:
            found.append(_of_files(together))
        return [replace(part, number=number) for number, part in enumerate((*found, *self._containers))]

    def _add_table(self, path: Path) -> None:
        column, rows = _table(path)
        if column != BYTES_COLUMN:
            for name in _names_in(path, column):
                self._add_file(Path(name))
            return
        for first in range(0, rows, ROWS):
            self._containers.append(Part(0, "rows", (), str(path), first, min(ROWS, rows - first)))

    def _add_file(self, path: Path) -> None:
        folder = path.parent
        if folder not in self._resolved:
            self._resolved[folder] = folder.resolve()
        place = self._resolved[folder] / path.name
        if place not in self._known:
            self._known.add(place)
            self._files.append(str(path))


def _of_files(names: list[str]) -> Part:
    return Part(0, "files", tuple(names), "", 0, len(names))


def _listed(path: Path) -> list[str]:
    """Read a list of names, one a line; empty lines are passed over."""
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; expected the name of a file in each line") from None
    names = [line for line in text.splitlines() if line.strip()]
    if not names:
        raise NothingThere(f"{path}: no names in it")
    _require_there(names, f"{path}, name")
    return names


def _require_there(names: Sequence[str], where: str) -> None:
    """Raise `DataError` if a file of a list is missing; `where` begins the message, the number of the name follows."""
    missing = [(number, name) for number, name in enumerate(names, start=1) if not os.path.lexists(name)]
    if missing:
        number, name = missing[0]
        more = "" if len(missing) == 1 else f", and {len(missing) - 1:,} more of the list are missing"
        raise DataError(
            f"{where} {number}: no such file or folder: {name}{more}; names in a list count from the current folder"
        )


def _table(path: Path) -> tuple[str, int]:
    """Return which column of a table holds names or pictures, and how many rows there are."""
    parquet = require_pyarrow()
    import pyarrow as pa

    try:
        names = parquet.read_schema(path).names
        rows = parquet.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file, or damaged ({reason_of(error)})") from None
    for name in (BYTES_COLUMN, *PATH_COLUMNS):
        if name in names:
            return name, rows
    raise DataError(
        f"{path}: the columns are {', '.join(names)}; expected {BYTES_COLUMN} with the pictures' bytes, or one of "
        f"{', '.join(PATH_COLUMNS)} with their names"
    )


def _names_in(path: Path, column: str) -> list[str]:
    """Read the names of pictures in a table's column."""
    import pyarrow as pa

    try:
        names: list[str] = require_pyarrow().read_table(path, columns=[column])[column].to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: damaged ({reason_of(error)})") from None
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise DataError(f"{path}, row {row}: {column} is {name!r}, expected the name of a picture file")
    _require_there(names, f"{path}, name")
    return names


def _members(path: Path) -> list[Part]:
    """Cut the pictures of a tar archive into parts."""
    try:
        with tarfile.open(path, "r:") as archive:
            count = sum(member.isfile() and is_picture(member.name) for member in archive)
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: not a tar archive, or damaged ({error})") from None
    if not count:
        raise NothingThere(f"{path}: no pictures in it")
    return [
        Part(0, "members", (), str(path), first, min(PICTURES, count - first)) for first in range(0, count, PICTURES)
    ]
