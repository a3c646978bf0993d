"""Faces that are not upright: photographs turned by quarters, two faces of which one is upside down, leaning faces."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

import mien
from mien.core.images import decode_colour
from mien.runtime.detect import Detection, YuNet
from mien.runtime.geometry import Box, iou
from mien.runtime.photo import detect_faces, find_faces
from mien.runtime.pipeline import find_and_classify
from mien.runtime.results import Picture

DETECTOR = YuNet(threads=1)


def turned_box(box: Box, quarters: int, height: int, width: int) -> Box:
    """Where a box is after its picture was turned counter-clockwise, by a mask of its pixels."""
    mask = np.zeros((height, width), bool)
    mask[round(box.y) : round(box.y + box.height), round(box.x) : round(box.x + box.width)] = True
    rows, columns = np.nonzero(np.rot90(mask, quarters))
    low_x, low_y = int(columns.min()), int(rows.min())
    return Box(low_x, low_y, int(columns.max()) + 1 - low_x, int(rows.max()) + 1 - low_y)


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("align", [True, False])
def test_a_turned_photo_has_the_same_face(portrait: Path, quarters: int, align: bool) -> None:
    upright = decode_colour(portrait)
    (expected,) = find_faces(upright, detector=DETECTOR, align=align)
    (face,) = find_faces(np.ascontiguousarray(np.rot90(upright, quarters)), detector=DETECTOR, align=align)
    assert expected.detection is not None
    assert expected.detection.rotated == 0
    assert face.detection is not None
    assert face.detection.rotated == 360 - 90 * quarters
    box = turned_box(expected.detection.box_px, quarters, *upright.shape[:2])
    assert iou(face.detection.box_px, box) > 0.9
    assert np.corrcoef(face.image.ravel(), expected.image.ravel())[0, 1] > 0.9


def test_the_landmarks_are_those_of_the_picture_as_it_is(portrait: Path) -> None:
    upright = decode_colour(portrait)
    (expected,) = detect_faces(upright, DETECTOR)
    (face,) = detect_faces(np.ascontiguousarray(upright[::-1, ::-1]), DETECTOR)
    height, width = upright.shape[:2]
    back = np.array([width, height]) - face.landmarks_px
    assert back == pytest.approx(expected.landmarks_px, abs=0.05 * expected.box_px.height)


def test_one_of_two_faces_is_upside_down() -> None:
    upright = skimage.data.astronaut()
    both = np.concatenate([upright, upright[::-1, ::-1]], axis=1)
    faces = sorted(detect_faces(both, DETECTOR), key=lambda face: face.box_px.x)
    assert [face.rotated for face in faces] == [0, 180]


def test_turned_and_with_an_orientation_of_its_own(portrait: Path) -> None:
    """A scan on its side whose EXIF turns it further: the box is one of the picture as it is shown."""
    exif = Image.Exif()
    exif[0x0112] = 3  # shown upside down
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(decode_colour(portrait)))).save(buffer, "PNG", exif=exif)
    (face,) = find_faces(buffer.getvalue(), detector=DETECTOR)
    assert face.detection is not None
    assert face.detection.rotated == 90


@pytest.mark.parametrize("lean_deg", [-25, 25])
def test_a_leaning_face_is_not_turned(portrait: Path, lean_deg: int) -> None:
    leaning = np.asarray(Image.fromarray(decode_colour(portrait)).rotate(lean_deg, Image.Resampling.BICUBIC))
    assert [face.rotated for face in detect_faces(leaning, DETECTOR)] == [0]


class Counting:
    """A detector that counts its searches and finds what it is told to."""

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)
        self.searches = 0

    def detect(self, picture: np.ndarray) -> list[Detection]:
        self.searches += 1
        return self.found


@pytest.mark.parametrize(("probability", "searches"), [(None, 4), (0.95, 1), (0.8, 4)])
def test_how_often_a_picture_is_searched(probability: float | None, searches: int) -> None:
    found = []
    if probability is not None:
        found.append(Detection(Box(10, 10, 30, 30), probability, np.zeros((5, 2))))
    for turn in (True, False):
        detector = Counting(*found)
        detect_faces(np.zeros((100, 100, 3), np.uint8), detector, turn=turn)
        assert detector.searches == (searches if turn else 1)


def test_the_first_search_may_be_of_a_turned_picture(portrait: Path) -> None:
    lying = np.ascontiguousarray(np.rot90(decode_colour(portrait)))
    (face,) = detect_faces(lying, DETECTOR, quarters=3, turn=False)
    assert face.rotated == 270
    assert face.probability >= 0.9


def frames(pixels: np.ndarray, times_s: list[float], source: str = "a.mp4") -> list[Picture]:
    return [Picture(source, pixels, frame=i, time_s=time_s) for i, time_s in enumerate(times_s)]


def classify(images: np.ndarray) -> np.ndarray:
    return np.tile(np.array([0.75, 0.25], np.float32), (len(images), 1))


def test_a_video_without_faces_is_turned_once_a_second() -> None:
    detector = Counting()
    times_s = [0.0, 0.4, 0.9, 1.1, 1.5, 2.2]
    empty = np.zeros((60, 60, 3), np.uint8)
    videos = [*frames(empty, times_s), *frames(empty, [0.0, 0.5], "b.mp4")]
    results = list(find_and_classify(classify, videos, labels=("happy", "sad"), detector=detector))
    assert len(results) == len(videos)
    assert detector.searches == len(videos) + 3 * 4  # at 0, 1.1 and 2.2 seconds, and at the second video's first frame


def test_a_video_keeps_the_orientation_in_which_a_face_was_found() -> None:
    upside_down = np.ascontiguousarray(skimage.data.astronaut()[::-1, ::-1])
    videos = frames(upside_down, [0.0, 0.04, 0.08])
    results = list(find_and_classify(classify, videos, labels=("happy", "sad"), detector=DETECTOR))
    assert [[face.rotated for face in result.faces] for result in results] == [[180]] * 3
    assert [record["rotated"] for result in results for record in result.records()] == [180] * 3
    upright = frames(skimage.data.astronaut(), [0.0], "b.mp4")
    (last,) = list(find_and_classify(classify, [*videos, *upright], labels=("happy", "sad"), detector=DETECTOR))[3:]
    assert [face.rotated for face in last.faces] == [0]


def test_a_loop_of_ones_own_is_turned_once_a_second() -> None:
    model = mien.load("mien-n", threads=1)
    model.detector = detector = Counting()
    tracker = model.tracker()
    times_s = [0.0, 0.4, 0.9, 1.1]
    for time_s in times_s:
        tracker.update(np.zeros((60, 60, 3), np.uint8), time_s=time_s)
    assert detector.searches == len(times_s) + 3 * 2
