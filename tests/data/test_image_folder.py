"""Folders of pictures: layouts, any size and class name, and files that are no pictures."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.images import decode, resize
from mien.core.labels import FER2013
from mien.data.formats import open_faces


@pytest.fixture
def save(tmp_path):
    def save(name, image):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        return path

    return save


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def test_names_of_folders_that_are_no_class_names(root, save, images):
    save("good/a.png", images[0])
    for name, message in (
        ("a\nb", r"the class name .*a\\nb.* can't be shown"),
        ("\x1b[2J", "the class name .* can't be shown"),
        (b"\xff", r"root/\\udcff: a name that is not UTF-8"),
    ):
        bad = root / os.fsdecode(name)
        bad.mkdir()
        (bad / "a.png").write_bytes(b"")
        with pytest.raises(DataError, match=message):
            open_faces(root)
        shutil.rmtree(bad)
    assert open_faces(root).classes == ("good",)


def test_names_of_files_become_readable_ids(root, save, images):
    whole = save("happy/a.png", images[0])
    for name in (b"\xff.png", b"b\n.png"):
        shutil.copy(whole, root / "happy" / os.fsdecode(name))
    assert sorted(open_faces(root).ids.tolist()) == ["happy/\\udcff.png", "happy/a.png", "happy/b\\n.png"]


def test_numbers_of_any_length_are_class_names(root, save, images):
    for row, name in enumerate(("9" * 200, "10", "2")):
        save(f"{name}/a.png", images[row])
    assert open_faces(root).classes == ("2", "10", "9" * 200)


def test_own_classes_in_any_script(root, save, images):
    for row, name in enumerate(("ärgerlich", "笑顔", "радость")):
        save(f"{name}/b.png", images[row])
        save(f"{name}/deeper/a.png", images[row + 3])
    faces = open_faces(root)
    assert faces.classes == ("ärgerlich", "радость", "笑顔")
    assert faces.ids.tolist() == [
        "ärgerlich/b.png",
        "ärgerlich/deeper/a.png",
        "радость/b.png",
        "радость/deeper/a.png",
        "笑顔/b.png",
        "笑顔/deeper/a.png",
    ]
    assert faces.targets.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(faces.images, images[[0, 3, 2, 5, 1, 4]])
    assert set(faces.splits) == {"train"}


def test_decomposed_and_composed_names_are_one_class(root, save, images):
    save("train/fro\u0308hlich/a.png", images[0])
    save("test/fr\u00f6hlich/a.png", images[1])
    assert open_faces(root).classes == ("fr\u00f6hlich",)


@pytest.mark.parametrize("folder", ["validation", "valid", "val", "Val"])
def test_splits(root, save, images, folder):
    for row, name in enumerate(FER2013):
        save(f"train/{name}/a.png", images[row])
    save(f"{folder}/sad/a.png", images[7])
    save("test/happy/a.png", images[8])
    faces = open_faces(root)
    assert faces.classes == FER2013
    assert [len(faces.split(name)) for name in ("train", "validation", "test")] == [7, 1, 1]
    assert faces.split("validation").targets.tolist() == [FER2013.index("sad")]
    assert faces.split("validation").ids.tolist() == [f"{folder}/sad/a.png"]


@pytest.mark.parametrize(
    ("suffix", "mode", "size"),
    [
        ("png", "RGB", (100, 80)),
        ("jpg", "L", (48, 48)),
        ("jpeg", "RGB", (31, 200)),
        ("bmp", "L", (48, 48)),
        ("png", "RGBA", (20, 20)),
        ("webp", "RGB", (64, 64)),
        ("png", "P", (60, 60)),
    ],
)
def test_any_picture_goes_the_one_way(root, suffix, mode, size):
    path = root / "happy" / f"a.{suffix}"
    path.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)
    faces = open_faces(root)
    np.testing.assert_array_equal(faces.images[0], resize(decode(path)))


def test_hidden_files_are_ignored(root, save, images):
    save("happy/a.png", images[0])
    (root / "happy" / ".DS_Store").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("x")
    (root / "happy" / ".thumbs").mkdir()
    (root / "happy" / ".thumbs" / "a.png").write_bytes(b"x")
    (root / "README.md").write_text("about")
    assert open_faces(root).ids.tolist() == ["happy/a.png"]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n cut off"])
def test_one_unreadable_picture(root, save, images, caplog, content):
    save("happy/a.png", images[0])
    save("sad/c.png", images[1])
    bad = root / "happy" / "b.png"
    bad.write_bytes(content)
    with pytest.raises(DataError, match=r"happy/b\.png: "):
        open_faces(root)
    faces = open_faces(root, skip_bad=True)
    assert faces.ids.tolist() == ["happy/a.png", "sad/c.png"]
    assert faces.targets.tolist() == [0, 1]
    assert [message.split(":")[1].strip() for message in caplog.messages] == [str(bad)]


def test_a_picture_cut_off(root, save, images):
    path = save("happy/a.png", images[0])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged picture"):
        open_faces(root)
    with pytest.raises(DataError, match="none of 1 files is a picture"):
        open_faces(root, skip_bad=True)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], "no pictures, expected one folder a class"),
        (["happy", "sad"], "no pictures, expected one folder a class"),
        (["train/happy", "sad"], "some of the folders sad, train are splits and some are not"),
    ],
)
def test_folders_that_are_no_data(root, folders, message):
    root.mkdir()
    for folder in folders:
        (root / folder).mkdir(parents=True)
    with pytest.raises(DataError, match=message):
        open_faces(root)
