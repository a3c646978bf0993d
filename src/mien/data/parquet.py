"""Parquet files with a picture a row: mien's own FER2013 file, and the image data sets of Hugging Face.

Columns: `image`, a struct of `bytes` and `path`; the label, `emotion` (FER2013's numbers) or `label` (a string, or a
number whose name is in the file's `huggingface` metadata); where present `usage` and the FER+ votes `votes_neutral`, …,
`votes_NF`.  Upper and lower case don't matter in these names.
Layout: https://huggingface.co/docs/datasets/image_dataset
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, MissingExtraError, pip_install
from mien.core.faces import UNLABELLED, FaceSet, join
from mien.core.files import parse_json
from mien.core.labels import (
    FER2013,
    FERPLUS_VOTES,
    LONGEST_NAME,
    check_names,
    order_classes,
    spell_classes,
    spelling_notes,
)
from mien.data.csv_tables import SPLIT_COLUMNS, SPLITS_EXPECTED, numbering_notes
from mien.data.pictures import SPLIT_WORDS, Decoded, Reading, decode_faces, split_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"PAR1"
"""How every Parquet file begins."""

LABEL_COLUMNS = ("emotion", "label", "labels")
LARGE_BYTES, MOST_SMALLER = 256 << 20, 100
"""A column of a row group that is larger, and that compression made so many times smaller, holds no pictures."""

MANY_ROWS, MOST_ROWS_PER_BYTE = 10_000, 1
"""A file with more rows, and more than one per byte, repeats a few pictures; in memory each row takes 2.3 kB."""

ROWS_AT_ONCE = 512
LARGE_GROUP_BYTES, FEW_ROWS = 32 << 20, 16
"""Of pictures in a row group, unpacked; from a larger one so few rows are read at a time."""

BUFFER_BYTES = 1 << 20
"""Of a column that are read from the disk at a time."""

VOTE_COLUMNS = tuple(f"votes_{name}" for name in FERPLUS_VOTES)
COLUMNS = {name.casefold(): name for name in ("image", *LABEL_COLUMNS, *SPLIT_COLUMNS, *VOTE_COLUMNS)}


def files_of(path: Path) -> list[Path]:
    """List the Parquet files at `path`: the file itself, or those in the folder and in its `data/`."""
    return [path] if path.is_file() else sorted([*path.glob("[!.]*.parquet"), *path.glob("data/[!.]*.parquet")])


def stream_rows(path: Path, reading: Reading) -> Iterator[FaceSet]:
    """Read a Parquet file or a folder of several, a few hundred faces at a time, so that memory doesn't grow with it.

    Args:
        path: the file or folder.
        reading: how.

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
        for part in _stream(path, reading):
            held.append(part)
            if sum(map(len, held)) >= ROWS_AT_ONCE:
                yield join(held)
                held = []
        if held:
            yield join(held)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: damaged, or files of different columns ({reason})") from None


def read(path: Path, reading: Reading) -> FaceSet:
    """Read all faces of a Parquet file or a folder of several; arguments and errors are those of `stream_rows`."""
    return join(stream_rows(path, reading))


def _stream(path: Path, reading: Reading) -> Iterator[FaceSet]:
    import pyarrow.parquet as pq

    files, empty = files_of(path), True
    schemas = {file: pq.read_schema(file) for file in files}
    columns = [_columns(schema, file) for file, schema in schemas.items()]
    if any(each != columns[0] for each in columns):
        raise DataError(f"{path}: files of different columns")
    for file in files:
        _require_readable(pq.read_metadata(file), file)
    labels = LabelCodes.scan(path, schemas, next(name for name in columns[0] if name in LABEL_COLUMNS), reading)
    not_found: tuple[str, ...] = ()
    for file in files:
        for decoded, table in _parts(file, list(columns[0]), several=len(files) > 1, reading=reading):
            not_found += decoded.not_found
            if not len(decoded.images):
                continue
            empty = False
            votes = _votes(table, path) if set(VOTE_COLUMNS) <= set(table.column_names) else None
            rows = table["mien_id"].to_pylist()
            yield FaceSet(
                images=decoded.images,
                targets=labels.targets(table[labels.column].to_pylist(), rows),
                classes=labels.classes,
                splits=_splits(table, path),
                ids=np.array(rows),
                source=str(path),
                votes=votes,
                vote_names=() if votes is None else FERPLUS_VOTES,
                notes=(*labels.notes, *decoded.notes),
                not_found=not_found,
            )
            not_found = ()
    if empty:
        raise DataError(f"{path}: no rows with a picture")


