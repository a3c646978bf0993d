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
    assert (augmented() == FACES.numpy()).all()


def test_flip_mirrors_about_half() -> None:
    faces, result = FACES.numpy().astype(float), augmented(flip=True)
    same = (result == faces).all(axis=(1, 2, 3))
    mirrored = (result == faces[..., ::-1]).all(axis=(1, 2, 3))
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


MOVES = {"rotation_deg": 20.0, "zoom": 0.3, "shift": 0.1}


@pytest.mark.parametrize("moves", [*MOVES, "all"])
def test_faces_move_as_pillow_moves_them(moves: str) -> None:
    """Angle, zoom and shifts are drawn in this order; Pillow does the same to each face with them."""
    settings = {name: value for name, value in MOVES.items() if moves in (name, "all")}
    ramp = (np.add.outer(np.arange(48), 2 * np.arange(48)) + 30).astype(np.uint8)
    torch.manual_seed(3)
    result = Augmenter(Augment(**settings))(torch.from_numpy(ramp)[None, None].repeat(8, 1, 1, 1)).numpy()
    torch.manual_seed(3)
    drawn = 2 * torch.rand(4, 8).double().numpy() - 1  # -1 to 1
    angle = np.radians(settings.get("rotation_deg", 0) * drawn[0])
    scale = 1 + settings.get("zoom", 0) * drawn[1]
    shifts = 48 * settings.get("shift", 0) * drawn[2:].T  # (8, 2): right, down
    for picture, turn, size, shift in zip(result[:, 0], angle, scale, shifts, strict=True):
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / size
        start = 24 - back @ (24 + shift)
        places = (*back[0], start[0], *back[1], start[1])
        expected = Image.fromarray(ramp).transform((48, 48), Image.Transform.AFFINE, places, Image.Resampling.BILINEAR)
        assert picture[14:34, 14:34] == pytest.approx(np.asarray(expected)[14:34, 14:34], abs=1)
    assert np.abs(result[:, 0] - ramp)[:, 14:34, 14:34].max() > 4


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
    torch.manual_seed(1)
    result = Augmenter(Augment(contrast=0.5))(FACES[:8]).numpy()[:, 0]
    torch.manual_seed(1)
    factors = 0.5 + torch.rand(8).numpy()
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
        assert 0.25 < len(rows) / len(columns) < 4
