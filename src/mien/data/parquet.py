"""Parquet files with a picture a row: mien's own FER2013 file, and the image data sets of Hugging Face.

Columns: `image`, a struct of `bytes` and `path`; the label, `emotion` (FER2013's numbers) or `label` (a string, or a
number whose name is in the file's `huggingface` metadata); where present `usage` and the FER+ votes `votes_neutral`, …,
`votes_NF`.
Layout: https://huggingface.co/docs/datasets/image_dataset
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, MissingExtraError, pip_install
from mien.core.faces import FaceSet, join
from mien.core.labels import FERPLUS_VOTES
from mien.data.fer2013_csv import USAGE_SPLITS
from mien.data.parquet_columns import ROWS_AT_ONCE, Labels, batches, held_type, plain
from mien.data.pictures import SPLIT_NAMES, OnBad, decode_faces

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"PAR1"
"""How every Parquet file begins."""

LABEL_COLUMNS = ("emotion", "label", "labels")
LARGE_BYTES, MOST_SMALLER = 256 << 20, 100
"""A column of a row group that is larger, and that compression made so many times smaller, holds no pictures."""

VOTE_COLUMNS = tuple(f"votes_{name}" for name in FERPLUS_VOTES)


def files_of(path: Path) -> list[Path]:
    """List the Parquet files at `path`: the file itself, or those in the folder and in its `data/`."""
    return [path] if path.is_file() else sorted([*path.glob("[!.]*.parquet"), *path.glob("data/[!.]*.parquet")])


def stream(path: Path, *, on_bad: OnBad | None = None) -> Iterator[FaceSet]:
    """Read a Parquet file or a folder of several, a few hundred faces at a time, so that memory doesn't grow with it.

    Args:
        path: the file or folder.
        on_bad: told of every picture that can't be read; without it the first one raises.

    Yields:
        Faces with images `uint8 (N, 48, 48)`, all with the same classes; the ids are row numbers from 0, with the
        file's name where several; the split is what `usage` says, else what the file's name says, else `train`.

    Raises:
        DataError: damaged, a column missing, a label or usage that is not known, a picture that can't be read, or no
            rows.
        MissingExtraError: PyArrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError(f"Parquet needs PyArrow: {pip_install('parquet')}") from None
    try:
        held: list[FaceSet] = []
        for part in _stream(path, on_bad):
            held.append(part)
            if sum(map(len, held)) >= ROWS_AT_ONCE:
                yield join(held)
                held = []
        if held:
            yield join(held)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: damaged, or files of different columns ({reason})") from None


def read(path: Path, *, on_bad: OnBad | None = None) -> FaceSet:
    """Read all faces of a Parquet file or a folder of several; arguments and errors are those of `stream`."""
    return join(stream(path, on_bad=on_bad))


def _stream(path: Path, on_bad: OnBad | None) -> Iterator[FaceSet]:
    import pyarrow.parquet as pq

    files, empty = files_of(path), True
    schemas = {file: pq.read_schema(file) for file in files}
    columns = [_columns(schema, file) for file, schema in schemas.items()]
    if any(each != columns[0] for each in columns):
        raise DataError(f"{path}: files of different columns")
    for file in files:
        _require_readable(pq.read_metadata(file), file)
    labels = Labels.scan(path, schemas, next(name for name in columns[0] if name in LABEL_COLUMNS))
    for file in files:
        for images, table in _parts(file, list(columns[0]), several=len(files) > 1, on_bad=on_bad):
            if not len(images):
                continue
            empty = False
            votes = _votes(table, path) if set(VOTE_COLUMNS) <= set(table.column_names) else None
            rows = table["mien_id"].to_pylist()
            yield FaceSet(
                images=images,
                targets=labels.targets(table[labels.column].to_pylist(), rows),
                classes=labels.classes,
                splits=_splits(table, path),
                ids=np.array(rows),
                source=str(path),
                votes=votes,
                vote_names=() if votes is None else FERPLUS_VOTES,
            )
    if empty:
        raise DataError(f"{path}: no rows with a picture")