def _columns(schema: "pa.Schema", file: Path) -> dict[str, "pa.DataType"]:
    """Return what is read, and its types.

    Raises:
        DataError: a column is missing, there twice, or neither of numbers nor of texts.
    """
    import pyarrow as pa

    names = _column_names(schema)
    label = next((name for name in LABEL_COLUMNS if name in names), None)
    if "image" not in names or label is None:
        raise DataError(
            f"{file}: the columns are {', '.join(schema.names)}; expected image, and one of {', '.join(LABEL_COLUMNS)}"
        )
    if set(SPLIT_COLUMNS) <= set(names):
        raise DataError(f"{file}: the columns {' and '.join(SPLIT_COLUMNS)} mean the same; keep one of them")
    kept = {
        name: schema.field(names.index(name)).type
        for name in ("image", label, *SPLIT_COLUMNS, *VOTE_COLUMNS)
        if name in names
    }
    for name, kind in kept.items():
        if names.count(name) > 1:
            raise DataError(f"{file}: {names.count(name)} times the column {name}")
        plain = (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_null,
            pa.types.is_integer,
            pa.types.is_floating,
        )
        if name != "image" and not any(fits(_value_type(kind)) for fits in plain):
            raise DataError(f"{file}: the column {name} is {kind}, expected numbers or text")
    return kept


def _column_names(schema: "pa.Schema") -> list[str]:
    """Return the names of all columns; those that mean something here, in any case, as they are written here."""
    return [COLUMNS.get(name.casefold(), name) for name in schema.names]


def _require_readable(metadata: "pq.FileMetaData", file: Path) -> None:
    """Raise `DataError` if a column or the number of rows is out of proportion to the file."""
    size = file.stat().st_size
    if metadata.num_rows > MANY_ROWS and metadata.num_rows > MOST_ROWS_PER_BYTE * size:
        raise DataError(f"{file}: {metadata.num_rows:,} rows in {size:,} bytes; these are no pictures of their own")
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            size, packed = column.total_uncompressed_size, column.total_compressed_size
            if size > LARGE_BYTES and size > MOST_SMALLER * packed:
                raise DataError(f"{file}: {packed:,} bytes unpack to {size:,}; this holds no pictures")


def _parts(file: Path, kept: list[str], *, several: bool, reading: Reading) -> Iterator[tuple[Decoded, "pa.Table"]]:
    """Yield some faces at a time and the other columns of their rows, with the columns `mien_id` and `mien_split`."""
    import pyarrow as pa

    start = 0
    for batch in _batches(file, kept):
        ids = [f"{file.name}:{row}" if several else str(row) for row in range(start, start + len(batch))]
        start += len(batch)
        pictures = zip((f"{file}, row {row}" for row in ids), _encoded(batch["image"], file), strict=True)
        decoded = decode_faces(pictures, reading)
        table = _as_texts(pa.Table.from_batches([batch]).drop_columns("image"), file)
        table = table.append_column("mien_id", pa.array(ids, pa.string()))
        table = table.append_column("mien_split", pa.array([_split_in(file.name)] * len(ids), pa.string()))
        yield decoded, table.filter(pa.array(decoded.good))


def _encoded(column: "pa.Array", file: Path) -> list[bytes]:
    """Return each picture's bytes; empty where there are none."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        column = column.field("bytes")
    held = _value_type(column.type)
    if not (pa.types.is_binary(held) or pa.types.is_large_binary(held)):
        raise DataError(
            f"{file}: the column image is {_value_type(kind)}, expected a struct with the picture file's bytes"
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
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "train")


def _splits(table: "pa.Table", path: Path) -> NDArray[np.str_]:
    column = next((name for name in SPLIT_COLUMNS if name in table.column_names), None)
    if column is None:
        return np.array(table["mien_split"].to_pylist())
    values = table[column].to_pylist()
    splits = []
    for value, row in zip(values, table["mien_id"].to_pylist(), strict=True):
        split = split_of(value) if isinstance(value, str) else None
        if split is None:
            raise DataError(f"{path}, row {row}: {column} {value!r}, expected {SPLITS_EXPECTED}")
        splits.append(split)
    return np.array(splits)


def _votes(table: "pa.Table", path: Path) -> NDArray[np.uint8]:
    """Return `uint8 (N, 10)`."""
    votes = [table[name].to_pylist() for name in VOTE_COLUMNS]
    for name, values in zip(VOTE_COLUMNS, votes, strict=True):
        for value, row in zip(values, table["mien_id"].to_pylist(), strict=True):
            if not isinstance(value, int) or not 0 <= value <= 255:
                raise DataError(f"{path}, row {row}: {name} {value!r}, expected a count from 0 to 255")
    return np.array(votes, np.uint8).T


def _batches(file: Path, columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """Yield up to `ROWS_AT_ONCE` rows of some of the `COLUMNS` at a time; texts come as dictionaries.

    So do the pictures, so that one that the file repeats is held once; but not those of a large row group: Arrow would
    hold all of it.  A batch never has rows of two row groups, whose dictionaries differ: Arrow can't nest these.
    """
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(file)
    leaves = [metadata.schema.column(i) for i in range(len(metadata.schema))]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    others = [path for path in texts if not _is_of_picture(path)]
    schema = metadata.schema.to_arrow_schema()
    written = [name for name, known in zip(schema.names, _column_names(schema), strict=True) if known in columns]
    with (
        pq.ParquetFile(file, read_dictionary=texts, pre_buffer=False, buffer_size=BUFFER_BYTES) as small,
        pq.ParquetFile(file, read_dictionary=others, pre_buffer=False, buffer_size=BUFFER_BYTES) as large,
    ):
        for group in range(metadata.num_row_groups):
            opened, rows = (large, FEW_ROWS) if _is_large(metadata.row_group(group)) else (small, ROWS_AT_ONCE)
            for batch in opened.iter_batches(batch_size=rows, row_groups=[group], columns=written):
                batch.validate(full=True)  # a damaged dictionary may be shorter than its indices say
                yield batch.rename_columns(_column_names(batch.schema))


def _is_large(group: "pq.RowGroupMetaData") -> bool:
    columns = [group.column(i) for i in range(group.num_columns)]
    pictures = [column for column in columns if _is_of_picture(column.path_in_schema)]
    return bool(sum(column.total_uncompressed_size for column in pictures) > LARGE_GROUP_BYTES)


def _is_of_picture(path: str) -> bool:
    return path.partition(".")[0].casefold() == "image"


def _value_type(kind: "pa.DataType") -> "pa.DataType":
    """Return the type of the values, which a dictionary may hold."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_texts(table: "pa.Table", file: Path) -> "pa.Table":
    """Turn dictionaries of short texts into the texts; raise `DataError` for a long one."""
    import pyarrow as pa

    for place, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                if any(len(text) > LONGEST_NAME for text in chunk.dictionary.to_pylist() if isinstance(text, str)):
                    raise DataError(f"{file}: a {name} of more than {LONGEST_NAME} characters")
            table = table.set_column(place, name, column.cast(_value_type(column.type)))
    return table


