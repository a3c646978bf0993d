"""Classified faces as text, written as they come: a table for people, JSON, JSON Lines, CSV, or a submission."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from mien.core.schema import SCHEMA_VERSION
from mien.core.text import readable, spreadsheet_cell
from mien.runtime.results import Face

SIDES = ("box_x", "box_y", "box_width", "box_height")
COLUMNS = ("schema_version", "source", "frame", "time_s", "face", *SIDES, "label", "probability")
"""The first columns of CSV and Parquet; each class's probability follows, as `p_<class>`."""


class Format(NamedTuple):
    """How faces become text: what comes first for the class names, before each but the first face, for it, and last."""

    head: Callable[[Sequence[str]], str]
    line: Callable[[Face], str]
    between: str = ""
    tail: str = ""


def flat(face: Face) -> dict[str, Any]:
    """One record without nested values, for CSV and Parquet: the box's sides and the classes have columns of their own.

    >>> import numpy as np
    >>> from mien.runtime.geometry import Box
    >>> flat(Face("a.jpg", "1", {"happy": 0.75, "sad": 0.25}, Box(1, 2, 3, 4), np.zeros((48, 48), np.uint8)))
    {'schema_version': 1, 'source': 'a.jpg', 'frame': None, 'time_s': None, 'face': '1', 'box_x': 1, 'box_y': 2,
     'box_width': 3, 'box_height': 4, 'label': 'happy', 'probability': 0.75, 'p_happy': 0.75, 'p_sad': 0.25}
    """
    row = face.record()
    row |= dict(zip(SIDES, row["box"] or [None] * 4, strict=True))
    return {name: row[name] for name in COLUMNS} | {f"p_{name}": p for name, p in row["probabilities"].items()}


def columns(labels: Sequence[str]) -> list[str]:
    """Name the columns of `flat`."""
    return [*COLUMNS, *(f"p_{name}" for name in labels)]


def _table_head(labels: Sequence[str]) -> str:
    return f"{'face':>6}  {'expression':<{_wide(labels)}}  probability  {'box (x y width height)':<22}  source\n"


def _table_line(face: Face) -> str:
    box = "" if face.box is None else " ".join(f"{side:.0f}" for side in face.box)
    when = "" if face.time_s is None else f" {face.time_s:.3f} s"
    wide = _wide(face.probabilities)
    name, source = readable(face.face), readable(face.source)
    return f"{name:>6}  {face.label:<{wide}}  {face.probability:>11.3f}  {box:<22}  {source}{when}\n"


def _wide(labels: Iterable[str]) -> int:
    return max(len(name) for name in (*labels, "expression"))


def _json_head(labels: Sequence[str]) -> str:
    head = {"schema_version": SCHEMA_VERSION, "classes": list(labels)}
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "faces": [\n'


def _json_line(face: Face) -> str:
    return json.dumps(face.record(), ensure_ascii=False)


def _csv_line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([spreadsheet_cell(value) for value in values])
    return text.getvalue()


def _submission_line(face: Face) -> str:
    """Write the face's id and the number of its label, as in the course's training file."""
    return _csv_line([face.face, list(face.probabilities).index(face.label)])


FORMATS = {
    "table": Format(_table_head, _table_line),
    "json": Format(_json_head, _json_line, between=",\n", tail="\n]}\n"),
    "jsonl": Format(lambda _: "", lambda face: _json_line(face) + "\n"),
    "csv": Format(lambda labels: _csv_line(columns(labels)), lambda face: _csv_line(list(flat(face).values()))),
    "submission": Format(lambda _: "id,label\n", _submission_line),
}
"""What `--format` takes, but for Parquet, which is no text; a submission is of a table of faces."""
