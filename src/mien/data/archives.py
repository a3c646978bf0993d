"""Tables that are packed: `.gz`, `.zip`, `.tar.gz` and the like with one table in them; other archives are named."""

import contextlib
import gzip
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from mien.core.errors import DataError
from mien.core.files import is_pipe

TABLE_ENDINGS = (".csv", ".tsv", ".parquet")

MOST_BYTES = 2 << 30
"""Of a table in an archive; FER2013's has 300 million."""

CHUNK = 1 << 20

ZIP, GZIP, BZIP2, XZ = b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it: 7z x",
    b"Rar!\x1a\x07": "a RAR archive; unpack it: unrar x",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd; unpack it: unzstd",
    b"\xd0\xcf\x11\xe0": "an Excel file; save it as CSV in UTF-8, instead of",
}
"""How files begin that are not opened, and what to say about each, followed by its name."""

EXCEL = "an Excel or other spreadsheet file; save it as CSV in UTF-8"


def is_archive(path: Path) -> bool:
    """Whether a file is an archive or spreadsheet; an `.npz`, which is a ZIP file of arrays, is none."""
    with path.open("rb") as file:
        start = file.read(262)
    if start.startswith(ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                return not all(name.endswith(".npy") for name in archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False  # the reader of `.npz` files says that it is damaged
    return start.startswith((GZIP, BZIP2, XZ, *OTHERS)) or _is_tar(start)


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


@contextlib.contextmanager
def readable_table(path: Path) -> Iterator[Path]:
    """Give the table that is in a file: the file itself, or what `unpacked` makes of an archive."""
    try:
        if is_pipe(path):  # which can be read once only
            raise DataError(f"{path}: neither a file nor a folder")
        is_packed = is_archive(path)
    except (OSError, ValueError):
        is_packed = False  # whoever reads it says what is wrong
    if not is_packed:
        yield path
        return
    with unpacked(path) as table:
        yield table


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Unpack the one table of an archive into a temporary file, which is removed when the block ends.

    A `DataError` in the block that names that file names the archive instead.

    Raises:
        DataError: no table in it, or several; damaged, larger than `MOST_BYTES`, or a kind that is not opened.
    """
    with path.open("rb") as file:
        start = file.read(262)
    for magic, advice in OTHERS.items():
        if start.startswith(magic):
            raise DataError(f"{path}: {advice} {path.name}")
    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        table = Path(folder, "table")
        try:
            if start.startswith(ZIP):
                _from_zip(path, table)
            elif _is_tar(start) or tarfile.is_tarfile(path):
                _from_tar(path, table)
            elif start.startswith(GZIP):
                with gzip.open(path) as packed:
                    _copy(packed, table, path)
            else:
                command = "bunzip2" if start.startswith(BZIP2) else "unxz"
                raise DataError(f"{path}: a packed file; unpack it: {command} -k {path.name}")
        except DataError:
            raise
        except Exception as error:  # half a dozen kinds for damaged and encrypted archives
            raise DataError(f"{path}: a damaged or encrypted archive ({error}); get it again or unpack it") from None
        try:
            if is_archive(table):
                raise DataError(f"{path}: an archive in an archive; unpack it")
            yield table
        except DataError as error:
            raise DataError(str(error).replace(str(table), str(path))) from None


def _from_zip(path: Path, table: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise DataError(f"{path}: {EXCEL}")
        name = _only_table(path, names, command=f"unzip {path.name} -d FOLDER")
        with archive.open(name) as packed:
            _copy(packed, table, path)


def _from_tar(path: Path, table: Path) -> None:
    with tarfile.open(path) as archive:
        names = [member.name for member in archive if member.isfile()]
        name = _only_table(path, names, command=f"tar -xf {path.name}")
        packed = archive.extractfile(name)
        assert packed is not None  # a file has content
        _copy(packed, table, path)


def _only_table(path: Path, names: Sequence[str], *, command: str) -> str:
    tables = []
    for name in names:
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if not hidden and name.lower().endswith(TABLE_ENDINGS):
            tables.append(name)
    if len(tables) == 1:
        return tables[0]
    found = f"{len(tables)} tables ({', '.join(tables[:5])})" if tables else f"{len(names):,} files and no table"
    raise DataError(
        f"{path}: an archive with {found}, expected one CSV or Parquet file; unpack it ({command}) and "
        "give the file or folder of faces"
    )


def _copy(packed: IO[bytes] | gzip.GzipFile, table: Path, path: Path) -> None:
    with table.open("wb") as file:
        while chunk := packed.read(CHUNK):
            if file.tell() + len(chunk) > MOST_BYTES:
                raise DataError(f"{path}: unpacks to more than {MOST_BYTES:,} bytes; unpack it and give the file")
            file.write(chunk)
