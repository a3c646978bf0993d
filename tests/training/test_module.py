"""The update rules, against formulas of their own."""

from types import SimpleNamespace
from typing import Any, cast

import lightning as L
import numpy as np
import pytest
import torch
from torch import nn

from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.callbacks import EmaCallback
from mien.training.config import Optimizer, read_recipe, resolve
from mien.training.module import DROPOUT, OPTIMIZERS, TrainingModule, make_optimizer

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


def trained(rule: Optimizer, *, fused: bool) -> list[np.ndarray]:
    """The weights of a network after three steps, with its rule as it is made or with PyTorch's plain one."""
    torch.manual_seed(0)
    classifier = Classifier("mien-n", tuple("abc"), normalisation="none").train()
    optimizer = make_optimizer(rule, classifier.parameters())
    assert optimizer.param_groups[0]["fused"]
    optimizer.param_groups[0]["fused"] = fused
    for _ in range(3):
        optimizer.zero_grad()
        classifier(torch.randint(0, 256, (16, 1, 48, 48))).square().mean().backward()
        optimizer.step()
    return [parameter.detach().numpy() for parameter in classifier.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_fused_rules_step_as_the_plain_ones_do(name: Any) -> None:
    """They run through memory as it lies: weights, gradients and moments must all be in `channels_last`."""
    rule = Optimizer(name=name, lr=1e-3, eps=1e-3, weight_decay=0.1)
    fused, plain = trained(rule, fused=True), trained(rule, fused=False)
    for weights, expected in zip(fused, plain, strict=True):
        assert weights == pytest.approx(expected, abs=1e-5)


def test_a_step_draws_what_its_seed_gives() -> None:
    """On a CPU the generator is seeded past `torch.manual_seed`; old runs go on with the same numbers."""
    faces = open_faces("synthetic:70")
    classifier = Classifier("mien-n", faces.classes, normalisation="none")
    module = TrainingModule(
        classifier, resolve(read_recipe("demo"), {"data": "-", "seed": 5}), faces=faces, held_out=faces
    )
    module._seed(DROPOUT, 2, 3)
    drawn = torch.rand(3)
    torch.manual_seed(int(np.random.SeedSequence([5, 0, DROPOUT, 2, 3]).generate_state(1, np.uint64)[0]))
    assert drawn.equal(torch.rand(3))


def test_the_moving_average_weighs_the_latest_step_least() -> None:
    weights = (2.0, 3.0, 5.0)
    module = L.LightningModule()
    module.weight = nn.Parameter(torch.ones(1))  # before the first step
    average = EmaCallback(decay=0.75)
    trainer = cast(Any, SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")), global_step=0))
    average.setup(trainer, module, "fit")
    for weight in weights:
        nn.init.constant_(module.weight, weight)
        trainer.global_step += 1
        average.on_train_batch_end(trainer, module, None, None, 0)
    average.on_train_end(trainer, module)
    assert module.weight.item() == pytest.approx(0.75 * (0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 3) + 0.25 * 5)
