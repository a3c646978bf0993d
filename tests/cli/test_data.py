"""`mien data describe`, and what bad data lead to."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Mien

FACE = " ".join(["7"] * 2304)
SHORT = " ".join(["7"] * 2303)
LOUD = " ".join(["7"] * 2303 + ["256"])


def test_describe(mien: Mien, course_csv: Path) -> None:
    found = json.loads(mien("data", "describe", course_csv, "--json").out)
    assert found["splits"]["train"]["faces"] == 14
    assert found["splits"]["train"]["classes"]["happy"] == 2
    assert found["blank"] == 14
    text = mien("data", "describe", course_csv).out
    assert found["fingerprint"] in text
    assert "14 faces have a single grey level" in text


def test_answers_for_test_rows(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(f"id,feature\n0,{FACE}\n1,{FACE}\n")
    (tmp_path / "answers.csv").write_text("id,label\n1,3\n0,6\n")
    found = json.loads(mien("data", "describe", "test.csv", "--targets", "answers.csv", "--json").out)
    classes = found["splits"]["test"]["classes"]
    assert (classes["happy"], classes["neutral"], found["unlabelled"]) == (1, 1, 0)


def test_audit(mien: Mien, tmp_path: Path) -> None:
    """The bundles that ship judge faces that they have not seen; `--json` has all that the files have."""
    found = json.loads(mien("data", "audit", "synthetic:70", "--model", "mien-n", "-o", "audit", "--json").out)
    assert (found["judged"], found["models"], found["copies"]) == (70, ["mien-n"], [])
    names = sorted(path.name for path in (tmp_path / "audit").iterdir() if not path.name.startswith("."))
    assert names == ["audit.csv", "audit.html", "audit.json", "copies.csv"]
    refused = mien("data", "audit", "synthetic:70", "--model", "mien-n", "-o", "audit")
    assert (refused.code, refused.out) == (2, "")
    assert "--overwrite" in refused.err
    text = mien("data", "audit", "synthetic:70", "--model", "mien-n", "-o", "audit", "--overwrite").out
    assert "judged:       70 of 70 labels" in text
    assert text.rstrip().endswith("audit.html")
    assert mien("data", "audit", "synthetic:70", "--model", "mien-x").code == 3
    assert mien("data", "audit", "synthetic:70", "--model", "").code == 2
    assert not (tmp_path / "runs").exists()


BAD = {
    "no column": (f"emotion,pixel,Usage\n0,{FACE},Training\n", "line 1"),
    "2,303 pixels": (f"emotion,pixels,Usage\n0,{FACE},Training\n1,{SHORT},Training\n", "line 3: 2,303 pixels"),
    "pixel 256": (f"label,feature\n0,{LOUD}\n", "line 2: pixel 2304 is 256"),
    "pixel x": (f"label,feature\n0,x {SHORT}\n", "line 2: pixel 1 is 'x'"),
    "label 9": (f"label,feature\n0,{FACE}\n9,{FACE}\n", "line 3: label '9', expected 0 to 6"),
    "usage": (f"emotion,pixels,Usage\n0,{FACE},Tasting\n", "line 2: Usage 'Tasting'"),
    "empty": ("", "empty"),
    "header only": ("label,feature\n", "a header and no rows"),
    "cut off": (f"emotion,pixels,Usage\n0,{FACE},Training\n1,7 7 7", "line 3: 2 columns"),
    "utf-16": (f"label,feature\n0,{FACE}\n".encode("utf-16"), "line 1: not UTF-8"),
}


@pytest.mark.parametrize(
    "verb", ["data describe bad.csv", "train bad.csv --recipe demo", "study bad.csv --recipe=demo"]
)
@pytest.mark.parametrize("name", BAD)
def test_bad_files_exit_3_and_leave_nothing(mien: Mien, tmp_path: Path, verb: str, name: str) -> None:
    content, message = BAD[name]
    (tmp_path / "bad.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = mien(*verb.split())
    assert done.code == 3
    assert done.out == ""
    assert "bad.csv" in done.err
    assert message in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_an_unreadable_picture(mien: Mien, tmp_path: Path) -> None:
    for name in ("smile", "frown"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((60, 50), 40 * i, np.uint8)).save(tmp_path / "faces" / name / f"{i}.png")
    (tmp_path / "faces/smile/bad.png").write_bytes(b"no picture")
    done = mien("data", "describe", "faces")
    assert done.code == 3
    assert "bad.png" in done.err
    done = mien("data", "describe", "faces", "--skip-bad", "--json")
    assert done.code == 0
    assert "left out" in done.err
    assert "bad.png" in done.err
    assert json.loads(done.out)["splits"]["train"]["classes"] == {"frown": 3, "smile": 3}
