import csv
import io
from typing import Any

import pytest

from mien.core.text import markdown, readable, spreadsheet_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0", "-", "+happy"]
)
def test_a_formula_becomes_text(text: str) -> None:
    assert spreadsheet_cell(text) == "'" + text.replace("\r", r"\r")


@pytest.mark.parametrize("value", ["happy", "", "a=1", "'=1", -0.5, 3, None, True, "-7", "+1.5e-3", "-.5", "高兴"])
def test_everything_else_stays(value: Any) -> None:
    assert spreadsheet_cell(value) == value
    assert type(spreadsheet_cell(value)) is type(value)


def test_no_cell_of_a_row_begins_a_formula() -> None:
    names = ["=1", "+a", "-a", "@a", "\ta", "\ra", "a"]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([spreadsheet_cell(name) for name in names])
    assert [cell[0] for cell in next(csv.reader(io.StringIO(text.getvalue(), newline="")))] == ["'"] * 6 + ["a"]


def test_readable_text_keeps_every_script() -> None:
    text = "高兴 fâché 😀 سعيد 👩\u200d👧"
    assert readable(text) == text
    assert readable("\0\x7f\x9b\u2028\u2066") == r"\x00\x7f\x9b\u2028\u2066"


def test_markdown_shows_what_it_is_given() -> None:
    assert markdown("<script>a|b</script>") == r"&lt;script&gt;a\|b&lt;/script&gt;"
    assert markdown("[a](http://x)\n# b") == r"\[a\](http://x) # b"
    assert markdown("mien-s, 8 bits (87 %)") == "mien-s, 8 bits (87 %)"
