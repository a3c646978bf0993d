"""Files of classified faces, written as they come: a table for people, JSON, JSON Lines, CSV, TSV, Parquet.

What is written stays, whatever happens next: Ctrl+C, a broken video or `kill -9` (a Parquet file then lacks its end).
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from mien.core.errors import MissingExtraError, UsageError, pip_install
from mien.core.schema import SCHEMA_VERSION
from mien.core.text import readable, spreadsheet_cell
from mien.runtime.results import Face

if TYPE_CHECKING:
    from mien.core.model_id import ModelId

SIDES = ("box_x", "box_y", "box_width", "box_height")
COLUMNS = ("schema_version", "source", "frame", "time_s", "face", *SIDES, "label", "probability")
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

ROW_GROUP = 10_000
"""Faces in a Parquet file's row group."""


class Format(NamedTuple):
    """How faces become text.

    Attributes:
        head: what comes first, for the model and the class names.
        line: one face.
        between: what stands between two faces.
        tail: what comes last.
    """

    head: Callable[["ModelId", Sequence[str]], str]
    line: Callable[[Face], str]
    between: str = ""
    tail: str = ""


class Writer(Protocol):
    """Writes faces in one format."""

    def write(self, faces: Sequence[Face]) -> None:
        """Append faces."""

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
    place: Path | TextIO, format_: str, *, model: "ModelId", classes: Sequence[str], append: bool = False
) -> Writer:
    """Begin a file of classified faces.

    Args:
        place: the file, which is replaced, or an open text file, which is not closed.
        format_: one of `FORMATS`, or `parquet`, which needs a path.
        model: which network classifies.
        classes: the C class names.
        append: keep what the file has.

    Raises:
        MissingExtraError: Parquet, and pyarrow is not installed.
    """
    if not isinstance(place, Path):
        return _TextWriter(place, FORMATS[format_], model, classes, close=False)
    if format_ == PARQUET:
        return _ParquetWriter(place, classes)
    file = place.open("a" if append else "w", encoding="utf-8")
    return _TextWriter(file, FORMATS[format_], model, classes, close=True)


def flat_record(face: Face) -> dict[str, Any]:
    """Return a record without nested values: the box's sides and the classes have columns of their own.

    >>> import numpy as np
    >>> from mien.runtime.geometry import Box
    >>> face = Face("a.jpg", "1", {"happy": 0.75, "sad": 0.25}, Box(1, 2, 3, 4), np.zeros((48, 48), np.uint8))
    >>> flat_record(face)
    {'schema_version': 2, 'source': 'a.jpg', 'frame': None, 'time_s': None, 'face': '1', 'box_x': 1, 'box_y': 2,
     'box_width': 3, 'box_height': 4, 'label': 'happy', 'probability': 0.75, 'p_happy': 0.75, 'p_sad': 0.25}
    """
    record = face.record()
    record |= dict(zip(SIDES, record["box"] or [None] * 4, strict=True))
    row = {name: record[name] for name in COLUMNS}
    for name, probability in record["probabilities"].items():
        row[f"p_{name}"] = probability
    return row


def columns(classes: Sequence[str]) -> list[str]:
    """Name the columns of `flat_record`."""
    return [*COLUMNS, *(f"p_{name}" for name in classes)]


class _TextWriter:
    def __init__(self, file: TextIO, format_: Format, model: "ModelId", classes: Sequence[str], *, close: bool) -> None:
        self._file, self._format, self._close = file, format_, close
        self._between = ""
        self._file.write(format_.head(model, classes))

    def write(self, faces: Sequence[Face]) -> None:
        for face in faces:
            self._file.write(self._between + self._format.line(face))
            self._between = self._format.between
        self._file.flush()

    def close(self) -> None:
        self._file.write(self._format.tail)
        self._file.flush()
        if self._close:
            self._file.close()


class _ParquetWriter:
    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise MissingExtraError(f"Parquet needs pyarrow: {pip_install('parquet')}") from None
        kinds = {"schema_version": pyarrow.int32(), "frame": pyarrow.int64()}
        kinds |= dict.fromkeys(("source", "face", "label"), pyarrow.string())
        self._schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in columns(classes)])
        self._to_table = pyarrow.Table.from_pylist
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, faces: Sequence[Face]) -> None:
        self._rows += [flat_record(face) for face in faces]
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._to_table(self._rows, self._schema))
        self._rows = []


def _table_head(_model: "ModelId", classes: Sequence[str]) -> str:
    width = _label_width(classes)
    return f"{'face':>6}  {'expression':<{width}}  probability  {'box (x y width height)':<22}  source\n"


def _table_line(face: Face) -> str:
    box = ""
    if face.box is not None:
        box = " ".join(f"{side:.0f}" for side in face.box)
    source = readable(face.source)
    if face.time_s is not None:
        source += f" {face.time_s:.3f} s"
    width = _label_width(face.probabilities)
    return f"{readable(face.face):>6}  {face.label:<{width}}  {face.probability:>11.3f}  {box:<22}  {source}\n"


def _label_width(classes: Iterable[str]) -> int:
    return max(len(name) for name in (*classes, "expression"))


def _json_head(model: "ModelId", classes: Sequence[str]) -> str:
    head = {"schema_version": SCHEMA_VERSION, "model": model.to_dict(), "classes": list(classes)}
    # The list of faces stays open: they are written as they come.
    return json.dumps(head, ensure_ascii=False).removesuffix("}") + ', "faces": [\n'


def _json_line(face: Face) -> str:
    return json.dumps(face.record(), ensure_ascii=False)


def _row(values: Sequence[Any], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow([spreadsheet_cell(value) for value in values])
    return text.getvalue()


def _row_format(delimiter: str) -> Format:
    return Format(
        head=lambda _model, classes: _row(columns(classes), delimiter),
        line=lambda face: _row(list(flat_record(face).values()), delimiter),
    )


def _submission_line(face: Face) -> str:
    """Write the face's id and the number of its label, as in the course's training file."""
    return _row([face.face, list(face.probabilities).index(face.label)])


FORMATS = {
    "table": Format(_table_head, _table_line),
    "json": Format(_json_head, _json_line, between=",\n", tail="\n]}\n"),
    "jsonl": Format(lambda _model, _classes: "", lambda face: _json_line(face) + "\n"),
    "csv": _row_format(","),
    "tsv": _row_format("\t"),
    "submission": Format(lambda _model, _classes: "id,label\n", _submission_line),
}
"""The formats that are text; a submission is of a table of faces."""
