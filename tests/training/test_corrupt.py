"""Corruption of whole batches: how strong it is, and that it depends on the seed alone."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from mien.training import corrupt
from mien.training.corrupt import CORRUPTIONS, Corrupter

GREY = torch.full((400, 1, 48, 48), 128.0)
TEXTURE = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 1, 48, 48))).float()


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


@pytest.mark.parametrize("change", [*CORRUPTIONS, corrupt.cover])
def test_every_face_changes_alone(change) -> None:  # type: ignore[no-untyped-def]
    changed = change(TEXTURE)
    assert changed.shape == TEXTURE.shape
    assert changed.isfinite().all()
    assert (changed != TEXTURE).flatten(1).any(dim=1).all()
    different = TEXTURE.clone()
    different[1:] = 0
    torch.manual_seed(7)
    whole = change(TEXTURE)
    torch.manual_seed(7)
    assert change(different)[0].allclose(whole[0], atol=1e-2), "a face depends on another of its batch"


def test_noise_has_the_strengths_that_it_says() -> None:
    spread = corrupt.noise(GREY).std(dim=(1, 2, 3))
    assert spread.min() < 2
    assert 28 < spread.max() < 31.5
    assert spread.mean() == pytest.approx(15, abs=1)


def test_low_light_is_dark_and_whole_photons() -> None:
    dark = corrupt.low_light(GREY)
    mean = dark.mean(dim=(1, 2, 3))
    assert mean.min() > 0.07 * 128
    assert mean.max() < 0.72 * 128
    # of a Poisson number times its level the variance is the mean times the level
    level = dark.var(dim=(1, 2, 3)) / mean
    assert level.min() > 0.4
    assert level.max() < 3.8


def test_a_gaussian_blur_is_that_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "randint", lambda *_, **__: torch.zeros(len(TEXTURE), dtype=torch.int64))
    monkeypatch.setattr(corrupt, "uniform", lambda faces, *_: torch.ones(len(faces), 1, 1, 1))
    blurred = corrupt.blur(TEXTURE).numpy()[:, 0]
    for face, own in zip(TEXTURE.byte().numpy()[:, 0], blurred, strict=True):
        expected = np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(1)), float)
        assert own[6:-6, 6:-6] == pytest.approx(expected[6:-6, 6:-6], abs=6)


def test_blurs_keep_the_light_and_smooth() -> None:
    blurred = corrupt.blur(TEXTURE)
    assert blurred.mean().item() == pytest.approx(TEXTURE.mean().item(), abs=1)
    assert (blurred.std(dim=(1, 2, 3)) < 0.95 * TEXTURE.std(dim=(1, 2, 3))).all()
    assert corrupt.blur(GREY).sub(128).abs().max() < 1e-3


def test_covers_are_one_grey_level_each_and_half_are_below_the_nose() -> None:
    covered = corrupt.cover(TEXTURE.repeat(10, 1, 1, 1)) != TEXTURE.repeat(10, 1, 1, 1)
    shares = covered.float().mean(dim=(1, 2, 3))
    assert shares.min() > 0.03
    assert shares.max() <= 0.5
    lower = covered[:, 0, 36:].float().mean(dim=(1, 2)) > 0.98
    assert 0.4 < lower.float().mean() < 0.6


def test_the_shares_of_faces_are_those_asked_for() -> None:
    faces = TEXTURE.repeat(10, 1, 1, 1)
    changed = (Corrupter(corrupt=0.3, cover=0)(faces) != faces).flatten(1).any(dim=1).float().mean()
    assert 0.2 < changed < 0.37
    changed = (Corrupter(corrupt=0, cover=0.3)(faces) != faces).flatten(1).any(dim=1).float().mean()
    assert 0.22 < changed < 0.38


def test_the_seed_decides_and_grey_levels_stay_whole() -> None:
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(Corrupter(corrupt=0.5, cover=0.2)(TEXTURE))
    assert results[0].equal(results[1])
    assert not results[0].equal(results[2])
    assert results[0].round().equal(results[0])
    assert results[0].min() >= 0
    assert results[0].max() <= 255


def test_autocast_to_few_digits_changes_nothing() -> None:
    torch.manual_seed(0)
    plain = Corrupter(corrupt=1, cover=0)(TEXTURE)
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Corrupter(corrupt=1, cover=0)(TEXTURE).equal(plain)
