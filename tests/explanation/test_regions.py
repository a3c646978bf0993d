"""The template of the face, and how attribution is shared among its parts."""

import numpy as np
import pytest

from mien.explanation.regions import BOXES, FACE, REGIONS, attribution_shares, template

MAPS = np.random.default_rng(0).normal(size=(4, 48, 48)).astype(np.float32)


def test_the_template_parts_the_picture() -> None:
    parts = template()
    assert parts.shape == (len(REGIONS), 48, 48)
    assert (parts.sum(axis=0) == 1).all()
    assert parts.any(axis=(1, 2)).all()


def test_the_boxes_are_where_they_say() -> None:
    parts = dict(zip(REGIONS, template(), strict=True))
    for name, boxes in BOXES.items():
        assert parts[name].sum() == sum((bottom - top) * (right - left) for top, bottom, left, right in boxes)
    face = sum(int(parts[name].sum()) for name in REGIONS if name != "outside")
    assert face == pytest.approx(np.pi * FACE[2] * FACE[3], rel=0.05)  # the ellipse's area, cut by the picture's rim
    assert parts["outside"][[0, 0, -1, -1], [0, -1, 0, -1]].all()


def test_shares_sum_to_one_and_count_what_is_positive() -> None:
    found = attribution_shares(MAPS, template())
    assert found.sum(axis=1) == pytest.approx(np.ones(4))
    mouth = template()[REGIONS.index("mouth")]
    by_hand = [each[mouth & (each > 0)].sum() / each[each > 0].sum() for each in MAPS]
    assert found[:, REGIONS.index("mouth")] == pytest.approx(by_hand, rel=1e-5)


def test_a_map_inside_the_mouth_is_all_mouth() -> None:
    inside = np.where(template()[REGIONS.index("mouth")], np.float32(3), np.float32(-1))[None]
    assert attribution_shares(inside, template()).tolist() == [[float(name == "mouth") for name in REGIONS]]


def test_a_map_without_anything_positive_has_no_shares() -> None:
    found = attribution_shares(np.stack([MAPS[0], 0 * MAPS[0], -np.abs(MAPS[0])]), template())
    assert np.isnan(found).all(axis=1).tolist() == [False, True, True]


def test_every_face_may_have_masks_of_its_own() -> None:
    masks = np.random.default_rng(1).random((4, 2, 48, 48)) < 0.3
    together = attribution_shares(MAPS, masks)
    alone = [attribution_shares(MAPS[i : i + 1], masks[i])[0] for i in range(4)]
    assert together == pytest.approx(np.array(alone))
