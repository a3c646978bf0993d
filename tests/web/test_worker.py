"""The page's worker under Node against Python: pictures to records, a camera's frames to tracks, occlusion maps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.core.bundle import Bundle, weights
from mien.core.errors import UsageError
from mien.core.images import decode_colour, to_uint8
from mien.runtime.detect import YuNet
from mien.runtime.geometry import Box
from mien.runtime.occlusion import occlude
from mien.runtime.photo import detect_faces
from mien.runtime.results import Face, PictureResult
from mien.runtime.tracking import track
from mien.synthetic.faces import draw_faces

from .node import NO_NODE, NODE, Worker, pixels

pytestmark = pytest.mark.skipif(NODE is None, reason=NO_NODE)
BOX_PX, DP = 1e-4, 5e-4
"""How far boxes, in pixels, and probabilities may be from Python's."""

PLAIN = {"align": True, "crops": False, "min_confidence": 0.0, "min_px": 0.0, "largest": False}


QUICK = ("whole", "turned 2", "panorama", "black", "48 pixels")
"""What is tried each time; the other pictures only in a long test."""


@pytest.fixture(scope="module")
def model() -> mien.Model:
    return mien.load("mien-s", threads=1)


def shown(portrait: Path) -> dict[str, np.ndarray]:
    """One photograph in many shapes: turned, leaning, small, long, among others, dark, blurred, without a face."""
    photo = decode_colour(portrait)
    height, width = photo.shape[:2]
    small = np.asarray(Image.fromarray(photo).resize((width // 3, height // 3)))
    tiny = np.asarray(Image.fromarray(photo).resize((width // 7, height // 7)))
    gap = np.full((height, 3 * width, 3), 90, np.uint8)
    found = {"whole": photo, "small": small, "tiny": tiny, "enlarged": np.repeat(np.repeat(small, 2, 0), 2, 1)}
    for quarters in (1, 2, 3):
        found[f"turned {quarters}"] = np.rot90(photo, quarters)
    found["leaning"] = np.asarray(Image.fromarray(photo).rotate(25, Image.Resampling.BICUBIC))
    found["one is upside down"] = np.concatenate([photo, small_beside(photo)[::-1, ::-1]], axis=1)
    found["panorama"] = np.concatenate([small, gap[: len(small)], small[:, ::-1]], axis=1)
    found["tower"] = np.rot90(found["panorama"])
    found["dark"] = photo // 8
    found["blurred"] = np.asarray(Image.fromarray(tiny).resize((width, height), Image.Resampling.BICUBIC))
    found["face cut off"] = photo[: height // 4]
    found["black"] = np.zeros((200, 300, 3), np.uint8)
    found["speck"] = photo[:8, :10]
    found["48 pixels"] = np.asarray(Image.fromarray(photo).resize((48, 40)))
    return {name: np.ascontiguousarray(picture) for name, picture in found.items()}


def small_beside(photo: np.ndarray) -> np.ndarray:
    """The photograph at four fifths, on a grey ground of its own height: so of two faces one is the larger."""
    height, width = (4 * side // 5 for side in photo.shape[:2])
    small = np.full((len(photo), width, 3), 120, np.uint8)
    small[:height] = np.asarray(Image.fromarray(photo).resize((width, height)))
    return small


def require_same(records: list[dict[str, Any]], expected: list[dict[str, Any]], where: object) -> None:
    """The same keys in the same order, the same texts, and numbers that are nearly the same."""
    assert len(records) == len(expected), where
    for record, want in zip(records, expected, strict=True):
        assert list(record) == list(want)
        numbers = ("box", "probability", "probabilities")
        assert {k: v for k, v in record.items() if k not in numbers} == {
            k: v for k, v in want.items() if k not in numbers
        }, where
        if want["box"] is None:
            assert [record[key] for key in numbers] == [None, None, None]
            continue
        # Records round to 0.01 pixels, which may make 0.01 of a difference of 1e-4.
        assert record["box"] == pytest.approx(want["box"], abs=0.01 + BOX_PX), where
        assert list(record["probabilities"]) == list(want["probabilities"])
        assert record["probabilities"] == pytest.approx(want["probabilities"], abs=DP), where
        assert record["probability"] == record["probabilities"][record["label"]]


def require_pythons_answers(model: mien.Model, pictures: dict[str, np.ndarray], folder: Path, *, align: bool) -> None:
    worker = Worker(folder, model.bundle)
    for picture in pictures.values():
        worker.ask("picture", name="picture 1", picture=picture, options=PLAIN | {"align": align})
    for (name, picture), answer in zip(pictures.items(), worker.answers(), strict=True):
        results = model.predict(picture, align=align)
        require_same(answer["records"], results.records(), name)
        images = [face.image for face in results.faces]
        if not images:
            assert answer["images"] == [None]
            continue
        for text, image in zip(answer["images"], images, strict=True):
            assert np.abs(pixels(text, 48, 48).astype(int) - image).max() <= 1, name


def test_pictures_give_pythons_records(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    pictures = shown(portrait)
    require_pythons_answers(model, {name: pictures[name] for name in QUICK}, tmp_path, align=True)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mien-s", "mien-s-ferplus"])
@pytest.mark.parametrize("align", [True, False])
def test_many_pictures_give_pythons_records(name: str, portrait: Path, align: bool, tmp_path: Path) -> None:
    require_pythons_answers(mien.load(name, threads=1), shown(portrait), tmp_path, align=align)


def test_the_pictures_show_what_they_are_to_show(model: mien.Model, portrait: Path) -> None:
    """Else the comparisons would compare little."""
    pictures = shown(portrait)
    assert [face.rotated for face in model.predict(pictures["turned 1"]).faces] == [270]
    assert len(model.predict(pictures["panorama"]).faces) == 2
    assert [face.quality for face in model.predict(pictures["dark"]).faces] == [("dark",)]
    assert not model.predict(pictures["black"]).faces


@pytest.mark.long
def test_boxes_and_landmarks(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    worker = Worker(tmp_path, model.bundle)
    detector = YuNet(threads=1)
    pictures = shown(portrait)
    for picture in pictures.values():
        worker.ask("detect", picture=picture, quarters=0, turn=True)
    for (name, picture), answer in zip(pictures.items(), worker.answers(), strict=True):
        expected = detect_faces(picture, detector)
        assert len(answer) == len(expected), name
        for one, want in zip(answer, expected, strict=True):
            assert list(one["box"].values()) == pytest.approx(list(want.box_px), abs=BOX_PX), name
            points = [[point["x"], point["y"]] for point in one["landmarks"]]
            assert np.array(points) == pytest.approx(want.landmarks_px, abs=BOX_PX), name
            assert one["probability"] == pytest.approx(want.probability, abs=1e-5)
            assert one["rotated"] == want.rotated


def test_selection(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    pictures = shown(portrait)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("one is upside down", {"largest": True}),
        ("panorama", {"min_confidence": 0.99}),
        ("whole", {"min_px": 1e5}),
        ("tiny", {"min_px": 0.5, "min_confidence": 1.0}),
        ("whole", {"crops": True}),
        ("small", {"crops": True, "min_px": 400.0}),
        ("speck", {"crops": True}),
        ("speck", {}),
    ]
    worker = Worker(tmp_path, model.bundle)
    for name, options in asked:
        worker.ask("picture", name="picture 1", picture=pictures[name], options=PLAIN | options)
    for (name, options), answer in zip(asked, worker.answers(), strict=True):
        require_same(answer["records"], model.predict(pictures[name], **options).records(), (name, options))


def test_numbers_out_of_range_are_refused_with_pythons_words(model: mien.Model, tmp_path: Path) -> None:
    worker = Worker(tmp_path, model.bundle)
    black = np.zeros((60, 60, 3), np.uint8)
    wrong = [{"min_confidence": 2}, {"min_px": -1}]
    for options in wrong:
        worker.ask("picture", name="a", picture=black, options=PLAIN | options)
    for options, answer in zip(wrong, worker.answers(), strict=True):
        with pytest.raises(UsageError) as error:
            model.predict(black, **options)
        assert answer["error"] == str(error.value)
    worker.ask("frame", picture=black, frame_number=0, time_s=0.0, options=PLAIN | {"smooth_s": -1})
    with pytest.raises(UsageError) as error:
        model.tracker(smooth_s=-1)
    assert worker.answers()[-1]["error"] == str(error.value)


@pytest.mark.long
def test_leaning_faces_are_cut_out_alike(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    """Though the detector's last digits differ: one other grey level would be too much for an int8 graph."""
    random = np.random.default_rng(0)
    photo = Image.fromarray(decode_colour(portrait))
    worker = Worker(tmp_path, model.bundle)
    pictures = []
    for _ in range(40):
        width = int(random.integers(250, 640))
        leaning = photo.rotate(float(random.uniform(-25, 25)), Image.Resampling.BICUBIC)
        pictures.append(np.asarray(leaning.resize((width, int(width * random.uniform(0.9, 1.2))))))
        worker.ask("picture", name="picture 1", picture=pictures[-1], options=PLAIN)
    for picture, answer in zip(pictures, worker.answers(), strict=True):
        results = model.predict(picture)
        require_same(answer["records"], results.records(), picture.shape)
        for text, face in zip(answer["images"], results.faces, strict=True):
            assert np.array_equal(pixels(text, 48, 48), face.image)


@pytest.mark.parametrize("name", ["mien-s", "mien-s-ferplus"])
def test_faces_get_the_same_labels(name: str, tmp_path: Path) -> None:
    model = mien.load(name, threads=1)
    faces = draw_faces(140, seed=3)[0].images
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 48), dtype=np.uint8)
    images = np.concatenate([faces, noise])
    worker = Worker(tmp_path, model.bundle)
    worker.ask("classify", picture=images.reshape(-1, 48))
    rows = np.array(worker.answers()[0])
    expected = model(images)
    assert np.abs(rows - expected).max() <= DP
    assert np.array_equal(rows.argmax(axis=1), expected.argmax(axis=1))


def frames_of(photo: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """A face that moves, vanishes, comes back turned, while another one stays; and the times of the frames."""
    small = np.asarray(Image.fromarray(photo).resize((240, round(240 * len(photo) / photo.shape[1]))))
    height = len(small)
    made = []
    for i in range(9):
        frame = np.full((height, 640, 3), 120, np.uint8)
        frame[:, 400:] = small[:, ::-1]
        if i < 5:
            frame[:, 12 * i : 12 * i + 240] = small
        made.append((frame, i / 10))
    turned = np.ascontiguousarray(np.rot90(made[0][0], 2))
    made += [(turned, 1.2 + i / 10) for i in range(3)]
    return made


@pytest.mark.long
@pytest.mark.parametrize("smooth_s", [0.25, 0.0])
def test_a_cameras_frames_give_pythons_tracks(
    model: mien.Model, portrait: Path, smooth_s: float, tmp_path: Path
) -> None:
    worker = Worker(tmp_path, model.bundle)
    frames = frames_of(decode_colour(portrait))
    options = PLAIN | {"smooth_s": smooth_s}
    for number, (frame, time_s) in enumerate(frames):
        worker.ask("frame", picture=frame, frame_number=number, time_s=time_s, options=options)
    worker.ask("frame", picture=frames[-1][0], frame_number=99, time_s=0.5, options=options)
    worker.ask("forget")
    worker.ask("frame", picture=frames[0][0], frame_number=0, time_s=0.0, options=options)
    *answers, late, _, again = worker.answers()
    tracker = model.tracker(smooth_s=smooth_s)
    tracks = set()
    for (frame, time_s), answer in zip(frames, answers, strict=True):
        expected = tracker.update(frame, time_s).records()
        require_same(answer["records"], expected, time_s)
        tracks |= {(record["face"], record["rotated"]) for record in expected}
    assert {rotated for _, rotated in tracks} >= {0, 180}
    assert len({face for face, _ in tracks}) >= 3
    with pytest.raises(UsageError) as error:
        tracker.update(frames[-1][0], 0.5)
    assert late["error"] == str(error.value)
    require_same(again["records"], model.tracker(smooth_s=smooth_s).update(frames[0][0], 0.0).records(), "anew")


def test_many_random_tracks(tmp_path: Path) -> None:
    """Boxes that wander, cross and vanish, at uneven times: the same tracks and smoothed probabilities."""
    random = np.random.default_rng(5)
    image = np.zeros((48, 48), np.uint8)
    time_s, frames = 0.0, []
    places = random.uniform(0, 300, (6, 2))
    for i in range(150):
        time_s += float(random.choice([0.03, 0.04, 0.3, 1.5], p=[0.5, 0.4, 0.08, 0.02]))
        places += random.normal(0, 8, places.shape)
        faces = []
        for k, (x, y) in enumerate(places.tolist()):
            if random.random() < 0.2:
                continue
            p = float(random.random())
            faces.append(Face("live", str(k), {"a": p, "b": 1 - p}, Box(x, y, 80, 100 + k), image, None, i, time_s))
        frames.append(PictureResult("live", tuple(faces), i, time_s))
    worker = Worker(tmp_path)
    asked = [
        {
            "source": frame.source,
            "frame": frame.frame,
            "timeS": frame.time_s,
            "reason": "no face found",
            "faces": [
                {
                    "face": face.face,
                    "probabilities": list(face.probabilities.values()),
                    "box": (face.box or Box(0, 0, 0, 0))._asdict(),
                    "rotated": 0,
                    "crop": None,
                    "quality": [],
                }
                for face in frame.faces
            ],
        }
        for frame in frames
    ]
    worker.ask("track", frames=asked, classes=["a", "b"], smooth_s=0.25)
    expected = [frame.records() for frame in track(frames, smooth_s=0.25)]
    assert worker.answers() == [expected]
    assert len({record["face"] for records in expected for record in records}) > 20


def test_occlusion_maps(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    face = model.predict(decode_colour(portrait)).faces[0]
    worker = Worker(tmp_path, model.bundle)
    labels = list(model.classes)[:3]
    for label in labels:
        worker.ask("explain", picture=face.image, label=label)
    worker.ask("explain", picture=face.image, label="bored")
    *answers, wrong = worker.answers()
    for k, answer in enumerate(answers):
        want = to_uint8(occlude(model, face.image[None], classes=np.array([k])))[0].astype(int)
        assert np.abs(pixels(answer, 48, 48) - want).max() <= 2, labels[k]
    assert wrong == {"error": f"no class 'bored'; the network knows {', '.join(model.classes)}"}


def test_warnings_of_the_card(tmp_path: Path) -> None:
    bundle = Bundle.open(weights() / "mien-s-ferplus")
    data = replace(bundle.card.training.data, training=bundle.card.training.data.training | {"anger": 0, "fear": 0})
    card = replace(bundle.card, synthetic=True, training=replace(bundle.card.training, data=data))
    worker = Worker(tmp_path, replace(bundle, card=card))
    worker.ask("warnings")
    assert worker.answers() == [list(card.warnings())]
    assert len(card.warnings()) == 2
