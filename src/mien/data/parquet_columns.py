"""The columns of Parquet files, a few hundred rows at a time, and what their labels mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED
from mien.core.files import parse_json
from mien.core.labels import FER2013, LONGEST_NAME, check_names, order_classes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS_AT_ONCE = 512
LARGE_GROUP_BYTES, FEW_ROWS = 32 << 20, 16
"""Of pictures in a row group, unpacked; from a larger one so few rows are read at a time."""

BUFFER_BYTES = 1 << 20
"""Of a column that are read from the disk at a time."""


def batches(file: Path, columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """Yield up to `ROWS_AT_ONCE` rows of some columns at a time; texts come as dictionaries.

    So do the pictures, so that one that the file repeats is held once; but not those of a large row group: Arrow would
    hold all of it.  A batch never has rows of two row groups, whose dictionaries differ: Arrow can't nest these.
    """
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(file)
    leaves = [metadata.schema.column(i) for i in range(len(metadata.schema))]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    others = [path for path in texts if path.partition(".")[0] != "image"]
    with (
        pq.ParquetFile(file, read_dictionary=texts, pre_buffer=False, buffer_size=BUFFER_BYTES) as small,
        pq.ParquetFile(file, read_dictionary=others, pre_buffer=False, buffer_size=BUFFER_BYTES) as large,
    ):
        for group in range(metadata.num_row_groups):
            opened, rows = (large, FEW_ROWS) if _is_large(metadata.row_group(group)) else (small, ROWS_AT_ONCE)
            yield from opened.iter_batches(batch_size=rows, row_groups=[group], columns=columns)


def _is_large(group: "pq.RowGroupMetaData") -> bool:
    columns = [group.column(i) for i in range(group.num_columns)]
    pictures = [column for column in columns if column.path_in_schema.partition(".")[0] == "image"]
    return bool(sum(column.total_uncompressed_size for column in pictures) > LARGE_GROUP_BYTES)


def held_type(kind: "pa.DataType") -> "pa.DataType":
    """Return the type of the values, which a dictionary may hold."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def plain(table: "pa.Table", file: Path) -> "pa.Table":
    """Turn dictionaries of short texts into the texts; raise `DataError` for a long one."""
    import pyarrow as pa

    for place, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                if any(len(text) > LONGEST_NAME for text in chunk.dictionary.to_pylist() if isinstance(text, str)):
                    raise DataError(f"{file}: a {name} of more than {LONGEST_NAME} characters")
            table = table.set_column(place, name, column.cast(held_type(column.type)))
    return table


@dataclass(frozen=True)
class Labels:
    """What the labels of all files mean.

    Attributes:
        path: the file or folder.
        column: the name of the label's column.
        classes: the C class names.
        codes: each label's index in `classes`.
        expected: what a label must be, in words.
    """

    path: Path
    column: str
    classes: tuple[str, ...]
    codes: dict[Any, int]
    expected: str

    @classmethod
    def scan(cls, path: Path, schemas: "Mapping[Path, pa.Schema]", column: str) -> "Labels":
        """Look through the labels of all files, given with their schemas; names that these lack are those found.

        Raises:
            DataError: a class name that can't be one, or files that name the classes otherwise.
        """
        import pyarrow as pa

        found: set[Any] = set()
        for file in schemas:
            for batch in batches(file, [column]):
                found |= {*plain(pa.Table.from_batches([batch]), file)[column].to_pylist()}
        found = {label for label in found if not _means_none(label)}
        given = list(dict.fromkeys(names for schema in schemas.values() if (names := _names(schema, column))))
        if len(given) > 1:
            raise DataError(f"{path}: files of different class names ({'; '.join(', '.join(each) for each in given)})")
        names = given[0] if given else FER2013 if column == "emotion" else ()
        if names:
            return cls(
                path, column, names, {i: i for i in range(len(names))}, f"0 to {len(names) - 1} ({', '.join(names)})"
            )
        expected = "a whole number or a string"
        if {type(label) for label in found} not in ({str}, {int}):
            return cls(path, column, (), {}, expected)
        check_names([str(label) for label in found], source=path)
        classes = order_classes(map(str, found))
        return cls(path, column, classes, {label: classes.index(str(label)) for label in found}, expected)

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
        names = parse_json((schema.metadata or {})[b"huggingface"])["info"]["features"][column]["names"]
        return tuple(str(name) for name in names) if isinstance(names, list) else ()
    except (KeyError, TypeError, ValueError):
        return ()
