from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import DataError, UsageError
from mien.runtime.detect import Detection
from mien.runtime.geometry import Box, Square
from mien.runtime.pipeline import find_and_classify
from mien.runtime.results import Picture, Unreadable
from mien.runtime.selection import Selection

MARKS = np.array([[0, 0], [1, 0], [0, 0], [0, 0], [0, 0]], float)


class Corners:
    """Finds as many faces as the red of the first pixel says."""

    def detect(self, picture: np.ndarray) -> list[Detection]:
        return [Detection(Box(10.0 * i, 5, 20, 20), 0.9, MARKS) for i in range(picture[0, 0, 0])]


class Mean:
    """Says how bright each face is, and keeps how many it was asked about."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.asked.append(len(images))
        share = images.mean(axis=(1, 2)) / 255
        return np.stack([share, 1 - share], axis=1).astype(np.float32)


def picture(name: str, faces: int, *, side: int = 300) -> Picture:
    pixels = np.random.default_rng(faces).integers(0, 256, (side, side, 3), dtype=np.uint8)
    pixels[[0, 0, -1, -1], [0, -1, 0, -1], 0] = faces  # also where the picture is turned
    return Picture(name, pixels, frame=7, time_s=0.5)


def run(model: Mean, pictures: list[Picture]) -> list:
    return list(find_and_classify(model, iter(pictures), labels=("bright", "dark"), detector=Corners()))


def test_each_face_has_its_own_probabilities() -> None:
    model = Mean()
    seen = run(model, [picture("a", 2), picture("none", 0), picture("b", 1)])
    assert [(each.source, len(each.faces)) for each in seen] == [("a", 2), ("none", 0), ("b", 1)]
    assert model.asked == [3]
    faces = [face for each in seen for face in each.faces]
    for face in faces:
        assert face.probabilities["bright"] == pytest.approx(face.image.mean() / 255, abs=1e-6)
        assert list(face.probabilities) == ["bright", "dark"]
        assert (face.frame, face.time_s) == (7, 0.5)
    assert [(face.source, face.face, face.box, face.square) for face in faces] == [
        ("a", "1", Box(0, 5, 20, 20), Square(10, 15, 20)),
        ("a", "2", Box(10, 5, 20, 20), Square(20, 15, 20)),
        ("b", "1", Box(0, 5, 20, 20), Square(10, 15, 20)),
    ]


def test_faces_are_classified_together_but_never_many_pictures() -> None:
    model = Mean()
    run(model, [picture("few", 5)] * 5)
    assert model.asked == [10, 10, 5]
    model = Mean()
    run(model, [picture("large", 1, side=2300)] * 14)  # 5.3 million pixels each
    assert model.asked == [7, 7]


def test_batches_change_nothing() -> None:
    pictures = [picture(str(i), i) for i in range(6)]
    together = [face.probabilities for each in run(Mean(), pictures) for face in each.faces]
    alone = [face.probabilities for each in pictures for face in run(Mean(), [each])[0].faces]
    assert together == alone


def test_a_picture_that_is_a_face_has_itself_as_box() -> None:
    (seen,) = run(Mean(), [picture("face", 0, side=48)])
    assert [(face.box, face.square) for face in seen.faces] == [(Box(0, 0, 48, 48), None)]


def test_pictures_are_taken_as_they_are_needed() -> None:
    drawn = []

    def endless() -> Iterator[Picture]:
        while True:
            drawn.append(1)
            yield picture("a", 1)

    seen = find_and_classify(Mean(), endless(), labels=("bright", "dark"), detector=Corners())
    assert len(next(seen).faces) == 1
    assert len(drawn) == 8


def test_what_was_read_before_an_error_comes_first() -> None:
    def broken() -> Iterator[Picture]:
        yield picture("a", 2)
        yield picture("b", 1)
        raise DataError("cut off")

    seen = find_and_classify(Mean(), broken(), labels=("bright", "dark"), detector=Corners())
    assert [len(next(seen).faces), len(next(seen).faces)] == [2, 1]
    with pytest.raises(DataError, match="cut off"):
        next(seen)


def test_pictures_and_frames_without_a_face_say_why() -> None:
    frame = picture("small", 0, side=200)
    tiny = picture("tiny", 0, side=3)
    for one in (frame, replace(frame, frame=None, time_s=None)):
        (seen,) = run(Mean(), [one])
        assert (seen.faces, seen.reason) == ((), "no face found")
    (seen,) = run(Mean(), [tiny])
    assert (seen.faces, seen.reason) == ((), "too small: 3×3 pixels, at least 12 are needed")
    (record,) = seen.records()
    assert {name: record[name] for name in ("source", "frame", "time_s", "face", "label", "probabilities")} == {
        **{"source": "tiny", "frame": 7, "time_s": 0.5, "face": None, "label": None, "probabilities": None},
    }


def test_the_faces_that_are_wanted() -> None:
    class Three:
        def detect(self, picture: np.ndarray) -> list[Detection]:
            boxes = [(Box(0, 5, 20, 60), 0.95), (Box(100, 5, 50, 40), 0.7), (Box(200, 5, 30, 30), 0.9)]
            return [Detection(box, probability, MARKS) for box, probability in boxes]

    def chosen(**wanted: float) -> tuple[list[float], str | None]:
        photo = replace(picture("a", 0), frame=None, time_s=None)
        selection = Selection(**wanted)
        (seen,) = find_and_classify(Mean(), [photo], labels=("bright", "dark"), detector=Three(), selection=selection)
        return [face.box.x for face in seen.faces], seen.reason

    assert chosen() == ([0, 100, 200], None)
    assert chosen(min_confidence=0.8) == ([0, 200], None)
    assert chosen(min_px=30) == ([100, 200], None)
    assert chosen(largest=True) == ([100], None)
    assert chosen(largest=True, min_confidence=0.8) == ([0], None)
    assert chosen(min_px=31, min_confidence=0.8) == ([], "found but not wanted: 3 (min_confidence 0.8, min_px 31)")
    for wrong in ({"min_confidence": 1.1}, {"min_px": -1}, {"min_px": float("nan")}, {"min_confidence": float("nan")}):
        with pytest.raises(UsageError, match="expected 0"):
            Selection(**wrong)


def test_a_face_says_what_makes_its_label_less_sure() -> None:
    class Unsure:
        def detect(self, picture: np.ndarray) -> list[Detection]:
            return [Detection(Box(10, 10, 15, 15), 0.65, MARKS), Detection(Box(40, 40, 100, 100), 0.95, MARKS)]

    def quality(pixels: np.ndarray) -> list[tuple[str, ...]]:
        photo = Picture("a", pixels)
        (seen,) = find_and_classify(Mean(), [photo], labels=("bright", "dark"), detector=Unsure())
        return [face.quality for face in seen.faces]

    sharp = picture("a", 1).pixels
    assert quality(sharp) == [("tiny", "unsure"), ()]
    assert quality(sharp // 10)[1] == ("dark",)
    assert quality(255 - sharp // 10)[1] == ("pale",)
    smooth = np.repeat(np.linspace(60, 190, 300).astype(np.uint8)[:, None], 300, axis=1)
    assert quality(np.repeat(smooth[:, :, None], 3, axis=2))[1] == ("blurred",)


class Fixed:
    """Finds the same boxes in every picture."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def detect(self, picture: np.ndarray) -> list[Detection]:
        return [Detection(box, 0.9, MARKS) for box in self.boxes]


