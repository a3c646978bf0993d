"""What every network in the registry must do."""

from collections import Counter

import pytest
import torch
from torch import nn

from mien.core.errors import UsageError
from mien.models.registry import MODELS, build, info

BUDGETS = {"course_cnn": (4_790_107, 742e6), "mien-n": (150_000, 10e6), "mien-s": (2_200_000, 90e6)}


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("classes", [7, 3])
def test_logits(name: str, classes: int) -> None:
    logits = build(name, classes).eval()(torch.randn(2, 1, 48, 48))
    assert logits.shape == (2, classes)
    assert logits.isfinite().all()


def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    network = build(name, 7)
    with torch.no_grad():  # a branch that starts at zero passes no gradient back until it has left zero
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(0.5)
    network(torch.randn(4, 1, 48, 48)).square().sum().backward()
    without = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    biases = [key for key in without if key.endswith("bias")]  # a bias before a batch norm changes nothing
    assert without == biases


def test_made_for_attribution(name: str) -> None:
    network = build(name, 7).eval()
    assert not [module for module in network.modules() if getattr(module, "inplace", False)]
    calls: Counter[str] = Counter()
    for key, module in network.named_modules():
        module.register_forward_hook(lambda *_, key=key: calls.update([key]))
    with torch.inference_mode():
        network(torch.randn(1, 1, 48, 48))
    assert set(calls.values()) == {1}


def test_info_counts(name: str) -> None:
    network, counted = build(name, 7), info(name)
    running = sum(
        module.running_mean.numel() + module.running_var.numel()
        for module in network.modules()
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))
    )
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert (counted.trainable, counted.non_trainable) == (trainable, running)
    assert counted.parameters == trainable + running
    assert counted.input == (1, 48, 48)


def test_budget(name: str) -> None:
    parameters, macs = BUDGETS[name]
    assert info(name).parameters <= parameters
    assert info(name).macs <= macs


def test_a_class_more_costs_one_row(name: str) -> None:
    output = [module for module in build(name, 7).modules() if isinstance(module, nn.Linear)][-1]
    assert info(name, classes=8).parameters - info(name).parameters == output.in_features + 1


def test_the_current_generator_draws_the_weights(name: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in build(name, 7).parameters()])

    assert weights(0).equal(weights(0))
    assert not weights(0).equal(weights(1))


def test_unknown_names() -> None:
    with pytest.raises(UsageError, match=r"no model 'corse_cnn', did you mean course_cnn\?"):
        build("corse_cnn", 7)


def test_residual_branches_start_at_zero() -> None:
    network = build("mien-n", 7).eval()
    stage = network.stages[1]
    maps = torch.randn(2, 8, 12, 12)
    with torch.inference_mode():
        before = stage.act(stage.norm(stage.pool(stage.widen(maps))))
        assert stage(maps).equal(before)
