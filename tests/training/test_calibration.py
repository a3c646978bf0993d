"""Temperature and biases, on logits whose true calibration is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mien.training.calibration import Calibration, calibrate, fit_biases, fit_temperature, gain_of_biases

TRUE = Calibration(1.6, np.array([0.5, -0.2, -0.3]))


def drawn(count: int, calibration: Calibration, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits, and targets drawn from the probabilities that a calibration makes of them."""
    generator = np.random.default_rng(seed)
    logits = torch.as_tensor(2 * generator.normal(size=(count, 3)))
    probabilities = calibration.apply(logits).softmax(dim=1).numpy()
    targets = (probabilities.cumsum(axis=1) < generator.random((count, 1))).sum(axis=1).clip(max=2)
    return logits, torch.as_tensor(targets)


def test_the_true_calibration_is_found() -> None:
    found = fit_biases(*drawn(50_000, TRUE))
    assert found.temperature == pytest.approx(1.6, abs=0.05)
    assert found.bias == pytest.approx(TRUE.bias, abs=0.05)


def test_at_the_lowest_loss_each_class_is_as_probable_as_it_is_frequent() -> None:
    """The derivative by a bias is `mean p - share`, but for its prior."""
    logits, targets = drawn(300, TRUE)
    found = fit_biases(logits, targets)
    assert found.bias is not None
    mean = found.apply(logits).softmax(dim=1).mean(dim=0).numpy()
    shares = np.bincount(targets, minlength=3) / 300
    assert mean - shares + found.bias / 300 == pytest.approx(np.zeros(3), abs=1e-4)
    assert np.abs(mean - shares).max() < 0.005


def test_a_class_without_faces_stays_possible() -> None:
    logits, targets = drawn(300, TRUE)
    found = fit_biases(torch.cat([logits, torch.zeros((300, 1))], dim=1), targets)
    assert found.bias is not None
    assert -6 < found.bias[3] < -2


def test_folds_tell_whether_biases_help() -> None:
    logits, targets = drawn(2000, TRUE)
    assert gain_of_biases(logits, targets).mean() > 0.01
    assert calibrate(logits, targets).bias is not None
    unbiased = Calibration(1.6)
    chosen = [calibrate(*drawn(500, unbiased, seed=seed)).bias is not None for seed in range(10)]
    assert sum(chosen) <= 4


def test_few_faces_give_a_temperature_alone() -> None:
    logits, targets = drawn(99, TRUE)
    found = calibrate(logits, targets)
    assert found.bias is None
    assert found.temperature == fit_temperature(logits, targets)
