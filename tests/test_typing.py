"""Types reach the user: a program that predicts, trains, evaluates and exports has no `Any` in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "typing/user_program.py"


def check(path: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROGRAM.parents[2]).stdout


@pytest.mark.long
def test_nothing_is_any() -> None:
    output = check(PROGRAM)
    assert "error" not in output
    assert output.count("Revealed type") == 12
    assert "Any" not in output.replace("tuple[Any, ...]", "")  # of NumPy's shapes


@pytest.mark.long
def test_a_misspelt_attribute_is_an_error(tmp_path: Path) -> None:
    wrong = tmp_path / "program.py"
    shutil.copy(PROGRAM, wrong)
    wrong.write_text(wrong.read_text().replace("face.label} ", "face.lable} "))
    assert 'has no attribute "lable"' in check(wrong)
