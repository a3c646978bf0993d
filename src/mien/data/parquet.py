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

from mien.core.errors import DataError, MissingExtraError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.files import parse_json
from mien.core.labels import FER2013, FERPLUS_VOTES, LONGEST_NAME, check_names, order_classes
from mien.data.fer2013_csv import USAGE_SPLITS
from mien.data.pictures import SPLIT_NAMES, OnBad, decode_faces

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"PAR1"
"""How every Parquet file begins."""

ROWS_AT_ONCE = 512
LABEL_COLUMNS = ("emotion", "label", "labels")
LARGE_BYTES, MOST_SMALLER = 256 << 20, 100
"""A column of a row group that is larger, and that compression made so many times smaller, holds no pictures."""

VOTE_COLUMNS = tuple(f"votes_{name}" for name in FERPLUS_VOTES)


def files_of(path: Path) -> list[Path]:
    """List the Parquet files at `path`: the file itself, or those in the folder and in its `data/`."""
    return [path] if path.is_file() else sorted([*path.glob("[!.]*.parquet"), *path.glob("data/[!.]*.parquet")])


def read(path: Path, *, on_bad: OnBad | None = None) -> FaceSet:
    """Read a Parquet file or a folder of several; ids are row numbers from 0, with the file's name where several.

    Args:
        path: the file or folder; only a few hundred encoded pictures are held at a time.
        on_bad: told of every picture that can't be read; without it the first one raises.

    Returns:
        Images `uint8 (N, 48, 48)`; the split is what `usage` says, else what the file's name says, else `train`.

    Raises:
        DataError: damaged, a column missing, a label or usage that is not known, or a picture that can't be read.
        MissingExtraError: PyArrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError('Parquet needs PyArrow: pip install "mien[train]"') from None
    try:
        return _read(path, on_bad)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: damaged, or files of different columns ({reason})") from None


def _read(path: Path, on_bad: OnBad | None) -> FaceSet:
    import pyarrow as pa

    files = files_of(path)
    parts = [part for file in files for part in _parts(file, len(files) > 1, on_bad)]
    table = pa.concat_tables([rest for _, rest in parts]) if parts else pa.table({})
    if not len(table):
        raise DataError(f"{path}: no rows with a picture")
    targets, classes = _targets(table, path)
    votes = _votes(table, path) if set(VOTE_COLUMNS) <= set(table.column_names) else None
    return FaceSet(
        images=np.concatenate([images for images, _ in parts]),
        targets=targets,
        classes=classes,
        splits=_splits(table, path),
        ids=np.array(table["mien_id"].to_pylist()),
        source=str(path),
        votes=votes,
        vote_names=() if votes is None else FERPLUS_VOTES,
    )


def _parts(file: Path, several: bool, on_bad: OnBad | None) -> Iterator[tuple[NDArray[np.uint8], "pa.Table"]]:
    """Yield some faces at a time and the other columns of their rows, with the columns `mien_id` and `mien_split`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # As dictionaries, so that a text or picture that the file repeats is held once
    leaves = pq.read_metadata(file).schema
    texts = [leaf.path for leaf in map(leaves.column, range(len(leaves))) if leaf.physical_type == "BYTE_ARRAY"]
    with pq.ParquetFile(file, read_dictionary=texts) as opened:
        names = opened.schema_arrow.names
        label = next((name for name in LABEL_COLUMNS if name in names), None)
        if "image" not in names or label is None:
            raise DataError(
                f"{file}: the columns are {', '.join(names)}; expected image, and one of {', '.join(LABEL_COLUMNS)}"
            )
        kept = [name for name in ("image", label, "usage", *VOTE_COLUMNS) if name in names]
        _require_readable(opened, kept, file)
        start = 0
        for batch in _batches(opened, kept):
            ids = [f"{file.name}:{row}" if several else str(row) for row in range(start, start + len(batch))]
            start += len(batch)
            pictures = zip((f"{file}, row {row}" for row in ids), _encoded(batch["image"], file), strict=True)
            images, good = decode_faces(pictures, on_bad=on_bad)
            table = _plain(pa.Table.from_batches([batch]).drop_columns("image"), file)
            table = table.append_column("mien_id", pa.array(ids, pa.string()))
            table = table.append_column("mien_split", pa.array([_split_in(file.name)] * len(ids), pa.string()))
            yield images, table.filter(pa.array(good)).replace_schema_metadata(opened.schema_arrow.metadata)


