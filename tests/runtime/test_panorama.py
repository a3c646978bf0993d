from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.runtime.detect import Detection, YuNet
from mien.runtime.geometry import Box
from mien.runtime.photo import detect_faces

MARKS = np.zeros((5, 2))


class Blocks:
    """Finds each block of one red level, cut off as the picture cuts it off; only blocks of 1/20 of the longer side."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def detect(self, picture: np.ndarray) -> list[Detection]:
        self.shown.append(picture.shape[:2])
        found = []
        for level in np.unique(picture[..., 0])[1:]:
            inside = np.nonzero(picture[..., 0] == level)
            (top, bottom), (left, right) = ((int(axis.min()), int(axis.max()) + 1) for axis in inside)
            # what the picture's border cuts off, a detector guesses to go on
            left, top = left - (left == 0), top - (top == 0)
            right, bottom = right + (right == picture.shape[1]), bottom + (bottom == picture.shape[0])
            if max(right - left, bottom - top) * 20 >= max(picture.shape[:2]):
                box = Box(left, top, right - left, bottom - top)
                found.append(Detection(box, int(level) / 255, MARKS))
        return sorted(found, key=lambda each: -each.probability)


def strip(*lefts: int, upright: bool = False) -> np.ndarray:
    """100×3000 pixels with blocks of 20×30."""
    picture = np.zeros((100, 3000, 3), np.uint8)
    for i, left in enumerate(lefts, start=1):
        picture[40:70, left : left + 20] = 255 - i
    return np.ascontiguousarray(picture.transpose(1, 0, 2)) if upright else picture


@pytest.mark.parametrize("shape", [(100, 200), (200, 100), (100, 100)])
def test_ordinary_pictures_are_searched_once(shape: tuple[int, int]) -> None:
    detector = Blocks()
    detect_faces(np.zeros((*shape, 3), np.uint8), detector, turn=False)
    assert detector.shown == [shape]


@pytest.mark.parametrize("shape", [(2, 60_000), (60_000, 2), (1, 1_000_000)])
def test_a_strip_takes_no_minutes(shape: tuple[int, int]) -> None:
    detector = Blocks()
    detect_faces(np.zeros((*shape, 3), np.uint8), detector, turn=False)
    assert 50 < len(detector.shown) <= 101
    assert sum(max(piece) for piece in detector.shown[1:]) >= max(shape)


@pytest.mark.parametrize("lefts", [(1, 340, 2979), (45, 90, 140, 1233), tuple(range(1, 2980, 37))])
def test_every_face_of_a_strip_is_found_once_and_whole(lefts: tuple[int, ...]) -> None:
    found = detect_faces(strip(*lefts), Blocks())
    assert sorted(each.box_px for each in found) == [(left, 40, 20, 30) for left in lefts]
    assert [each.probability for each in found] == sorted((each.probability for each in found), reverse=True)


def test_a_high_picture_is_the_same_turned() -> None:
    assert sorted(each.box_px.y for each in detect_faces(strip(45, 1233, upright=True), Blocks())) == [45, 1233]


def test_a_panorama_with_real_faces(portrait: Path) -> None:
    """30,000 pixels wide: as a whole YuNet sees its faces at 2 pixels."""
    with Image.open(portrait) as picture:
        face = picture.convert("RGB").resize((300, 300))
    panorama = Image.new("RGB", (30_000, 400), "grey")
    lefts = [1_000, 15_130, 29_600]
    for left in lefts:
        panorama.paste(face, (left, 50))
    detector = YuNet(threads=1)
    assert detector.detect(np.asarray(panorama)) == []
    found = detect_faces(np.asarray(panorama), detector)
    assert [each.box_px.x // 100 for each in sorted(found, key=lambda each: each.box_px.x)] == pytest.approx(
        [left // 100 + 1 for left in lefts], abs=1
    )
    (alone,) = detector.detect(np.asarray(face))
    first = min(found, key=lambda each: each.box_px.x)
    assert first.box_px == pytest.approx(np.add(alone.box_px, [1000, 50, 0, 0]), abs=20)
    assert np.abs(first.landmarks_px - alone.landmarks_px - [1000, 50]).max() < 20
