"""The reference report's network, layer by layer."""

import math

import pytest
import torch
from torch import nn

from mien.models import course_cnn
from mien.models.course_cnn import CourseCNN
from mien.models.registry import info

LAYERS = {  # name: (output shape of one face, parameters with the running ones)
    "conv1": ((400, 46, 46), 4_000),
    "norm1": ((400, 46, 46), 1_600),
    "pool1": ((400, 23, 23), 0),
    "conv2": ((400, 21, 21), 1_440_400),
    "norm2": ((400, 21, 21), 1_600),
    "pool2": ((400, 10, 10), 0),
    "conv3": ((400, 8, 8), 1_440_400),
    "norm3": ((400, 8, 8), 1_600),
    "pool3": ((400, 4, 4), 0),
    "conv4": ((400, 2, 2), 1_440_400),
    "norm4": ((400, 2, 2), 1_600),
    "pool4": ((400, 1, 1), 0),
    "dense1": ((500,), 200_500),
    "dense_norm1": ((500,), 2_000),
    "dense2": ((500,), 250_500),
    "dense_norm2": ((500,), 2_000),
    "output": ((7,), 3_507),
}


@pytest.fixture(scope="module")
def network() -> CourseCNN:
    torch.manual_seed(0)
    return CourseCNN(7).eval()


def test_the_three_numbers() -> None:
    counted = info("course_cnn")
    assert (counted.parameters, counted.trainable, counted.non_trainable) == (4_790_107, 4_784_907, 5_200)
    assert sum(parameters for _, parameters in LAYERS.values()) == 4_790_107


def test_multiply_adds() -> None:
    convolutions = [46**2 * 9 * 400] + [side**2 * 9 * 400 * 400 for side in (21, 8, 2)]
    assert info("course_cnn").macs == sum(convolutions) + 400 * 500 + 500 * 500 + 500 * 7 == 741_031_100


def test_the_layer_table(network: CourseCNN) -> None:
    seen: dict[str, tuple[tuple[int, ...], int]] = {}

    def look(key: str, module: nn.Module, output: torch.Tensor) -> None:
        running = [b for b in module.buffers() if b.is_floating_point()]
        seen[key] = (tuple(output.shape[1:]), sum(t.numel() for t in (*module.parameters(), *running)))

    hooks = [
        module.register_forward_hook(lambda module, _, output, key=key: look(key, module, output))
        for key, module in network.layers.named_children()
    ]
    with torch.inference_mode():
        network(torch.randn(1, 1, 48, 48))
    for hook in hooks:
        hook.remove()
    assert {key: value for key, value in seen.items() if key in LAYERS} == LAYERS
    order = [key.rstrip("1234") for key in seen]
    assert order == ["conv", "act", "norm", "pool", "drop"] * 4 + ["flatten"] + [
        "dense",
        "dense_act",
        "dense_norm",
    ] * 2 + ["output"]


def test_glorot_normal(network: CourseCNN) -> None:
    for key, module in network.layers.named_children():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_out, fan_in = module.weight.shape[0], module.weight[0].numel()
            fan_out *= math.prod(getattr(module, "kernel_size", ()))
            expected = math.sqrt(2 / (fan_in + fan_out))
            assert module.weight.std().item() == pytest.approx(expected, rel=0.05), key
            assert module.weight.mean().abs().item() < 0.05 * expected, key
            assert not module.bias.any(), key


def test_slopes_dropouts_and_norms(network: CourseCNN) -> None:
    modules = dict(network.layers.named_children())
    assert {m.negative_slope for m in modules.values() if isinstance(m, nn.LeakyReLU)} == {0.03}
    dropouts = [m.p for m in modules.values() if isinstance(m, nn.Dropout)]
    assert dropouts == sorted(set(dropouts))
    assert (dropouts[0], dropouts[-1], len(dropouts)) == (0.2, 0.4, 4)
    assert [m.kernel_size for m in modules.values() if isinstance(m, nn.MaxPool2d)] == [2] * 4
    assert sum(isinstance(m, nn.LeakyReLU) for m in modules.values()) == 6
    norms = [m for m in modules.values() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.01, 1e-3)}
    assert len(norms) == 6
    assert all(norm.affine and norm.track_running_stats for norm in norms)


def test_the_running_variance_is_that_of_keras_times_n_by_n_minus_one() -> None:
    torch.manual_seed(0)
    network = CourseCNN(7).train()
    norms = {key: module for key, module in network.layers.named_children() if "norm" in key}
    seen: dict[str, torch.Tensor] = {}
    for key, norm in norms.items():
        norm.register_forward_pre_hook(lambda _, inputs, key=key: seen.update({key: inputs[0].detach().double()}))
    with torch.no_grad():
        network(torch.randn(8, 1, 48, 48))
    for key, norm in norms.items():
        values = seen[key].transpose(0, 1).flatten(1)  # (channels, n)
        n = values.shape[1]
        keras = 0.99 * 1 + 0.01 * values.var(dim=1, correction=0)
        expected = 0.99 + (keras - 0.99) * n / (n - 1)
        assert norm.running_var.numpy() == pytest.approx(expected.numpy(), rel=1e-5), key
        assert n == 8 * math.prod(LAYERS[key][0][1:]), key


def test_the_docstring_holds_the_same_table() -> None:
    """Both halves of the docstring's table, row by row, are `LAYERS` in its order."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (course_cnn.__doc__ or "").splitlines()
        if line.startswith("|") and "---" not in line
    ][1:]
    table = [row[:3] for row in rows if row[0]] + [row[4:7] for row in rows if row[4]]
    assert len(table) == len(LAYERS)
    for (name, shape, parameters), (key, (expected, count)) in zip(table, LAYERS.items(), strict=True):
        kind = name.split()[0].replace("-", "")
        assert key.startswith({"batch": ("norm", "dense_norm"), "maxpool": "pool"}.get(kind, kind)), key
        assert shape == (" × ".join(map(str, expected)) if kind != "batch" else ""), key
        assert int(parameters.replace(",", "") or 0) == count, key
