"""CSV output that a spreadsheet may open."""

import csv
import io

import numpy as np
import pytest

from mien.core.model_id import ModelId
from mien.runtime.result_files import FORMATS, Head
from mien.runtime.results import Face

BLANK = np.zeros((48, 48), np.uint8)
MODEL = ModelId(name="one", version="0.1.0", sha256="ab12")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx"])
def test_names_from_data_are_no_formulae(name: str) -> None:
    face = Face(name, name, {name: 1.0, "sad": 0.0}, None, BLANK, None, 3, -0.5)
    classes = (name, "sad")
    text = FORMATS["csv"].head(Head(MODEL, ("happy", "sad"))) + FORMATS["csv"].line(face.record(), classes)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["source"], row["face"], row["label"]) == ("'" + name.replace("\r", r"\r"),) * 3
    assert (row["time_s"], row["p_happy"]) == ("-0.5", "1.0")
    (submitted,) = csv.reader(io.StringIO(FORMATS["submission"].line(face.record(), classes), newline=""))
    assert submitted == ["'" + name.replace("\r", r"\r"), "0"]


def test_names_in_a_table_move_no_cursor() -> None:
    face = Face("e\x1b[31m\nY.png", "a\nb", {"happy": 1.0}, None, BLANK)
    line = FORMATS["table"].line(face.record(), ("happy",))
    assert r"a\nb" in line
    assert line.endswith("  e\\x1b[31m\\nY.png\n")


def test_ids_that_are_numbers_stay() -> None:
    face = Face("a.csv", "-7", {"happy": 1.0}, None, BLANK)
    assert FORMATS["submission"].line(face.record(), ("happy",)) == "-7,0\n"
