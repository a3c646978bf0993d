"""Units by number, and their mean activations.  Axes: `N` faces, `K` units of a layer or some of them."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mien.core.errors import UsageError
from mien.core.images import SIZE, require_faces
from mien.explanation.hooks import find_layer
from mien.models.classifier import Classifier


def as_faces(images: NDArray[np.uint8], *, device: torch.device) -> Tensor:
    """Hand pictures `uint8 (N, 48, 48)` to torch: `uint8 (N, 1, 48, 48)` on `device`.

    Raises:
        DataError: another dtype or shape.
    """
    require_faces(images, what="pictures")
    return torch.as_tensor(images.copy(), device=device)[:, None]  # torch wants writable ones


class ChannelActivations:
    """What each unit of a layer answers, as the mean over its map; the network runs only as far as the layer.

    A unit is a channel of a layer that answers `(N, K, …)`.  Use it inside `eval_mode`.

    Raises:
        UsageError: no such layer; or, when used, it never runs or its answer has no channels.
    """

    def __init__(self, classifier: Classifier, layer: str) -> None:
        self.classifier, self.layer = classifier, layer
        self.module = find_layer(classifier, layer)
        self.device = classifier.normalise.mean.device

    def choose(self, units: Sequence[int] | None) -> Tensor:
        """Check unit numbers, None means all: `int64 (K,)`.

        Raises:
            UsageError: the layer has no such unit (the message says which it has), or none were named.
        """
        with torch.no_grad():
            count = self.every(torch.zeros(1, 1, SIZE, SIZE, device=self.device)).shape[1]
        if units is not None and not len(units):
            raise UsageError(f"no units of layer '{self.layer}' were named, leave them out to get all {count}")
        wrong = [unit for unit in (() if units is None else units) if not 0 <= unit < count]
        if wrong:
            raise UsageError(f"layer '{self.layer}' has no unit {wrong[0]}, its {count} are 0 to {count - 1}")
        return torch.as_tensor(range(count) if units is None else units, dtype=torch.int64, device=self.device)

    def every(self, faces: Tensor) -> Tensor:
        """Every unit's mean: `float32 (N, K)` of faces `(N, 1, 48, 48)` in grey levels."""
        answer = self.module(*self._inputs(faces))
        if not isinstance(answer, Tensor) or answer.ndim < 2:
            raise UsageError(f"layer '{self.layer}' answers no (N, K, …), take one inside it or beside it")
        return (answer.flatten(2).mean(dim=2) if answer.ndim > 2 else answer).float()

    def own(self, faces: Tensor, units: Tensor) -> Tensor:
        """One unit's mean for each face: `float32 (N,)`; `units` are `int64 (N,)`."""
        if not _is_plain(self.module):
            return self.every(faces).gather(1, units[:, None])[:, 0]
        (maps,) = self._inputs(faces)
        return _conv_means(self.module, maps, units=units).float()

    def _inputs(self, faces: Tensor) -> tuple[Any, ...]:
        """What the layer is given for these faces."""
        hook = self.module.register_forward_pre_hook(_stop)
        try:
            self.classifier(faces)
        except _Reached as reached:
            return reached.inputs
        finally:
            hook.remove()
        raise UsageError(f"{self.classifier.model} has layer '{self.layer}' but never runs it")


class _Reached(Exception):
    """The forward pass has come to the layer."""

    def __init__(self, inputs: tuple[Any, ...]) -> None:
        super().__init__()
        self.inputs = inputs


def _stop(_: nn.Module, inputs: tuple[Any, ...]) -> None:
    raise _Reached(inputs)


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    return (
        type(module) is nn.Conv2d
        and (module.stride, module.dilation, module.groups) == ((1, 1), (1, 1), 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _conv_means(conv: nn.Conv2d, maps: Tensor, *, units: Tensor) -> Tensor:
    """One channel's mean for each picture, without computing the others.

    The mean of a convolution's answer is the product of its kernel with the means of the windows that each weight sees.
    """
    tall, wide = (int(side) for side in conv.padding)
    maps = functional.pad(maps, (wide, wide, tall, tall))
    window = (maps.shape[2] - conv.kernel_size[0] + 1, maps.shape[3] - conv.kernel_size[1] + 1)
    means = (functional.avg_pool2d(maps, window, stride=1) * conv.weight[units]).sum(dim=(1, 2, 3))
    return means if conv.bias is None else means + conv.bias[units]
