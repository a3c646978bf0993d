"""Files of classified faces, written as they come: a table for people, JSON, JSON Lines, CSV, TSV, Parquet.

What is written stays, whatever happens next: Ctrl+C, a broken video or `kill -9` (a Parquet file then lacks its end).
A full disk ends a file after a whole row.
"""

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from mien.core.errors import MissingExtraError, UsageError, pip_install
from mien.core.schema import SCHEMA_VERSION
from mien.core.text import escape_controls, readable, spreadsheet_cell
from mien.runtime.results import PictureResult

if TYPE_CHECKING:
    from mien.core.model_id import ModelId

SIDES = ("box_x", "box_y", "box_width", "box_height")
COLUMNS = (
    *("schema_version", "source", "frame", "time_s", "face", *SIDES, "label", "probability"),
    *("rotated", "crop", "quality", "reason"),
)
"""The first columns of CSV and Parquet; each class's probability follows, as `p_<class>`."""

PARQUET = "parquet"
FORMAT_OF_ENDING = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": PARQUET,
    ".txt": "table",
}

METADATA = "mien"
"""The key of what a Parquet file says about itself."""

ROW_GROUP = 10_000
"""Rows in a Parquet file's row group."""


class Head(NamedTuple):
    """What a file of faces says before the first: which model, its C class names, what it was not made for."""

    model: "ModelId"
    classes: Sequence[str]
    warnings: Sequence[str] = ()


class Format(NamedTuple):
    """How records become text.

    Attributes:
        head: what comes first.
        line: one record, for the class names; nothing of a record that the format leaves out.
        between: what stands between two records.
        tail: what comes last.
    """

    head: Callable[[Head], str]
    line: Callable[[dict[str, Any], Sequence[str]], str]
    between: str = ""
    tail: str = ""


class Writer(Protocol):
    """Writes pictures' records in one format."""

    def write(self, result: PictureResult) -> None:
        """Append a picture's records."""

    def close(self) -> None:
        """Write what ends the format, and close the file."""


def format_of(path: Path) -> str:
    """Return the format that a file's ending asks for.

    >>> format_of(Path("faces.csv"))
    'csv'
    >>> format_of(Path("faces.xlsx"))
    Traceback (most recent call last):
    mien.core.errors.UsageError: faces.xlsx: no such format; end the name in .json, .jsonl, .csv, .tsv, .parquet or .txt
    """
    format_ = FORMAT_OF_ENDING.get(path.suffix.lower())
    if format_ is None:
        *others, last = FORMAT_OF_ENDING
        raise UsageError(f"{path}: no such format; end the name in {', '.join(others)} or {last}")
    return format_


def open_writer(
    place: Path | TextIO,
    format_: str,
    *,
    model: "ModelId",
    classes: Sequence[str],
    warnings: Sequence[str] = (),
    append: bool = False,
) -> Writer:
    """Begin a file of classified faces.

    Args:
        place: the file, which is replaced, or an open text file, which is not closed.
        format_: one of `FORMATS`, or `parquet`, which needs a path.
        model: which network classifies.
        classes: the C class names.
        warnings: what the network was not made for.
        append: keep what the file has.

    Raises:
        MissingExtraError: Parquet, and pyarrow is not installed.
    """
    if format_ == PARQUET and isinstance(place, Path):
        return ParquetWriter(place, classes)
    file: _Place = _WholeRows(place, append=append) if isinstance(place, Path) else _Stream(place)
    return _TextWriter(file, FORMATS[format_], Head(model, classes, warnings))


