"""All networks by name.  To add one, write a file and a line in `MODELS`."""

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mien.core.errors import UsageError, nearest
from mien.core.images import SIZE
from mien.core.model_list import NetworkInfo
from mien.models.course_cnn import CourseCNN
from mien.models.mien_net import MienNet

MODELS: dict[str, Callable[[int], nn.Module]] = {
    "course_cnn": CourseCNN,
    "mien-n": partial(MienNet, widths=(16, 24, 32, 64), dropout=0.1),
    "mien-s": partial(MienNet, widths=(32, 64, 128, 256), dropout=0.3),
    "mien-m": partial(MienNet, widths=(48, 96, 192, 384), dropout=0.4),
}
"""Name → function that builds the network for C classes.

Every network maps standardised faces `float (N, 1, 48, 48)` to logits `float (N, C)` and draws its initial weights from
torch's current generator.  It has no in-place activations and runs no module twice: attribution needs that.  It ends
with an `nn.Linear` of C rows, to which new classes are fitted.
"""


def build(name: str, classes: int) -> nn.Module:
    """Build a network with initial weights.

    Args:
        name: a key of `MODELS`.
        classes: C, the number of classes.

    Raises:
        UsageError: no such model; the message names the nearest.
    """
    if name not in MODELS:
        raise UsageError(f"no model '{name}', {nearest(name, MODELS)}")
    return MODELS[name](classes)


@cache
def last_layer(name: str) -> tuple[str, ...]:
    """Name the tensors of a network that have one row for each class.

    >>> last_layer("mien-n")
    ('output.weight', 'output.bias')
    """
    with torch.device("meta"):
        two, three = build(name, 2).state_dict(), build(name, 3).state_dict()
    return tuple(key for key, tensor in two.items() if tensor.shape != three[key].shape)


def multiply_adds(network: nn.Module, *, side_px: int) -> int:
    """Count the multiply-adds of one face seen at `side_px`; `network` is in evaluation mode on torch's `meta` device.

    Raises:
        RuntimeError: it can't see faces of that size.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, side_px, side_px))
    return int(counter.get_total_flops()) // 2


def check_side(name: str, side_px: int) -> None:
    """Raise `UsageError` if the network can't see faces of `side_px` × `side_px`."""
    try:
        with torch.device("meta"), torch.no_grad():
            build(name, 2).eval()(torch.zeros(1, 1, side_px, side_px))
    except RuntimeError:
        raise UsageError(
            f"{name} can't see faces of {side_px} px, only of {SIZE}; leave start_px at {SIZE}, or choose a network of "
            "the mien family"
        ) from None


def info(name: str, *, classes: int = 7) -> NetworkInfo:
    """Count a network's parameters and multiply-adds without running it.

    The parameters that are not trainable are the batch norms' running means and variances.

    >>> info("course_cnn").parameters
    4790107
    """
    with torch.device("meta"):
        network = build(name, classes).eval()
    trainable = sum(p.numel() for p in network.parameters())
    running = sum(b.numel() for b in network.buffers() if b.is_floating_point())
    return NetworkInfo(
        name=name,
        parameters=trainable + running,
        trainable=trainable,
        non_trainable=running,
        macs=multiply_adds(network, side_px=SIZE),
        input=(1, SIZE, SIZE),
    )