def _columns(schema: "pa.Schema", file: Path) -> dict[str, "pa.DataType"]:
    """Return what is read, and its types.

    Raises:
        DataError: a column is missing, there twice, or neither of numbers nor of texts.
    """
    import pyarrow as pa

    label = next((name for name in LABEL_COLUMNS if name in schema.names), None)
    if "image" not in schema.names or label is None:
        raise DataError(
            f"{file}: the columns are {', '.join(schema.names)}; expected image, and one of {', '.join(LABEL_COLUMNS)}"
        )
    kept = [name for name in ("image", label, "usage", *VOTE_COLUMNS) if name in schema.names]
    for name in kept:
        if schema.names.count(name) > 1:
            raise DataError(f"{file}: {schema.names.count(name)} times the column {name}")
        kind = schema.field(name).type
        plain = (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_null,
            pa.types.is_integer,
            pa.types.is_floating,
        )
        if name != "image" and not any(fits(held_type(kind)) for fits in plain):
            raise DataError(f"{file}: the column {name} is {kind}, expected numbers or text")
    return {name: schema.field(name).type for name in kept}


def _require_readable(metadata: "pq.FileMetaData", file: Path) -> None:
    """Raise `DataError` if a column grows out of proportion when unpacked."""
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            size, packed = column.total_uncompressed_size, column.total_compressed_size
            if size > LARGE_BYTES and size > MOST_SMALLER * packed:
                raise DataError(f"{file}: {packed:,} bytes unpack to {size:,}; this holds no pictures")


def _parts(
    file: Path, kept: list[str], *, several: bool, on_bad: OnBad | None
) -> Iterator[tuple[NDArray[np.uint8], "pa.Table"]]:
    """Yield some faces at a time and the other columns of their rows, with the columns `mien_id` and `mien_split`."""
    import pyarrow as pa

    start = 0
    for batch in batches(file, kept):
        ids = [f"{file.name}:{row}" if several else str(row) for row in range(start, start + len(batch))]
        start += len(batch)
        pictures = zip((f"{file}, row {row}" for row in ids), _encoded(batch["image"], file), strict=True)
        images, good = decode_faces(pictures, on_bad=on_bad)
        table = plain(pa.Table.from_batches([batch]).drop_columns("image"), file)
        table = table.append_column("mien_id", pa.array(ids, pa.string()))
        table = table.append_column("mien_split", pa.array([_split_in(file.name)] * len(ids), pa.string()))
        yield images, table.filter(pa.array(good))


def _encoded(column: "pa.Array", file: Path) -> list[bytes]:
    """Return each picture's bytes; empty where there are none."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        column = column.field("bytes")
    held = held_type(column.type)
    if not (pa.types.is_binary(held) or pa.types.is_large_binary(held)):
        raise DataError(
            f"{file}: the column image is {held_type(kind)}, expected a struct with the picture file's bytes"
        )
    if not pa.types.is_dictionary(column.type):
        return [value or b"" for value in column.to_pylist()]
    values = column.dictionary.to_pylist()
    return [b"" if place is None else values[place] or b"" for place in column.indices.to_pylist()]


def _split_in(file_name: str) -> str:
    """Find a split in a file name such as `test-00000-of-00001.parquet`.

    >>> _split_in("validation-00000-of-00002.parquet"), _split_in("faces.parquet")
    ('validation', 'train')
    """
    words = re.split(r"[-_.]", file_name.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "train")


def _splits(table: "pa.Table", path: Path) -> NDArray[np.str_]:
    if "usage" not in table.column_names:
        return np.array(table["mien_split"].to_pylist())
    usage = table["usage"].to_pylist()
    for value, row in zip(usage, table["mien_id"].to_pylist(), strict=True):
        if value not in USAGE_SPLITS:
            raise DataError(f"{path}, row {row}: usage {value!r}, expected {' or '.join(USAGE_SPLITS)}")
    return np.array([USAGE_SPLITS[value] for value in usage])


def _votes(table: "pa.Table", path: Path) -> NDArray[np.uint8]:
    """Return `uint8 (N, 10)`."""
    votes = [table[name].to_pylist() for name in VOTE_COLUMNS]
    for name, values in zip(VOTE_COLUMNS, votes, strict=True):
        for value, row in zip(values, table["mien_id"].to_pylist(), strict=True):
            if not isinstance(value, int) or not 0 <= value <= 255:
                raise DataError(f"{path}, row {row}: {name} {value!r}, expected a count from 0 to 255")
    return np.array(votes, np.uint8).T
