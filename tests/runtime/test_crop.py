import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mien.core.images import grey, resize
from mien.runtime.detect import Detection
from mien.runtime.geometry import Box, Square
from mien.runtime.photo import crop_face, face_square

NOISE = np.random.default_rng(0).integers(0, 256, (120, 150, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(NOISE).resize((15, 12), Image.Resampling.BOX).resize((150, 120)))


def face(box: Box, eyes: tuple[tuple[float, float], tuple[float, float]] = ((0, 0), (1, 0))) -> Detection:
    return Detection(box, 0.9, np.array([*eyes, (0, 0), (0, 0), (0, 0)], float))


@given(st.floats(-50, 500), st.floats(-50, 500), st.floats(1, 300), st.floats(1, 300), st.floats(-0.2, 1))
def test_the_square_has_the_boxs_centre_and_area(
    x: float, y: float, width: float, height: float, margin: float
) -> None:
    square = face_square(face(Box(x, y, width, height)))
    assert (square.x, square.y) == pytest.approx((x + width / 2, y + height / 2))
    assert square.side**2 == pytest.approx(width * height)
    wider = face_square(face(Box(x, y, width, height)), margin=margin)
    assert wider.side - square.side == pytest.approx(2 * margin * square.side)
    assert (wider.x, wider.y, wider.rotation_deg) == (square.x, square.y, 0)


@pytest.mark.parametrize("rotation_deg", [-60, -10, 0, 20, 90])
def test_aligning_follows_the_eyes(rotation_deg: float) -> None:
    eyes = ((5, 7), (5 + math.cos(math.radians(rotation_deg)), 7 + math.sin(math.radians(rotation_deg))))
    assert face_square(face(Box(0, 0, 9, 9), eyes)).rotation_deg == pytest.approx(rotation_deg)
    assert face_square(face(Box(0, 0, 9, 9), eyes), align=False).rotation_deg == 0


@pytest.mark.parametrize(("left", "top", "side"), [(10, 20, 48), (3, 5, 96), (40, 30, 30), (0, 0, 120), (7, 7, 1)])
def test_inside_it_is_pillows_crop(left: int, top: int, side: int) -> None:
    expected = Image.fromarray(NOISE).crop((left, top, left + side, top + side)).convert("L")
    found = crop_face(NOISE, Square(left + side / 2, top + side / 2, side))
    assert (found.dtype, found.shape) == (np.uint8, (48, 48))
    assert (found == resize(np.asarray(expected))).all()


@pytest.mark.parametrize(("x", "y"), [(0, 60), (75, 0), (150, 120), (-100, -100), (400, 60)])
@pytest.mark.parametrize("rotation_deg", [0, 1e-9])
def test_over_the_border_it_is_repeated(x: float, y: float, rotation_deg: float) -> None:
    wide = np.pad(NOISE, ((500, 500), (500, 500), (0, 0)), mode="edge")
    expected = crop_face(wide, Square(x + 500, y + 500, 48))
    assert (crop_face(NOISE, Square(x, y, 48, rotation_deg)) == expected).all()


@pytest.mark.parametrize("quarters", [-1, 0, 1, 2])
@pytest.mark.parametrize("side", [48, 96, 20])
def test_quarter_turns_are_numpys(quarters: int, side: int) -> None:
    upright = crop_face(NOISE, Square(70, 60, side)).astype(int)
    turned = crop_face(NOISE, Square(70, 60, side, 90 * quarters + 1e-9)).astype(int)
    assert np.abs(turned - np.rot90(upright, quarters)).max() <= 1


@pytest.mark.parametrize("rotation_deg", [-30, 12, 75])
@pytest.mark.parametrize("centre", [(70, 60), (60.5, 55.25)])
def test_a_turn_is_pillows_rotation(rotation_deg: float, centre: tuple[float, float]) -> None:
    picture = Image.fromarray(grey(SMOOTH))
    corner = (1, 0, centre[0] - 24, 0, 1, centre[1] - 24)
    turned, unturned = (
        np.asarray(source.transform((48, 48), Image.Transform.AFFINE, corner, Image.Resampling.BICUBIC), int)
        for source in (picture.rotate(rotation_deg, Image.Resampling.BICUBIC, center=centre), picture)
    )
    found = crop_face(SMOOTH, Square(*centre, 48, rotation_deg))
    assert np.abs(found - turned).max() <= 3
    assert np.abs(found - unturned).max() > 8


def test_the_last_digits_of_a_turned_square_change_no_pixel() -> None:
    """They depend on the processor, and int8 graphs on every grey level."""
    for x, y, side, rotation_deg in [(70.3, 60.2, 50.2, 12.3), (20.07, 15.2, 33.4, -3.9), (90, 100.3, 80.8, 178)]:
        square = Square(x, y, side, rotation_deg)
        other = Square(x + 2e-5, y - 2e-5, side - 2e-5, rotation_deg + 2e-5)
        assert np.array_equal(crop_face(NOISE, square), crop_face(NOISE, other))
