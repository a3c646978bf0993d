"""One face has one set of numbers, whichever way it comes in; and real faces have the accuracy of the evaluation."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.cli.main import run
from mien.core.bundle import DEFAULT, Bundle
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.images import decode_colour
from mien.core.labels import FERPLUS
from mien.runtime.results import Face
from mien.workflows.evaluate import evaluate
from mien.workflows.predict import see


def only(faces: object) -> Face:
    (face,) = faces  # type: ignore[misc]
    return face


def test_the_same_face_by_every_way(portrait: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    pixels = decode_colour(portrait)
    copy = shutil.copy(portrait, tmp_path)
    with av.open(str(tmp_path / "one.mkv"), "w") as container:  # one frame, without loss
        stream = container.add_stream("ffv1", rate=25, width=pixels.shape[1], height=pixels.shape[0], pix_fmt="bgr0")
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode()])
    model = mien.load()
    face = only(mien.predict(model, portrait))
    for source in (pixels, str(portrait), [copy], tmp_path / "one.mkv"):
        again = only(mien.predict(model, source))
        assert list(again.probabilities) == list(model.labels)
        assert list(again.probabilities.values()) == pytest.approx(list(face.probabilities.values()), abs=1e-6)
        assert again.box == pytest.approx(face.box)
        assert (again.image == face.image).all()
    assert [each.source for each in mien.predict(model, tmp_path)] == [copy, str(tmp_path / "one.mkv")]
    said = model(face.image[None])[0]
    assert list(face.probabilities.values()) == pytest.approx(said.tolist(), abs=1e-6)
    assert (again.frame, again.time_s, again.face) == (0, 0.0, "1")


def test_the_astronaut_is_happy() -> None:
    path = pytest.importorskip("skimage").data.file_hash and Path(pytest.importorskip("skimage").__file__).parent
    face = only(mien.predict("mien-s-ferplus", path / "data/astronaut.png"))
    assert face.label == "happiness"
    assert face.probability > 0.8
    assert only(mien.predict("mien-n", path / "data/astronaut.png")).label == "happy"


def test_pictures_without_faces_come_too(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / "a.png")
    Image.new("RGB", (48, 48)).save(tmp_path / "b.png")
    assert [len(seen.faces) for seen in see("mien-n", tmp_path)] == [0, 1]


def test_a_bundles_margin_is_used(portrait: Path, bundle: Bundle) -> None:
    sides = []
    for margin in (0.0, 0.25):
        bundle.card["input"]["crop_margin"] = margin
        square = only(mien.predict(bundle, portrait)).square
        assert square is not None
        sides.append(square.side)
    assert sides[1] == pytest.approx(1.5 * sides[0])


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of the two"):
        see("mien-n", tmp_path, every=2, fps=3)
    with pytest.raises(UsageError, match="pictures and videos have no splits"):
        see("mien-n", tmp_path, split="test")
    with pytest.raises(DataError, match="no such file or folder"):
        list(see("mien-n", tmp_path / "none.jpg"))
    with pytest.raises(DataError, match="no bundle"):
        see("mien-x", tmp_path)
    with pytest.raises(UsageError, match="a table of faces is classified alone"):
        see("mien-n", ["test.csv", tmp_path])


def test_one_table_in_a_list_is_a_table() -> None:
    assert len(list(see("mien-n", ["synthetic:70"]))) == 70


def test_nobody_s_bundle_stands_in_for_what_ships(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundle.path, f"runs/export/{DEFAULT}")
    assert mien.load().labels == FERPLUS
    assert run(["models", "--json"]) == 0
    with pytest.raises(UsageError, match=f"'{DEFAULT}' names two bundles"):
        mien.load(DEFAULT)


@pytest.fixture(scope="module")
def test_folder(real: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 600 PublicTest faces as people have them, `test/<class>/<row>.png`."""
    root = tmp_path_factory.mktemp("fer") / "test"
    faces = real.split("test")
    for image, target, face in zip(faces.images[:600], faces.targets, faces.ids, strict=False):
        (root / faces.classes[target]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / faces.classes[target] / f"{face}.png")
    return root


def test_a_folder_of_faces_has_the_accuracy_of_the_evaluation(test_folder: Path) -> None:
    faces = list(mien.predict("mien-n", test_folder))
    accuracy = np.mean([face.label == Path(face.source).parent.name for face in faces])
    assert len(faces) == 600
    assert accuracy == pytest.approx(evaluate("mien-n", test_folder, split="train").accuracy, abs=1e-9)


def test_enlarged_faces_are_found_and_lose_little(test_folder: Path, tmp_path: Path) -> None:
    for path in sorted(test_folder.rglob("*.png"))[::3]:
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        Image.open(path).resize((192, 192), Image.Resampling.BICUBIC).save(tmp_path / path.parent.name / path.name)
    model = mien.load("mien-n")
    seen = list(see(model, tmp_path))
    found = [each for each in seen if each.faces and each.faces[0].square]
    assert len(found) >= 0.95 * len(seen) == 190
    right = [each.faces[0].label == Path(each.picture.source).parent.name for each in seen if each.faces]
    whole = [
        face.label == Path(face.source).parent.name
        for path in sorted(test_folder.rglob("*.png"))[::3]
        for face in mien.predict(model, path)
    ]
    assert np.mean(right) >= np.mean(whole) - 0.09  # three standard errors of 200 faces; dev/log.md has all 3,589
