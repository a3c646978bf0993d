"""Every example runs and says something."""

import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
DRAWS = {"synthetic_sheet", "corruption_sheet"}  # overwrite pictures of the docs; tests of their own cover the drawing


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem not in DRAWS], ids=lambda path: path.stem)
def test_example(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
