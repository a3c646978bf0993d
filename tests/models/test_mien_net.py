"""The mien family: what each network may cost, its stages, and how it starts."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from mien.models.mien_net import MienNet
from mien.models.registry import build, info

WIDTHS = {"mien-n": (16, 24, 32, 64), "mien-s": (32, 64, 128, 256), "mien-m": (48, 96, 192, 384)}
BUDGETS = {"mien-n": (150_000, 10e6), "mien-s": (2_200_000, 90e6), "mien-m": (5_000_000, 250e6)}


@pytest.fixture(params=WIDTHS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(name: str) -> MienNet:
    torch.manual_seed(0)
    made = build(name, 7)
    assert isinstance(made, MienNet)
    return made


def by_hand(widths: tuple[int, ...], classes: int) -> tuple[int, int]:
    """Parameters with the running ones, and multiply-adds, from the description of the stages alone."""
    parameters = macs = 0
    for (channels, width), side in zip(pairwise((1, *widths)), (48, 24, 12, 6), strict=True):
        hidden = max(width // 8, 4)
        inner = 2 * 9 * width * width  # two 3×3 convolutions at half the side
        parameters += 9 * channels * width + inner + 3 * 4 * width + (width + 1) * hidden + (hidden + 1) * width
        macs += 9 * channels * width * side**2 + inner * (side // 2) ** 2 + 2 * width * hidden
    return parameters + (widths[-1] + 1) * classes, macs + widths[-1] * classes


@pytest.mark.parametrize("classes", [7, 8])
def test_cost(name: str, classes: int) -> None:
    counted = info(name, classes=classes)
    assert (counted.parameters, counted.macs) == by_hand(WIDTHS[name], classes)
    assert counted.non_trainable == 3 * 2 * sum(WIDTHS[name])
    assert counted.parameters <= BUDGETS[name][0]
    assert counted.macs <= BUDGETS[name][1]


def test_each_stage_widens_and_halves(name: str, network: MienNet) -> None:
    maps, shapes = torch.randn(1, 1, 48, 48), []
    with torch.inference_mode():
        for stage in network.eval().stages:
            maps = stage(maps)
            shapes.append(tuple(maps.shape[1:]))
    assert shapes == [(width, side, side) for width, side in zip(WIDTHS[name], (24, 12, 6, 3), strict=True)]


def test_convolutions_are_dense_and_3_by_3(network: MienNet) -> None:
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert {m.groups for m in convolutions} == {1}
    wide = [m for m in convolutions if m.kernel_size == (3, 3)]
    assert len(wide) == 4 * 3
    for conv in wide:
        assert conv.bias is None
        expected = (2 / (conv.out_channels * 9)) ** 0.5  # Kaiming, by the fan-out
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.2 if conv.in_channels == 1 else 0.08)


@pytest.mark.parametrize("training", [True, False])
def test_blocks_are_an_identity_and_a_relu_at_first(network: MienNet, training: bool) -> None:
    network.train(training)
    maps = torch.randn(3, 1, 48, 48)
    with torch.inference_mode():
        for stage in network.stages:
            before = stage.act(stage.norm(stage.pool(stage.widen(maps))))
            assert not stage.residual(before).any()
            maps = stage(maps)
            assert maps.equal(before)
            assert maps.any()


def test_blocks_do_something_once_they_have_learnt(network: MienNet) -> None:
    stage = network.eval().stages[0]
    faces = torch.randn(2, 1, 48, 48)
    with torch.inference_mode():
        before = stage(faces)
        zero = [m for m in stage.modules() if isinstance(m, nn.BatchNorm2d) and not m.weight.any()]
        assert len(zero) == 1
        zero[0].weight.fill_(1)
        after = stage(faces)
    assert (after - before).abs().max() > 0.1
    assert (after >= 0).all()


def test_the_first_step_moves_only_what_is_not_behind_a_zero(network: MienNet) -> None:
    """The zero norm's own weight gets a gradient from the start, so the branch can leave zero."""
    network(torch.randn(4, 1, 48, 48)).square().sum().backward()
    for stage in network.stages:
        zero = next(m for m in stage.residual if isinstance(m, nn.BatchNorm2d) and not m.weight.any())
        assert zero.weight.grad.abs().sum() > 0
        assert not stage.residual[0].weight.grad.any()
        assert stage.widen.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "share"), [("mien-n", 0.1), ("mien-s", 0.3)])
def test_dropout(network: MienNet, share: float) -> None:
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [share]


def test_the_mean_of_a_map_and_its_gradient(network: MienNet) -> None:
    """The same while training, but for the gradient's memory layout: adding two layouts up took 5 % of a step."""
    gate = network.stages[0].residual[-1].gate
    maps = torch.randn(2, 8, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(2, 8, 1, 1)
    results, gradients = [], []
    for training in (False, True):
        mean = gate.train(training)[0](maps)
        results.append(mean.detach())
        gradients += torch.autograd.grad(mean, maps, upstream)
    assert results[1].numpy() == pytest.approx(results[0].numpy(), abs=1e-6)
    assert gradients[1].numpy() == pytest.approx(gradients[0].numpy(), abs=1e-6)
    assert gradients[1].is_contiguous(memory_format=torch.channels_last)