def _batches(opened: "pq.ParquetFile", kept: list[str]) -> Iterator["pa.RecordBatch"]:
    """Yield some rows at a time; a batch of two row groups would have two dictionaries, which Arrow can't nest."""
    for group in range(opened.num_row_groups):
        yield from opened.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[group], columns=kept)


def _held(kind: "pa.DataType") -> "pa.DataType":
    """Return the type of the values, which a dictionary may hold."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _require_readable(opened: "pq.ParquetFile", kept: list[str], file: Path) -> None:
    """Raise `DataError` if a column that is read is there twice, nested, or grows out of proportion when unpacked."""
    import pyarrow as pa

    schema = opened.schema_arrow
    for name in kept:
        if schema.names.count(name) > 1:
            raise DataError(f"{file}: {schema.names.count(name)} times the column {name}")
        kind = _held(schema.field(name).type)
        texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
        if name != "image" and not any(fits(kind) for fits in (*texts, pa.types.is_integer, pa.types.is_floating)):
            raise DataError(f"{file}: the column {name} is {kind}, expected numbers or text")
    for group in range(opened.metadata.num_row_groups):
        for place in range(opened.metadata.num_columns):
            column = opened.metadata.row_group(group).column(place)
            size, packed = column.total_uncompressed_size, column.total_compressed_size
            if size > LARGE_BYTES and size > MOST_SMALLER * packed:
                raise DataError(f"{file}: {packed:,} bytes unpack to {size:,}; this holds no pictures")


def _plain(table: "pa.Table", file: Path) -> "pa.Table":
    """Turn dictionaries of short texts into the texts; raise `DataError` for a long one."""
    import pyarrow as pa

    for place, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                if any(len(text) > LONGEST_NAME for text in chunk.dictionary.to_pylist() if isinstance(text, str)):
                    raise DataError(f"{file}: a {name} of more than {LONGEST_NAME} characters")
            table = table.set_column(place, name, column.cast(_held(column.type)))
    return table


def _encoded(column: "pa.Array", file: Path) -> list[bytes]:
    """Return each picture's bytes; empty where there are none."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        column = column.field("bytes")
    held = _held(column.type)
    if not (pa.types.is_binary(held) or pa.types.is_large_binary(held)):
        raise DataError(f"{file}: the column image is {_held(kind)}, expected a struct with the picture file's bytes")
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


def _targets(table: "pa.Table", path: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return `int64 (N,)` and the classes; a label that is null, or a number below 0, means unlabelled."""
    column = next(name for name in LABEL_COLUMNS if name in table.column_names)
    labels = [None if isinstance(value, int) and value < 0 else value for value in table[column].to_pylist()]
    found = {label for label in labels if label is not None}
    names = _class_names(table, column) or (FER2013 if column == "emotion" else ())
    if found <= {*range(len(names))}:
        code: dict[object, int] = {label: label for label in found}
        return np.array([code.get(label, UNLABELLED) for label in labels], np.int64), names
    kinds = {type(label) for label in found}
    if names or kinds not in ({str}, {int}):
        row, label = next(
            (row, label)
            for row, label in zip(table["mien_id"].to_pylist(), labels, strict=True)
            if label is not None and label not in range(len(names))
        )
        expected = f"0 to {len(names) - 1} ({', '.join(names)})" if names else "a whole number or a string"
        raise DataError(f"{path}, row {row}: {column} {label!r}, expected {expected}")
    check_names([str(label) for label in found], source=path)
    classes = order_classes(map(str, found))
    return np.array([UNLABELLED if label is None else classes.index(str(label)) for label in labels], np.int64), classes


def _class_names(table: "pa.Table", column: str) -> tuple[str, ...]:
    """Return the names that Hugging Face's metadata give the label's numbers; none if there are none."""
    try:
        names = parse_json((table.schema.metadata or {})[b"huggingface"])["info"]["features"][column]["names"]
        return tuple(str(name) for name in names) if isinstance(names, list) else ()
    except (KeyError, TypeError, ValueError):
        return ()


def _votes(table: "pa.Table", path: Path) -> NDArray[np.uint8]:
    """Return `uint8 (N, 10)`."""
    votes = [table[name].to_pylist() for name in VOTE_COLUMNS]
    for name, values in zip(VOTE_COLUMNS, votes, strict=True):
        for value, row in zip(values, table["mien_id"].to_pylist(), strict=True):
            if not isinstance(value, int) or not 0 <= value <= 255:
                raise DataError(f"{path}, row {row}: {name} {value!r}, expected a count from 0 to 255")
    return np.array(votes, np.uint8).T
