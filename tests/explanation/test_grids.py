"""Contact sheets, read back with Pillow."""

import io

import numpy as np
import pytest
from PIL import Image

from mien.core.images import to_uint8
from mien.explanation.grids import GAP_PX, PAPER, SCALE, sheet, side_by_side

PICTURES = np.random.default_rng(0).integers(0, 200, (5, 6, 4), dtype=np.uint8)


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


@pytest.mark.parametrize(("columns", "rows"), [(1, 5), (2, 3), (5, 1), (7, 1)])
def test_pictures_are_at_their_places(columns: int, rows: int) -> None:
    page = opened(sheet(PICTURES, columns=columns))
    assert page.shape == (SCALE * (rows * (6 + GAP_PX) + GAP_PX), SCALE * (columns * (4 + GAP_PX) + GAP_PX))
    small = page[::SCALE, ::SCALE].copy()
    assert np.array_equal(page, small.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
    for number, picture in enumerate(PICTURES):
        row, column = divmod(number, columns)
        at = np.s_[GAP_PX + row * (6 + GAP_PX) :, GAP_PX + column * (4 + GAP_PX) :]
        assert np.array_equal(small[at][:6, :4], picture)
        small[at][:6, :4] = PAPER
    assert (small == PAPER).all()


def test_the_strongest_is_white_and_what_speaks_against_is_black() -> None:
    maps = np.random.default_rng(1).normal(size=(2, 48, 48)) * [[[1]], [[1e-6]]]
    grey = to_uint8(maps)
    assert (grey.dtype, grey.shape) == (np.uint8, maps.shape)
    for picture, found in zip(maps, grey, strict=True):
        top = np.percentile(np.maximum(picture, 0), 99.5)
        assert (found[picture <= 0] == 0).all()
        assert (found[picture >= top] == 255).all()
        middle = (picture > 0) & (picture < top)
        assert found[middle] == pytest.approx(255 * picture[middle] / top, abs=0.51)


def test_maps_with_little_or_nothing_to_show() -> None:
    one = np.zeros((1, 48, 48), np.float32)
    assert not to_uint8(one).any()
    assert not to_uint8(np.full_like(one, np.nan)).any()
    one[0, 3, 5] = 1e-3
    assert np.argwhere(to_uint8(one)).tolist() == [[0, 3, 5]]
    assert to_uint8(one).max() == 255


def test_columns_stand_side_by_side() -> None:
    mixed = side_by_side([PICTURES, PICTURES + 1, PICTURES + 2])
    assert mixed.shape == (15, 6, 4)
    assert np.array_equal(mixed[1::3], PICTURES + 1)
    assert np.array_equal(mixed[6:9], [PICTURES[2], PICTURES[2] + 1, PICTURES[2] + 2])
