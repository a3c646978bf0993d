"""A part of a job: so many pictures, or one video, and how its pictures are opened."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mien.core.errors import DataError, MissingExtraError, pip_install
from mien.runtime.sources import PICTURE_SUFFIXES, PictureSource

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BYTES_COLUMN = "image"
"""Of a table, the column with the bytes of picture files: binary, or a struct with `bytes`."""

ROWS_AT_ONCE = 64
"""So many pictures of a table are in memory at a time."""

Kind = Literal["files", "rows", "members"]


@dataclass(frozen=True)
class Part:
    """A piece of a job, done as a whole or not at all.

    Attributes:
        number: its place among the parts, from 0.
        kind: whether it is files, rows of a table, or members of a tar archive.
        names: the files; empty for rows and members.
        container: the table or the archive; empty for files.
        first: the place of its first picture in the container, from 0.
        count: how many pictures it has; a video counts as one.
    """

    number: int
    kind: Kind
    names: tuple[str, ...]
    container: str
    first: int
    count: int

    @property
    def file(self) -> str:
        """The name of the Parquet file of its faces."""
        return part_file(self.number)


def part_file(number: int) -> str:
    """Return the name of the Parquet file of a part's faces."""
    return f"part-{number:06}.parquet"


class NamedBytes(io.BytesIO):
    """The content of a picture file, with the name by which records call it."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def pictures_of(part: Part) -> Iterator[PictureSource]:
    """Yield a part's pictures: names of files, or `NamedBytes`.

    Raises:
        DataError: the table or archive can't be read.
    """
    if part.kind == "files":
        yield from part.names
    elif part.kind == "rows":
        yield from _rows(part)
    else:
        yield from _members(part)


def name_of(picture: PictureSource) -> str:
    """Return the name of what `pictures_of` yields."""
    return picture.name if isinstance(picture, NamedBytes) else str(picture)


def require_pyarrow() -> Any:
    """Return the module `pyarrow.parquet`; raises `MissingExtraError` without it."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(f"a job in parts needs pyarrow: {pip_install('parquet')}") from None
    return parquet


def reason_of(error: Exception) -> str:
    """Return the first line of what PyArrow says."""
    return str(error).partition("\n")[0]


def is_picture(name: str) -> bool:
    """Say by its name whether a member of an archive is a picture.

    >>> is_picture("a/0001.jpg"), is_picture("a/0001.txt"), is_picture("a/.0001.jpg")
    (True, False, False)
    """
    path = Path(name)
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def _rows(part: Part) -> Iterator[NamedBytes]:
    """Yield the pictures of a part's rows; only the row groups that hold them are read."""
    import pyarrow as pa

    end, start = part.first + part.count, 0
    try:
        with require_pyarrow().ParquetFile(part.container) as file:
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if start < end and start + rows > part.first:
                    yield from _rows_of_group(file, group, start, part)
                start += rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{part.container}: damaged ({reason_of(error)})") from None


def _rows_of_group(file: "pq.ParquetFile", group: int, start: int, part: Part) -> Iterator[NamedBytes]:
    """Yield those rows of a row group that are the part's; `start` is the number of the group's first row."""
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[group], columns=[BYTES_COLUMN]):
        inside = start + len(batch) > part.first and start < part.first + part.count
        if inside:
            for row, value in enumerate(batch.column(0).to_pylist(), start=start):
                if part.first <= row < part.first + part.count:
                    content = value.get("bytes") if isinstance(value, dict) else value
                    yield NamedBytes(content if isinstance(content, bytes) else b"", f"{part.container}:{row}")
        start += len(batch)


def _members(part: Part) -> Iterator[NamedBytes]:
    """Yield the pictures of a part's members."""
    end, place = part.first + part.count, 0
    try:
        with tarfile.open(part.container, "r:") as archive:
            for member in archive:
                if not (member.isfile() and is_picture(member.name)):
                    continue
                if part.first <= place < end:
                    opened = archive.extractfile(member)
                    content = opened.read() if opened else b""
                    yield NamedBytes(content, f"{part.container}/{member.name}")
                place += 1
                if place == end:
                    return
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{part.container}: damaged ({error})") from None
