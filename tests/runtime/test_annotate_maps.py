"""The strip of faces and their maps below an annotated picture."""

import numpy as np
import pytest

from mien.core.errors import DataError, UsageError
from mien.runtime.annotate import COLOURS, annotate, annotate_with_maps, overlay
from mien.runtime.geometry import Box
from mien.runtime.results import Face

TILE_PX = (16 + 144, 144 + 2 + 144)
"""Height and width of a face's caption, and of the face and its map, on small pictures."""


def faces(count: int) -> list[Face]:
    return [
        Face(
            "a.jpg", str(i + 1), {"happy": 0.6, "sad": 0.4}, Box(9 * i, 40, 30, 30), np.full((48, 48), 90 + i, np.uint8)
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("width", "count", "columns", "canvas"), [(640, 1, 2, 640), (640, 5, 2, 640), (48, 2, 1, 314), (314, 3, 1, 314)]
)
def test_tiles_lie_in_rows_below_the_picture(width: int, count: int, columns: int, canvas: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, width, 3), dtype=np.uint8)
    seen = faces(count)
    page = annotate_with_maps(picture, seen, np.zeros((count, 48, 48), np.float32))
    height, wide = TILE_PX
    assert page.shape == (300 + 12 + -(-count // columns) * (height + 12), canvas, 3)
    assert (page[:300, :width] == annotate(picture, seen)).all()
    for i in range(count):
        top, left = 312 + i // columns * (height + 12), 12 + i % columns * (wide + 12)
        caption, pair = page[top : top + 16, left : left + wide], page[top + 16 : top + height, left : left + wide]
        assert (caption == COLOURS["happiness"]).all(axis=2).mean() > 0.8
        assert (pair[:, :144] == 90 + i).all()
        assert (pair[:, 146:] == 90 + i).all()  # a map of nothing hides nothing
    beside_picture, gap = page[:300, width:], page[300:312]
    assert (beside_picture == 255).all()
    assert (gap == 255).all()


def test_only_evidence_for_the_class_is_shown_where_it_is() -> None:
    maps = np.zeros((1, 48, 48), np.float32)
    maps[0, 8:16, 8:16], maps[0, 32:40, 32:40] = 3, -3
    page = annotate_with_maps(np.zeros((300, 640, 3), np.uint8), faces(1), maps)
    tile = page[328 : 328 + 144, 12 : 12 + 290]
    coloured = np.argwhere(np.ptp(tile.astype(int), axis=2) > 30)
    assert coloured.min(axis=0) == pytest.approx([24, 146 + 24], abs=3)
    assert coloured.max(axis=0) == pytest.approx([47, 146 + 47], abs=3)


def test_stronger_evidence_is_brighter_and_hides_more() -> None:
    shown = overlay(np.full((1, 256), 60, np.uint8), np.arange(256, dtype=np.uint8)[None])[0].astype(int)
    assert shown[0].tolist() == [60, 60, 60]
    assert (np.diff((shown @ [299, 587, 114])[::64]) > 0).all()
    assert (np.diff(np.ptp(shown, axis=1)) >= -1).all()


def test_tiles_grow_with_the_picture() -> None:
    page = annotate_with_maps(np.zeros((3000, 4000, 3), np.uint8), faces(1), np.zeros((1, 48, 48), np.float32))
    assert (page[3000:] == 90).all(axis=2).any(axis=0).sum() == 2 * 48 * 9


def test_without_faces_it_is_the_picture() -> None:
    picture = np.zeros((50, 60, 3), np.uint8)
    assert annotate_with_maps(picture, [], np.zeros((0, 48, 48), np.float32)).shape == picture.shape


def test_what_does_not_fit_is_refused() -> None:
    picture = np.zeros((50, 60, 3), np.uint8)
    with pytest.raises(UsageError, match=r"maps are \(1, 48, 48\), expected \(2, 48, 48\)"):
        annotate_with_maps(picture, faces(2), np.zeros((1, 48, 48), np.float32))
    small = Face("a.jpg", "1", {"happy": 1.0}, None, np.zeros((40, 48), np.uint8))
    with pytest.raises(DataError, match=r"expected uint8 \(N, 48, 48\)"):
        annotate_with_maps(picture, [small], np.zeros((1, 48, 48), np.float32))
