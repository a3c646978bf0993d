"""Masked faces, against counting by hand."""

import numpy as np
import pytest

from mien.core.errors import UsageError
from mien.explanation.masking import mask_least_salient

from .networks import faces

FACES = faces(3) // 2 + 100
MAPS = np.random.default_rng(1).normal(size=(3, 48, 48)).astype(np.float32)


@pytest.mark.parametrize("share", [0.25, 0.7])
def test_the_least_salient_pixels_become_the_faces_mean(share: float) -> None:
    masked = mask_least_salient(FACES, MAPS, share=share)
    assert masked.dtype == np.uint8
    for face, found, saliency in zip(FACES, masked, MAPS, strict=True):
        threshold = np.sort(saliency.ravel())[round(share * 48 * 48)]
        expected = np.where(saliency < threshold, round(float(face.mean())), face)
        assert np.array_equal(found, expected)


def test_nothing_and_everything() -> None:
    before = FACES.copy()
    assert np.array_equal(mask_least_salient(FACES, MAPS, share=0), FACES)
    assert all(len(np.unique(face)) == 1 for face in mask_least_salient(FACES, MAPS, share=1))
    assert np.array_equal(FACES, before)
    assert mask_least_salient(FACES[:0], MAPS[:0], share=0.5).shape == (0, 48, 48)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(UsageError, match="expected 0 to 1"):
        mask_least_salient(FACES, MAPS, share=share)
