import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from mien.training.augment import Augmenter
from mien.training.config import Augment

FACES = torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def augmented(**settings: float | bool) -> np.ndarray:
    torch.manual_seed(1)
    return Augmenter(Augment(**settings))(FACES).numpy()


def test_off_changes_nothing() -> None:
    assert augmented() == pytest.approx(FACES.numpy(), abs=1e-4)


def test_flip_mirrors_about_half() -> None:
    faces, result = FACES.numpy().astype(float), augmented(flip=True)
    same = np.isclose(result, faces, atol=1e-3).all(axis=(1, 2, 3))
    mirrored = np.isclose(result, faces[..., ::-1], atol=1e-3).all(axis=(1, 2, 3))
    assert (same | mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_brightness_adds_a_share_of_the_range() -> None:
    grey = torch.full((64, 1, 48, 48), 128, dtype=torch.uint8)
    torch.manual_seed(1)
    added = Augmenter(Augment(brightness=0.2))(grey).numpy() - 128
    assert np.ptp(added, axis=(1, 2, 3)) == pytest.approx(np.zeros(64), abs=1e-3)
    assert np.abs(added).max() <= 0.2 * 255 + 1e-3
    assert added.min() < -25
    assert added.max() > 25


def test_rotation_is_what_pillow_rotates() -> None:
    """The angle that was drawn, applied by Pillow, gives the same picture up to interpolation."""
    ramp = np.add.outer(np.arange(48), 2 * np.arange(48)).astype(np.uint8)
    face = torch.from_numpy(ramp)[None, None].repeat(8, 1, 1, 1)
    augmenter = Augmenter(Augment(rotation_deg=20))
    torch.manual_seed(3)
    result = augmenter(face).numpy()
    angles = augmenter.steps[0]._params["angle"].numpy()
    assert np.ptp(angles) > 10
    middle = slice(12, 36)
    for picture, angle in zip(result[:, 0], angles, strict=True):
        expected = np.asarray(Image.fromarray(ramp).rotate(-angle, Image.Resampling.BILINEAR))
        assert picture[middle, middle] == pytest.approx(expected[middle, middle], abs=2)


def test_new_pixels_repeat_the_border() -> None:
    white = torch.full((32, 1, 48, 48), 255, dtype=torch.uint8)
    torch.manual_seed(1)
    assert Augmenter(Augment(rotation_deg=30, shift=0.2, zoom=0.2))(white).min() == pytest.approx(255, abs=1e-2)


def test_the_seed_decides() -> None:
    settings = {"rotation_deg": 10, "shift": 0.1, "zoom": 0.1, "flip": True, "brightness": 0.2}
    first, second = augmented(**settings), augmented(**settings)
    assert (first == second).all()
    torch.manual_seed(2)
    assert (Augmenter(Augment(**settings))(FACES).numpy() != first).any()


def test_full_precision_under_autocast() -> None:
    """In bf16 a rotation of a few degrees would move pixels by tenths."""
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = Augmenter(Augment(rotation_deg=10))(FACES)
    assert result.dtype == torch.float32
    assert (result.numpy() == augmented(rotation_deg=10)).all()


def test_contrast_multiplies() -> None:
    grey = torch.full((64, 1, 48, 48), 100, dtype=torch.uint8)
    torch.manual_seed(1)
    factors = Augmenter(Augment(contrast=0.3))(grey).numpy() / 100
    assert np.ptp(factors, axis=(1, 2, 3)) == pytest.approx(np.zeros(64), abs=1e-4)
    assert 0.7 - 1e-4 <= factors.min() < 0.75
    assert 1.25 < factors.max() <= 1.3 + 1e-4


def test_contrast_is_the_brightness_of_keras() -> None:
    """Keras's `brightness_range` is Pillow's `ImageEnhance.Brightness`, which multiplies and cuts off."""
    augmenter = Augmenter(Augment(contrast=0.5))
    torch.manual_seed(1)
    result = augmenter(FACES[:8]).numpy()[:, 0]
    factors = augmenter.steps[0]._params["contrast_factor"].numpy()
    assert np.ptp(factors) > 0.5
    for picture, face, factor in zip(result, FACES[:8, 0].numpy(), factors, strict=True):
        expected = np.asarray(ImageEnhance.Brightness(Image.fromarray(face)).enhance(float(factor)))
        assert picture == pytest.approx(expected, abs=1)


def test_erasing_puts_one_grey_rectangle_on_about_its_share_of_the_faces() -> None:
    white = torch.full((64, 1, 48, 48), 255, dtype=torch.uint8)
    torch.manual_seed(1)
    erased = np.isclose(Augmenter(Augment(erase=0.5))(white).numpy()[:, 0], 127.5)
    shares = erased.mean(axis=(1, 2))
    assert 16 < (shares > 0).sum() < 48
    assert 0.015 < shares[shares > 0].min() <= shares.max() < 0.22
    for each in erased[shares > 0]:
        rows, columns = np.flatnonzero(each.any(axis=1)), np.flatnonzero(each.any(axis=0))
        assert each[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