def flat_record(record: dict[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Return a record without nested values: the box's sides and the classes have columns of their own.

    >>> flat_record(PictureResult("a.jpg", reason="no face found").records()[0], ["happy"])
    {'schema_version': 3, 'source': 'a.jpg', 'frame': None, 'time_s': None, 'face': None, 'box_x': None, 'box_y': None,
     'box_width': None, 'box_height': None, 'label': None, 'probability': None, 'rotated': None, 'crop': None,
     'quality': '', 'reason': 'no face found', 'p_happy': None}
    """
    flat = record | dict(zip(SIDES, record["box"] or [None] * 4, strict=True))
    flat["quality"] = " ".join(record["quality"])
    row = {name: flat[name] for name in COLUMNS}
    probabilities = record["probabilities"] or {}
    for name in classes:
        row[f"p_{name}"] = probabilities.get(name)
    return row


def columns(classes: Sequence[str]) -> list[str]:
    """Name the columns of `flat_record`."""
    return [*COLUMNS, *(f"p_{name}" for name in classes)]


class _Place(Protocol):
    """Where text goes."""

    def write(self, text: str) -> None: ...

    def close(self) -> None: ...


class _Stream:
    """An open text file, which stays open; what would move a terminal's cursor is escaped there."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        self._file.write(escape_controls(text) if self._file.isatty() else text)
        self._file.flush()

    def close(self) -> None:
        pass


class _WholeRows:
    """A file that ends with what was last written as a whole: what a full disk cut off is taken back."""

    def __init__(self, path: Path, *, append: bool) -> None:
        self._file = path.open("ab" if append else "wb", buffering=0)
        self._end = self._file.tell() if self._file.seekable() else 0

    def write(self, text: str) -> None:
        left = memoryview(text.encode())
        length = len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
        except BaseException:
            with contextlib.suppress(OSError):  # devices and pipes can't be cut
                os.truncate(self._file.fileno(), self._end)
            raise
        self._end += length

    def close(self) -> None:
        self._file.close()


class _TextWriter:
    def __init__(self, file: _Place, format_: Format, head: Head) -> None:
        self._file, self._format, self._classes = file, format_, head.classes
        self._between = ""
        self._file.write(format_.head(head))

    def write(self, result: PictureResult) -> None:
        text, between = "", self._between
        for record in result.records():
            line = self._format.line(record, self._classes)
            if line:
                text += between + line
                between = self._format.between
        self._file.write(text)
        self._between = between

    def close(self) -> None:
        try:
            self._file.write(self._format.tail)
        finally:
            self._file.close()


class ParquetWriter:
    """Writes pictures' records as a Parquet table, some thousand rows at a time.

    Args:
        place: the file, which is replaced, or one opened for bytes, which is not closed.
        classes: the C class names.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, place: Path | IO[bytes], classes: Sequence[str]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise MissingExtraError(f"Parquet needs pyarrow: {pip_install('parquet')}") from None
        kinds = {"schema_version": pyarrow.int32(), "frame": pyarrow.int64(), "rotated": pyarrow.int64()}
        kinds |= dict.fromkeys(("source", "face", "label", "crop", "quality", "reason"), pyarrow.string())
        self._schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in columns(classes)])
        self._to_table = pyarrow.Table.from_pylist
        self._classes = classes
        self._writer = parquet.ParquetWriter(place, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, result: PictureResult) -> None:
        """Append a picture's records."""
        self._rows += [flat_record(record, self._classes) for record in result.records()]
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def close(self, counts: Mapping[str, int] | None = None) -> None:
        """Write the end of the file, once; `counts` go into its metadata, under the key `mien`."""
        if not self._writer.is_open:
            return
        self._flush()
        if counts is not None:
            self._writer.add_key_value_metadata({METADATA: json.dumps(counts)})
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._to_table(self._rows, self._schema))
        self._rows = []


def _table_head(head: Head) -> str:
    width = _label_width(head.classes)
    return f"{'face':>6}  {'expression':<{width}}  probability  {'box (x y width height)':<22}  source\n"


def _table_line(record: dict[str, Any], classes: Sequence[str]) -> str:
    if record["face"] is None:
        return ""
    box = ""
    if record["box"] is not None:
        box = " ".join(f"{side:.0f}" for side in record["box"])
    source = readable(record["source"])
    if record["time_s"] is not None:
        source += f" {record['time_s']:.3f} s"
    label = f"{record['label']:<{_label_width(classes)}}"
    return f"{readable(record['face']):>6}  {label}  {record['probability']:>11.3f}  {box:<22}  {source}\n"


def _label_width(classes: Iterable[str]) -> int:
    return max(len(name) for name in (*classes, "expression"))


def head_values(head: Head) -> dict[str, Any]:
    """Return what JSON says before the first face, in a file and in the service's answers."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": head.model.to_dict(),
        "classes": list(head.classes),
        "warnings": list(head.warnings),
    }


def _json_head(head: Head) -> str:
    # The list of faces stays open: they are written as they come.
    return json.dumps(head_values(head), ensure_ascii=False).removesuffix("}") + ', "faces": [\n'


def _json_line(record: dict[str, Any], _classes: Sequence[str]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _row(values: Sequence[Any], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow([spreadsheet_cell(value) for value in values])
    return text.getvalue()


def _row_format(delimiter: str) -> Format:
    return Format(
        head=lambda head: _row(columns(head.classes), delimiter),
        line=lambda record, classes: _row(list(flat_record(record, classes).values()), delimiter),
    )


def _submission_line(record: dict[str, Any], classes: Sequence[str]) -> str:
    """Write the face's id and the number of its label, as in the course's training file."""
    if record["face"] is None:
        return ""
    return _row([record["face"], list(classes).index(record["label"])])


FORMATS = {
    "table": Format(_table_head, _table_line),
    "json": Format(_json_head, _json_line, between=",\n", tail="\n]}\n"),
    "jsonl": Format(lambda _head: "", lambda record, classes: _json_line(record, classes) + "\n"),
    "csv": _row_format(","),
    "tsv": _row_format("\t"),
    "submission": Format(lambda _head: "id,label\n", _submission_line),
}
"""The formats that are text; a submission is of a table of faces."""
