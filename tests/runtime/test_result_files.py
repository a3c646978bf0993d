"""CSV output that a spreadsheet may open."""

import csv
import io
import json
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mien.core.model_id import ModelId
from mien.runtime.result_files import FORMATS, Head, open_writer
from mien.runtime.results import Face, PictureResult

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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("format_", FORMATS)
def test_no_format_moves_a_terminals_cursor(format_: str) -> None:
    """In a file the name stays as it is, so that it is found again."""
    name = "e\x1b[31m\x9b2J\u202eY.png"
    face = Face(name, name, {"happy": 1.0}, None, BLANK)
    shown, stored = Terminal(), io.StringIO()
    for place in (shown, stored):
        writer = open_writer(place, format_, model=MODEL, classes=["happy"])
        writer.write(PictureResult(name, (face,)))
        writer.close()
    assert not set("\x1b\x9b\u202e") & set(shown.getvalue())
    assert ("\x9b" in stored.getvalue()) == (format_ != "table")


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on a file's size")
@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "tsv", "table"])
@pytest.mark.parametrize("share", [0.5, 0.61, 0.83, 0.97])
def test_a_full_disk_ends_a_file_after_a_whole_row(format_: str, share: float, tmp_path: Path) -> None:
    import resource

    path = tmp_path / "faces"
    ends = set()

    def save() -> None:
        with closing(open_writer(path, format_, model=MODEL, classes=["happy"])) as writer:
            for i in range(9):
                face = Face(f"{i}.png", "1", {"happy": 1.0}, None, BLANK)
                writer.write(PictureResult(face.source, (face,)))
                ends.add(path.stat().st_size)

    save()
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(whole)), hard))  # what comes over it is cut off
    try:
        with pytest.raises(OSError, match="File too large"):
            save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    rows = path.read_bytes()
    if rows.endswith(b"]}\n"):  # there was room for what ends the format
        json.loads(rows)
        rows = rows.removesuffix(b"\n]}\n")
    assert whole.startswith(rows)
    assert len(rows) in ends
    assert 0 < len(rows) <= share * len(whole)