def test_the_faces_of_a_picture_come_from_left_to_right_and_those_of_a_frame_as_they_are_found() -> None:
    right, left, below = Box(200, 5, 20, 20), Box(10, 5, 20, 20), Box(10, 105, 20, 20)
    frame = picture("a", 0)
    photo = replace(frame, frame=None, time_s=None)
    detector = Fixed(right, below, left)
    (of_photo,) = find_and_classify(Mean(), [photo], labels=("bright", "dark"), detector=detector)
    assert [(face.face, face.box) for face in of_photo.faces] == [("1", left), ("2", below), ("3", right)]
    for face in of_photo.faces:
        assert face.probabilities["bright"] == pytest.approx(face.image.mean() / 255, abs=1e-6)
    (of_frame,) = find_and_classify(Mean(), [frame], labels=("bright", "dark"), detector=detector)
    assert [face.box for face in of_frame.faces] == [right, below, left]


def test_what_can_not_be_read_keeps_its_place() -> None:
    items = [picture("a", 2), Unreadable("bad.jpg", "bad.jpg: damaged"), picture("b", 1)]
    results = list(find_and_classify(Mean(), items, labels=("bright", "dark"), detector=Corners()))
    assert [(result.source, len(result.faces), result.error) for result in results] == [
        ("a", 2, None),
        ("bad.jpg", 0, "bad.jpg: damaged"),
        ("b", 1, None),
    ]