@dataclass(frozen=True)
class LabelCodes:
    """What the labels of all files mean.

    Attributes:
        path: the file or folder.
        column: the name of the label's column.
        classes: the C class names.
        codes: each label's index in `classes`.
        expected: what a label must be, in words.
        notes: what a person should know about them.
    """

    path: Path
    column: str
    classes: tuple[str, ...]
    codes: dict[Any, int]
    expected: str
    notes: tuple[str, ...] = ()

    @classmethod
    def scan(cls, path: Path, schemas: "Mapping[Path, pa.Schema]", column: str, reading: Reading) -> "LabelCodes":
        """Look through the labels of all files, given with their schemas; names that these lack are those found.

        Raises:
            DataError: a class name that can't be one, or files that name the classes otherwise.
        """
        import pyarrow as pa

        found: set[Any] = set()
        rows = 0
        for file in schemas:
            for batch in _batches(file, [column]):
                rows += len(batch)
                found |= {*_as_texts(pa.Table.from_batches([batch]), file)[column].to_pylist()}
        found = {label for label in found if not _means_none(label)}
        given = list(dict.fromkeys(names for schema in schemas.values() if (names := _names(schema, column))))
        if len(given) > 1:
            raise DataError(f"{path}: files of different class names ({'; '.join(', '.join(each) for each in given)})")
        notes: tuple[str, ...] = ()
        names = given[0] if given else ()
        if not given and column == "emotion":
            names = reading.classes or FER2013
            if reading.classes is None and all(isinstance(label, int) and label < len(FER2013) for label in found):
                notes = numbering_notes(found, faces=rows)
        if names:
            expected = f"0 to {len(names) - 1} ({', '.join(names)})"
            return cls(path, column, names, {i: i for i in range(len(names))}, expected, notes)
        expected = "a whole number or a string"
        if {type(label) for label in found} not in ({str}, {int}):
            return cls(path, column, (), {}, expected)
        spelled = spell_classes(map(str, found))
        check_names(sorted(set(spelled.values())), source=path)
        classes = order_classes(spelled.values())
        codes = {label: classes.index(spelled[str(label)]) for label in found}
        return cls(path, column, classes, codes, expected, spelling_notes(spelled))

    def targets(self, labels: Sequence[Any], rows: Sequence[str]) -> NDArray[np.int64]:
        """Return `int64 (N,)`; a label that is null, or a number below 0, means unlabelled.

        Raises:
            DataError: a label that is not known; the message names its row.
        """
        for label, row in zip(labels, rows, strict=True):
            if not _means_none(label) and label not in self.codes:
                raise DataError(f"{self.path}, row {row}: {self.column} {label!r}, expected {self.expected}")
        return np.array([UNLABELLED if _means_none(label) else self.codes[label] for label in labels], np.int64)


def _means_none(label: Any) -> bool:
    return label is None or (isinstance(label, int) and label < 0)


def _names(schema: "pa.Schema", column: str) -> tuple[str, ...]:
    """Return the names that Hugging Face's metadata give the label's numbers; none if there are none."""
    try:
        features = parse_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
        written = schema.names[_column_names(schema).index(column)]
        names = features[written]["names"]
        return tuple(str(name) for name in names) if isinstance(names, list) else ()
    except (KeyError, TypeError, ValueError):
        return ()
