"""What every network in the registry must do."""

from collections import Counter

import pytest
import torch
from torch import nn

from mien.core.errors import UsageError
from mien.models.registry import MODELS, build, check_side, info


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
    assert without == []
    assert all(p.grad.isfinite().all() for p in network.parameters())


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
    assert (counted.name, counted.input) == (name, (1, 48, 48))


def test_info_counts_the_multiply_adds(name: str) -> None:
    """Each output of a convolution or dense layer costs as many as one row of its weight holds."""
    network, macs = build(name, 7).eval(), []

    def count(module: nn.Conv2d | nn.Linear, _: object, output: torch.Tensor) -> None:
        macs.append(output[0].numel() * module.weight[0].numel())

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.randn(1, 1, 48, 48))
    assert info(name).macs == sum(macs)


def test_info_computes_nothing_and_draws_nothing(name: str) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    info(name)
    assert torch.get_rng_state().equal(before)


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
    for call in (lambda: build("corse_cnn", 7), lambda: info("corse_cnn")):
        with pytest.raises(UsageError, match=r"no model 'corse_cnn', did you mean course_cnn\?"):
            call()
    with pytest.raises(UsageError, match=r"no model 'resnet', known: course_cnn, mien-m, mien-n, mien-s"):
        build("resnet", 7)


@pytest.mark.parametrize("name", MODELS)
def test_which_networks_see_smaller_faces(name: str) -> None:
    check_side(name, 48)
    if name == "course_cnn":
        with pytest.raises(UsageError, match=r"course_cnn can't see faces of 32 px, only of 48; leave start_px at 48"):
            check_side(name, 32)
    else:
        check_side(name, 16)
