"""Layers by name, and their outputs; hooks are always removed.  Axes: `N` faces, `K` channels."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from mien.core.errors import UsageError, nearest
from mien.core.images import SIZE
from mien.models.classifier import Classifier, full_precision


def conv_layers(classifier: Classifier) -> dict[str, nn.Module]:
    """List the convolutions with kernels larger than one pixel, in the network's order: `conv1`, `conv2` and so on.

    >>> list(conv_layers(Classifier("course_cnn", ("happy", "sad"), normalisation="none")))
    ['conv1', 'conv2', 'conv3', 'conv4']
    """
    layers: dict[str, nn.Module] = {}
    for module in classifier.network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1):
            layers[f"conv{len(layers) + 1}"] = module
    return layers


def find_layer(classifier: Classifier, name: str) -> nn.Module:
    """Find a layer: `conv2` is the second convolution; any module's dotted name works too (`stages.0.norm`).

    Raises:
        UsageError: no such layer; the message names the nearest.
    """
    layers = conv_layers(classifier)
    layers |= {path: module for path, module in classifier.network.named_modules() if path}
    if name not in layers:
        raise UsageError(f"{classifier.model} has no layer '{name}', {nearest(name, layers)}")
    return layers[name]


@contextlib.contextmanager
def capture_activations(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the outputs of a layer: one tensor `(N, K, …)` for each time the network runs inside the block.

    The hook is removed when the block ends, also by an error.
    """
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda *call: outputs.append(call[-1]))
    try:
        yield outputs
    finally:
        hook.remove()


@contextlib.contextmanager
def eval_mode(classifier: Classifier) -> Iterator[Classifier]:
    """Switch to evaluation mode and full precision, without gradients of the weights; restore all three at the end."""
    modes = [(module, module.training) for module in classifier.modules()]
    gradients = [(weight, weight.requires_grad) for weight in classifier.parameters()]
    classifier.eval().requires_grad_(False)
    try:
        with full_precision():
            yield classifier
    finally:
        for module, training in modes:
            module.training = training
        for weight, before in gradients:
            weight.requires_grad_(before)


def last_map_layer(classifier: Classifier, *, at_least: int = 3) -> str:
    """Name the last layer, in the order of execution, whose maps are at least `at_least` pixels high and wide.

    Raises:
        UsageError: there is none.

    >>> last_map_layer(Classifier("mien-s", ("happy", "sad"), normalisation="none"))
    'stages.3'
    """
    with_maps: list[str] = []

    def recorder(path: str) -> Callable[[nn.Module, object, Tensor], None]:
        def record(module: nn.Module, _: object, output: Tensor) -> None:
            if output.ndim == 4 and min(output.shape[2:]) >= at_least and not isinstance(module, nn.Sequential):
                with_maps.append(path)

        return record

    hooks = []
    for path, module in classifier.network.named_modules():
        if path:  # the network itself has an empty one
            hooks.append(module.register_forward_hook(recorder(path)))
    try:
        with eval_mode(classifier), torch.inference_mode():
            classifier(torch.zeros(1, 1, SIZE, SIZE, device=classifier.normalise.mean.device))
    finally:
        for hook in hooks:
            hook.remove()
    if not with_maps:
        raise UsageError(f"{classifier.model}: no layer has maps of {at_least}×{at_least} or more")
    return with_maps[-1]
