"""Folders as they lie around: other names for splits and classes, one level too high or too low, and strays."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.labels import FER2013
from mien.data.formats import open_faces
from mien.synthetic.faces import draw_faces
from mien.workflows.describe import describe
from mien.workflows.train import open_data


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(70, seed=0)[0]


@pytest.fixture
def make(tmp_path, drawn):
    """Save the drawn faces in the folders that `place(number, class)` names."""

    def make(place):
        for number, (image, target) in enumerate(zip(drawn.images, drawn.targets, strict=True)):
            folder = tmp_path / "data" / place(number, drawn.classes[target])
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
        return tmp_path / "data"

    return make


def train_on(root):
    return open_data(root, recipe="demo", settings={"holdout": {"rows": 7}, "batch": 8})


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train_set", "Test_set"),
        ("training", "testing"),
        ("TRAIN ", "Test-images"),
        ("training data", "test.set"),
        ("trainset", "PublicTest"),
    ],
)
def test_names_of_splits(make, train, test):
    root = make(lambda i, name: f"{test if i % 5 == 0 else train}/{name}")
    faces = open_faces(root)
    assert faces.classes == FER2013
    assert (len(faces.split("train")), len(faces.split("test"))) == (56, 14)
    assert len(train_on(root).held_out) == 7


def test_private_test_stays_apart(make):
    places = ["Training", "PrivateTest", "private_test"]
    faces = open_faces(make(lambda i, name: f"{places[i % 3]}/{name}"))
    assert len(faces.split("private-test")) == 46
    assert faces.notes == ("the folders PrivateTest, private_test together are the split private-test",)


def test_notes_say_what_became_of_folders(make, caplog):
    root = make(lambda i, name: f"{'Test_set' if i % 5 == 0 else 'Train_set'}/{name.title() if i % 2 else name}")
    (root / "Train_set/contempt").mkdir()
    Image.new("L", (48, 48)).save(root / "cover.png")
    Image.new("L", (48, 48)).save(root / "Train_set/contact_sheet.jpg")
    notes = describe(root).notes
    assert notes[:2] == (
        "the folder Test_set is read as the split test",
        "the folder Train_set is read as the split train",
    )
    assert "'Happy' and 'happy'" in notes[2]
    assert notes[3] == "folders without any picture: Train_set/contempt"
    assert notes[4] == ("pictures outside the class folders are left out (2): cover.png, Train_set/contact_sheet.jpg")
    open_faces(root)
    assert [f"{root}: {note}" for note in notes] == caplog.messages


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            lambda i, name: f"fer2013/{'test' if i % 5 == 0 else 'train'}/{name}",
            r"the splits test, train are inside what should be a class.*did you mean .*data/fer2013\?",
        ),
        (lambda i, name: f"archive/fer2013/{name}", r"archive: .*holds only folders.*did you mean .*archive/fer2013\?"),
        (lambda i, name: f"fold{i % 2}/{name}", r"fold0: .*holds only folders \(angry, .*such folders$"),
        (
            lambda i, name: f"{name}/{'test' if i % 5 == 0 else 'train'}",
            r"test, train are inside .*such folders$",
        ),
        (lambda i, name: f"train/fer/{name}", r"train/fer: .*holds only folders"),
        (lambda i, name: f"{name}_{'test' if i % 5 == 0 else 'train'}", r"name a split and something else"),
        (lambda i, name: f"{name if i % 2 else 'train'}", r"some are not \(angry, disgust"),
        (lambda i, name: "", r"no pictures in class folders \(70 lie outside, such as 0\.png\)"),
    ],
)
def test_layouts_that_are_refused(make, place, message):
    with pytest.raises(DataError, match=message):
        open_faces(make(place))


def test_folders_of_the_same_names_beside_a_few_pictures(make):
    root = make(lambda i, name: f"fold{i % 2}/{name}" if i > 3 else f"fold{i % 2}")
    with pytest.raises(DataError, match="folders of the same names in them \\(angry, disgust"):
        open_faces(root)


def test_folders_of_persons_below_known_classes(make):
    root = make(lambda i, name: f"{name}/person{i % 3}")
    assert open_faces(root).classes == FER2013
    assert len(train_on(root).learned) == 63


@pytest.mark.parametrize(
    "rename", [str.capitalize, str.upper, lambda name: f"{name} ", lambda name: f" {name.title()}"]
)
def test_spellings_of_a_class(make, drawn, rename):
    faces = open_faces(make(lambda i, name: f"test/{name}" if i % 5 == 0 else f"train/{rename(name)}"))
    assert faces.classes == FER2013
    rows = np.array([int(Path(name).stem) for name in faces.ids])
    np.testing.assert_array_equal(faces.targets, drawn.targets[rows])


def test_spellings_of_classes_that_nobody_knows(make):
    faces = open_faces(make(lambda i, name: f"{'Grin' if i % 2 else 'grin '}" if i % 3 else "Smirk"))
    assert faces.classes == ("Grin", "Smirk")
    assert faces.notes == ("these names are one class each: 'Grin' and 'grin '",)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (lambda i, name: "happy", "all labelled faces of the split 'train' are of one class, 'happy'"),
        (
            lambda i, name: "train/happy" if i % 5 else f"test/{name}",
            "all labelled faces of the split 'train' are of one class",
        ),
        (
            lambda i, name: f"train/a{name}" if i % 5 else f"test/{name}",
            "'test' has classes that .*: angry, ",
        ),
        (
            lambda i, name: f"test/{name}" if name == "fear" or i % 5 == 0 else f"train/{name}",
            "the split 'test' has classes that the split 'train' has no face of: fear; use the same names",
        ),
        (
            lambda i, name: f"val/{'happiness' if name == 'happy' else name}" if i % 5 == 0 else f"train/{name}",
            "the split 'validation' has classes .*: happiness",
        ),
    ],
)
def test_what_describe_shows_and_train_refuses(make, place, message):
    root = make(place)
    assert describe(root).faces == 70
    with pytest.raises(DataError, match=message):
        train_on(root)


def test_files_of_operating_systems(make):
    root = make(lambda i, name: name)
    for name in ("happy/Thumbs.db", "happy/.DS_Store", "desktop.ini", "__MACOSX/happy/._0.png", "__MACOSX/x/a.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"no picture")
    faces = open_faces(root)
    assert (len(faces), faces.classes, faces.notes) == (70, FER2013, ())


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
@pytest.mark.parametrize("place", ["{name}", "train/{name}", "{name}/person"])
def test_a_folder_that_can_not_be_read(make, monkeypatch, caplog, place):
    """As an ordinary user sees it; nothing is unreadable to root."""
    root = make(lambda i, name: place.format(name=name))
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith(place.format(name="happy")):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataError, match=r"happy.*: can't be read \(Permission denied\); .*--skip-bad"):
        open_faces(root)
    assert len(open_faces(root, skip_bad=True)) == 60
    assert "happy" in caplog.messages[0]


def test_a_link_that_leads_around_in_a_circle(make):
    root = make(lambda i, name: name)
    (root / "happy/again").symlink_to(root, target_is_directory=True)
    assert len(open_faces(root)) == 70


def test_folders_too_deep(tmp_path):
    tmp_path.joinpath("happy", *["x"] * 120).mkdir(parents=True)
    with pytest.raises(DataError, match="more than 100 folders below each other"):
        open_faces(tmp_path)
