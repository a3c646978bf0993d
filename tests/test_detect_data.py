"""Whole photographs as training data: the largest face of each is cut out, by the code that predict uses."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

import mien
from mien.core.errors import DataError, UsageError
from mien.data.formats import open_faces
from mien.runtime.detect import YuNet
from mien.runtime.photo import face_finder, find_faces
from mien.synthetic.faces import draw_faces
from mien.workflows.describe import describe
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.export import export
from mien.workflows.train import train

ASTRONAUT = Image.fromarray(data.astronaut())


def photo(number: int) -> Image.Image:
    """Return another cut of the photograph, 300 to 400 pixels wide, with the face in it."""
    return ASTRONAUT.crop((40 + 7 * number, 5 * number, 400, 300 + 10 * number))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for number in range(12):
        folder = root / ("train" if number < 9 else "test") / ("happy" if number % 3 else "neutral")
        folder.mkdir(parents=True, exist_ok=True)
        photo(number).save(folder / f"{number:02}.png")
    Image.fromarray(data.moon()).resize((400, 400)).save(root / "train/neutral/moon.png")
    return root


def test_the_face_of_each_photograph_is_cut_out_as_predict_does(photos: Path) -> None:
    faces = open_faces(photos, find_face=face_finder())
    assert (len(faces), faces.not_found) == (12, (str(photos / "train/neutral/moon.png"),))
    detector = YuNet()
    for name, image in zip(faces.ids, faces.images, strict=True):
        np.testing.assert_array_equal(image, find_faces(photos / name, detector=detector)[0].image)


def test_describe_counts_and_lists_what_was_not_found(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    summary = describe(photos, detect=True)
    assert (summary.faces, [Path(name).name for name in summary.not_found]) == (12, ["moon.png"])
    assert caplog.messages == [f"left out: {photos / 'train/neutral/moon.png'}: no face found"]
    assert summary.notes == ()


def test_without_it_large_pictures_get_a_note(photos: Path, tmp_path: Path) -> None:
    (note,) = describe(photos).notes
    assert note.startswith("pictures larger than 96×96 pixels are shrunk to 48×48 as a whole, faces in them are not")
    for size, notes in ((96, 0), (97, 1)):
        folder = tmp_path / f"{size}/happy"
        folder.mkdir(parents=True)
        Image.new("L", (size, 20)).save(folder / "a.png")
        assert len(describe(folder.parent).notes) == notes


def test_the_largest_face_is_taken(tmp_path: Path) -> None:
    two = Image.new("RGB", (900, 512))
    small = ASTRONAUT.resize((250, 250))
    two.paste(small, (0, 100))
    two.paste(ASTRONAUT, (300, 0))
    two.save(tmp_path / "two.png")
    found = find_faces(tmp_path / "two.png", detector=YuNet())
    assert len(found) == 2
    largest = max(found, key=lambda face: face.square.side if face.square else 0)
    np.testing.assert_array_equal(face_finder()(tmp_path / "two.png", "two.png"), largest.image)


def folder_of_faces(root: Path) -> Path:
    faces = draw_faces(14, seed=0)[0]
    for number, (image, target) in enumerate(zip(faces.images, faces.targets, strict=True)):
        (root / faces.classes[target]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / faces.classes[target] / f"{number}.png")
    return root


def test_faces_of_48_pixels_stay_as_they_are(tmp_path: Path) -> None:
    root = folder_of_faces(tmp_path / "faces")
    assert open_faces(root, find_face=face_finder()).fingerprint == open_faces(root).fingerprint


def as_parquet(path: Path, root: Path) -> Path:
    pictures, labels = [], []
    for file in sorted(root.rglob("*.png")):
        pictures.append({"bytes": file.read_bytes(), "path": file.name})
        labels.append(file.parent.name)
    pq.write_table(pa.table({"image": pictures, "label": labels}), path)
    return path


def test_photographs_in_parquet(photos: Path, tmp_path: Path) -> None:
    table = as_parquet(tmp_path / "photos.parquet", photos)
    faces = open_faces(table, find_face=face_finder())
    assert sorted(faces.digests) == sorted(open_faces(photos, find_face=face_finder()).digests)
    assert [name.rpartition(", ")[2] for name in faces.not_found] == ["row 12"]
    assert describe(table, detect=True).not_found == faces.not_found
    assert "shrunk to 48×48" in describe(table).notes[0]


def test_no_face_anywhere(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        (tmp_path / "moons" / name).mkdir(parents=True)
        Image.fromarray(data.moon()).save(tmp_path / "moons" / name / "moon.png")
    with pytest.raises(DataError, match="no face was found in any of 2 pictures; leave --detect out"):
        open_faces(tmp_path / "moons", find_face=face_finder())


def test_a_damaged_photograph(photos: Path) -> None:
    (photos / "train/happy/a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a\.png: .*--skip-bad leaves such files out"):
        open_faces(photos, find_face=face_finder())
    assert len(open_faces(photos, find_face=face_finder(), skip_bad=True)) == 12


@pytest.mark.long
def test_a_run_keeps_its_faces_and_says_so(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(
        photos, recipe="demo", out=tmp_path / "run", epochs=1, batch=2, holdout={"rows": 3}, device="cpu", detect=True
    )
    bundle = export(run, out=tmp_path / "bundle")
    trained = bundle.card.training.data
    assert (trained.detect, trained.not_found) == (True, 1)
    assert (
        "the largest one that the detector found in each; pictures in which it found none were left out (1)."
        in (bundle.path / "CARD.md").read_text()
    )
    other = evaluate(run, photos, split="test")
    assert evaluate(bundle, photos, split="test", precision="fp32").accuracy == other.accuracy

    def refuse() -> Callable[..., None]:
        raise AssertionError("the run's own faces are not looked for again")

    monkeypatch.setattr("mien.training.run_data.face_finder", lambda: refuse)
    reopened = mien.Run.open(run.path)
    assert reopened.config.detect
    assert evaluate(reopened, split="test").accuracy == other.accuracy
    explained = explain(reopened, faces=3, split="test", methods=("saliency",))
    assert explained.split == "test"


def test_it_is_refused_where_it_means_nothing(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="these faces are cut out already; leave it out"):
        train(open_faces("synthetic:70"), recipe="demo", detect=True)
    with pytest.raises(UsageError, match="--detect belong to other data; name them with --data"):
        evaluate("mien-n", detect=True)


def test_bytes_are_taken_like_a_path() -> None:
    buffer = io.BytesIO()
    photo(0).save(buffer, "PNG")
    face = face_finder()(buffer.getvalue(), "photo")
    assert face is not None
    assert face.shape == (48, 48)
