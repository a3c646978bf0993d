"""The update rules, against formulas of their own."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.training.config import Optimizer
from mien.training.module import make_optimizer

STEPS, GRADIENT = 5000, 1e-7


def keras_adam(*, lr: float, eps: float) -> list[float]:
    """What `keras.optimizers.Adam.update_step` takes off in each step, in float64."""
    m = v = 0.0
    taken = []
    for step in range(1, STEPS + 1):
        alpha = lr * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        m += (GRADIENT - m) * (1 - 0.9)
        v += (GRADIENT**2 - v) * (1 - 0.999)
        taken.append(m * alpha / (np.sqrt(v) + eps))
    return taken


def adam(eps: float) -> list[float]:
    """What mien's Adam takes off in each step."""
    weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    optimizer = make_optimizer(Optimizer(name="adam", lr=1e-3, eps=eps), [weight])
    weight.grad = torch.tensor(GRADIENT, dtype=torch.float64)
    positions = [0.0]
    for _ in range(STEPS):
        optimizer.step()
        positions.append(weight.item())
    return list(-np.diff(positions))


def test_adam_with_the_eps_of_keras_steps_as_keras_does() -> None:
    """Where gradients are small; in the first steps too, eps divided by what Keras doesn't divide it by."""
    keras = keras_adam(lr=1e-3, eps=1e-7)
    assert adam(1e-7)[-1] == pytest.approx(keras[-1], rel=2e-3)
    assert adam(1e-7 / np.sqrt(1 - 0.999))[0] == pytest.approx(keras[0], rel=1e-9)
    assert adam(Optimizer().eps)[-1] > 1.8 * keras[-1]


def test_sgd_has_no_eps() -> None:
    weight = nn.Parameter(torch.zeros(1))
    assert "eps" not in make_optimizer(Optimizer(name="sgd"), [weight]).param_groups[0]
