"""The C locale, where Python takes the names of files for ASCII unless it is told otherwise."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names of files are UTF-16 there")

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0"}
LOOK = """import sys, mien
def find_faces(path): mien.find_faces(path, detector=mien.YuNet())
photo = "na" + chr(0xef) + "ve.jpg"
calls = (mien.predict, photo), (find_faces, photo), (mien.open_faces, photo)
for call, path in (*calls, (mien.predict, sys.argv[1]), (mien.open_faces, "ascii")):
    try:
        call(path)
    except mien.MienError as error:
        print(str(error).partition(": ")[2])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A face and class folders whose names are not ASCII."""
    Image.fromarray(np.full((48, 48), 120, np.uint8)).save(tmp_path / "naïve.jpg")
    for name, level in (("fröhlich", 90), ("悲しい", 150)):
        place = tmp_path / "größe" / "train" / name
        place.mkdir(parents=True)
        Image.fromarray(np.full((48, 48), level, np.uint8)).save(place / "bïld.png")
    return tmp_path


def in_c_locale(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *arguments]
    done = subprocess.run(line, capture_output=True, cwd=folder, env={**os.environ, **C_LOCALE}, check=False)
    return subprocess.CompletedProcess(line, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_names_in_utf8_are_read_and_written(folder: Path) -> None:
    done = in_c_locale(folder, "-m", "mien", "predict", "naïve.jpg", "--draw", "gemält.jpg", "-o", "ergebnis_ö.csv")
    assert done.returncode == 0, done.stderr
    assert "gemält.jpg" in done.stdout + done.stderr
    assert (folder / "gemält.jpg").is_file()
    [row] = (folder / "ergebnis_ö.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert "naïve.jpg" in row
    done = in_c_locale(folder, "-m", "mien", "data", "describe", "größe")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:1] == ["größe"]
    assert {"fröhlich", "悲しい"} <= set(done.stdout.split())


def test_flags_of_python_are_kept(folder: Path) -> None:
    done = in_c_locale(folder, "-W", "error", "-c", "from mien.cli.main import main; main()", "models", "ö")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ö" in done.stderr


def test_python_says_how_to_start_it(folder: Path) -> None:
    shutil.copytree(folder / "größe", folder / "ascii")
    done = in_c_locale(folder, "-c", LOOK, "naïve.jpg")
    assert done.returncode == 0, done.stderr
    expected = "Python takes the names of files for ASCII here, as the C locale says; start it with PYTHONUTF8=1"
    assert done.stdout.splitlines() == [expected] * 5
