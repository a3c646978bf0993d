"""Choosing the reader: by content, never by name; and what can't be opened."""

import os
import shutil
import subprocess
import sys

import pytest

from mien.core.errors import DataError, UsageError
from mien.data.formats import open_faces
from mien.synthetic.faces import draw_faces


def test_the_name_does_not_matter(images, write_csv, tmp_path):
    path = write_csv("fer2013.csv", "emotion,pixels,Usage", [(3, image, "Training") for image in images])
    other = shutil.copy(path, tmp_path / "faces.parquet")
    assert open_faces(str(other)).fingerprint == open_faces(path).fingerprint


def test_missing(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: can't be read \(No such file"):
        open_faces(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("name", "faces"), [("synthetic", 6000), ("synthetic:70", 70)])
def test_synthetic(name, faces, monkeypatch):
    drawn = draw_faces(7)
    asked = []
    monkeypatch.setattr("mien.synthetic.faces.draw_faces", lambda count, *, seed: asked.append((count, seed)) or drawn)
    assert open_faces(name, seed=4) is drawn[0]
    assert asked == [(faces, 4)]


def test_synthetic_faces_are_marked():
    assert open_faces("synthetic:14").synthetic


@pytest.mark.parametrize(
    "name", ["synthetic:0", "synthetic:-3", "synthetic:x", "synthetic:²", "synthetic:10000000", f"synthetic:{9:05000}"]
)
def test_a_bad_number_of_synthetic_faces(name):
    with pytest.raises(UsageError, match="synthetic:3000"):
        open_faces(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\0b.csv", "no name of a file"),
        (os.fsdecode(b"a\xff.csv"), "not UTF-8"),
        ("x" * 300, "File name too long"),
    ],
)
def test_names_that_no_file_has(name, message):
    with pytest.raises(DataError, match=message):
        open_faces(name)


def test_votes_and_targets_with_names_that_no_file_has(images, write_csv):
    faces = write_csv("fer2013.csv", "emotion,pixels,Usage", [(3, image, "Training") for image in images])
    with pytest.raises(DataError, match="can't be read"):
        open_faces(faces, votes="a\0b")


def test_bad_options(images, write_csv):
    path = write_csv("train.csv", "label,feature", [(1, image) for image in images])
    with pytest.raises(UsageError, match="expected own or ferplus"):
        open_faces(path, labels="fer+")
    with pytest.raises(UsageError, match="has labels of its own"):
        open_faces(path, targets="answers.csv")


def test_importing_the_readers_is_light():
    code = (
        "import sys, mien.data.formats, mien.data.split, mien.data.audit; "
        "print([name for name in ('torch', 'pyarrow', 'sklearn', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are no files there")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        open_faces(tmp_path / "pipe")
