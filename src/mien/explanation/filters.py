"""Pictures that activate a layer's filters strongly: made by gradient ascent, or found in a set of pictures.

A filter is a channel of a layer; its activation is the mean over its map.  Axes: `N` faces, `K` channels,
`n` pictures in one batch, `S` starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mien.core.errors import DataError, UsageError
from mien.core.images import SIZE, require_faces
from mien.core.progress import OnProgress, Progress
from mien.explanation.hooks import eval_mode, find_layer
from mien.models.classifier import Classifier

NOISE = 0.1
"""Width of the starting noise around mid-grey, as a share of the grey range."""

RATE = 0.5
"""Length of the first step, as a share of the grey range; it falls linearly to 0."""

MOMENTUM = 0.9
"""Share of the previous step's direction that is kept."""

STARTS = 1
"""Ascents for each channel that start from noise."""

JITTER_PX = 1
"""The first steps shift the picture by up to this many pixels, so that no detail depends on its exact place."""

JITTERED = 1 / 3
"""Share of the steps that shift the picture; with the rest, patterns as fine as a pixel can form."""

SMOOTHNESS = 0.1
"""Weight of the total variation, which pulls neighbouring pixels together.  The activation's gradient, scaled to a root
mean square of 1, has weight 1."""

SOFTENING = 1e-2
"""Keeps the gradient of the total variation finite where neighbours are equal."""

SMALLEST = 1e-12
"""Keeps the direction finite where a channel has no gradient."""


@dataclass(frozen=True, eq=False)
class FilterPictures:
    """A made picture for each channel.

    Attributes:
        channels: `int64 (K,)`, the channels' numbers in their layer.
        pictures: `uint8 (K, 48, 48)`, grey levels.
        activations: `float32 (K,)`, the channel's activation by that `uint8` picture.
    """

    channels: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    activations: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TopActivating:
    """The pictures of a set that activate each channel most.

    Attributes:
        rows: `int64 (K, top)`, rows of the set, the highest activation first, equal ones in the order of the rows.
        activations: `float32 (K, top)`.
        means: `float64 (K,)`, the mean activation over the whole set.
        sds: `float64 (K,)`, its standard deviation over the whole set.
    """

    rows: NDArray[np.int64]
    activations: NDArray[np.float32]
    means: NDArray[np.float64]
    sds: NDArray[np.float64]


def maximise(
    classifier: Classifier,
    layer: str,
    *,
    generator: torch.Generator,
    channels: Sequence[int] | None = None,
    also_from: NDArray[np.uint8] | None = None,
    steps: int = 96,
    starts: int = STARTS,
    jitter_px: int = JITTER_PX,
    smoothness: float = SMOOTHNESS,
    batch: int = 8,
    progress: OnProgress | None = None,
) -> FilterPictures:
    """Make a picture that activates each channel strongly, by gradient ascent on its grey levels.

    Of several starts, the picture with the highest activation is kept; starting from stripes and from a face too finds
    pictures that noise doesn't lead to.  A simple picture may still activate the channel more: compare with
    `top_activating` of `simple_pictures`.

    `conv1` is activated most by a blank picture, because its mean over the map is linear in the pixels.  The activation
    function after it shows more.

    Args:
        classifier: the network, on any device; it is not changed.
        layer: a name for `find_layer`; its output is `(N, K, …)`.
        generator: source of the starting noise and the shifts.
        channels: K channel numbers; None takes all.
        also_from: `uint8 (P, K, 48, 48)`, P more pictures from which the ascents of each channel start.
        steps: steps of the ascent from each start.
        starts: see `STARTS`; 0 is allowed with `also_from`.
        jitter_px: see `JITTER_PX`.
        smoothness: see `SMOOTHNESS`.
        batch: how many pictures are computed at once; more than 8 are no faster on a CPU.  There
            `mien.training.memory.keep_freed_memory` halves the time of a layer with many channels.
        progress: called after each batch.

    Raises:
        DataError: `also_from` is of another size or dtype.
        UsageError: no such layer or channel; a setting is out of range.

    Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; Simonyan et al. 2014, arXiv 1312.6034;
    Olah et al. 2017, "Feature visualization", Distill.

    >>> classifier = Classifier("mien-n", ("happy", "sad"), normalisation="none")
    >>> generator = torch.Generator().manual_seed(0)
    >>> maximise(classifier, "conv2", channels=[3, 5], steps=2, generator=generator).pictures.shape
    (2, 48, 48)
    """
    _check(least=1, steps=steps, batch=batch)
    _check(least=1 if also_from is None else 0, starts=starts)
    _check(least=0, jitter_px=jitter_px, smoothness=smoothness)
    with eval_mode(classifier), torch.enable_grad():
        layer_channels = ChannelActivations(classifier, layer)
        numbers = layer_channels.choose(channels)
        shifts = _draw_shifts(generator, steps=steps, jitter_px=jitter_px)
        canvases = _draw_canvases(generator, count=starts * len(numbers), jitter_px=jitter_px)
        if also_from is not None:
            canvases = torch.cat([canvases, _as_canvases(also_from, count=len(numbers), jitter_px=jitter_px)])
        tries = numbers.repeat(len(canvases) // len(numbers))  # (S · K,)
        pictures = torch.empty(len(tries), SIZE, SIZE, dtype=torch.uint8)
        activations = torch.empty(len(tries))
        for first in range(0, len(tries), batch):
            some = slice(first, first + batch)
            canvas = canvases[some].to(layer_channels.device)
            activation = partial(_of_one_each, layer_channels, tries[some, None])
            canvas = _ascend(activation, canvas, shifts=shifts, smoothness=smoothness)
            window = canvas[:, :, jitter_px : jitter_px + SIZE, jitter_px : jitter_px + SIZE]
            rounded = (255 * window).round().to(torch.uint8)
            pictures[some] = rounded[:, 0].cpu()
            # What counts is how the channel reacts to the picture as it is stored.
            activations[some] = activation(rounded).cpu()
            if progress:
                progress(Progress("filter pictures", min(first + batch, len(tries)), len(tries), "pictures"))
    best = activations.view(-1, len(numbers)).argmax(dim=0)  # (S · K,) to (S, K): the best start of each channel
    kept = best * len(numbers) + torch.arange(len(numbers))
    return FilterPictures(numbers.cpu().numpy(), pictures[kept].numpy(), activations[kept].numpy())


def top_activating(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    layer: str,
    channels: Sequence[int] | None = None,
    top: int = 9,
    batch: int = 64,
) -> TopActivating:
    """Find the faces that activate each channel most, to compare with the pictures of `maximise`.

    Args:
        classifier: on any device; unchanged afterwards.
        images: faces `uint8 (N, 48, 48)`.
        layer: a name for `find_layer`; the layer answers `(N, K, …)`.
        channels: K channel numbers; None takes all.
        top: how many faces for each channel.
        batch: how many faces are computed at once.

    Raises:
        DataError: faces of another size or dtype.
        UsageError: no such layer or channel; fewer faces than `top`.
    """
    _check(least=1, top=top, batch=batch)
    if len(images) < top:
        raise UsageError(f"top={top} of {len(images)} faces, expected at most as many as there are")
    with eval_mode(classifier), torch.no_grad():
        layer_channels = ChannelActivations(classifier, layer)
        numbers = layer_channels.choose(channels)
        device = layer_channels.device
        best = torch.empty(0, len(numbers), device=device)
        rows = torch.empty(0, len(numbers), device=device, dtype=torch.int64)
        sums, squares = np.zeros(len(numbers)), np.zeros(len(numbers))
        for first in range(0, len(images), batch):
            faces = as_faces(images[first : first + batch], device=device)
            values = layer_channels.of_all(faces)[:, numbers]  # (n, K)
            new_rows = torch.arange(first, first + len(faces), device=device)[:, None].expand_as(values)
            # The best so far stand first and the sort is stable, so equal faces stay in the order of their rows.
            best, order = torch.cat([best, values]).sort(dim=0, descending=True, stable=True)
            best, rows = best[:top], torch.cat([rows, new_rows]).gather(0, order)[:top]
            known = values.double().cpu().numpy()
            sums += known.sum(axis=0)
            squares += (known**2).sum(axis=0)
    means = sums / len(images)
    sds = np.sqrt(np.clip(squares / len(images) - means**2, 0, None))
    return TopActivating(rows.T.cpu().numpy(), best.T.cpu().numpy(), means, sds)


def _of_one_each(activations: "ChannelActivations", channels: Tensor, faces: Tensor) -> Tensor:
    """Return one channel's activation for each face: `float32 (n,)`; `channels` is `int64 (n, 1)`."""
    return activations.of_all(faces).gather(1, channels)[:, 0]


def _draw_shifts(generator: torch.Generator, *, steps: int, jitter_px: int) -> list[list[int]]:
    """Draw the shift of each step down and right, 0 to 2 jitter; in the last ones the picture stays in the middle."""
    jittered = round(steps * JITTERED)
    shifts = torch.randint(0, 2 * jitter_px + 1, (jittered, 2), generator=generator, device=generator.device)
    return shifts.tolist() + [[jitter_px, jitter_px]] * (steps - jittered)


def _draw_canvases(generator: torch.Generator, *, count: int, jitter_px: int) -> Tensor:
    """Draw noise about mid-grey, `float32 (count, 1, 48 + 2 jitter, 48 + 2 jitter)` on the CPU."""
    side = SIZE + 2 * jitter_px
    noise = torch.rand(count, 1, side, side, generator=generator, device=generator.device)
    return 0.5 + NOISE * (noise.cpu() - 0.5)


def _as_canvases(pictures: NDArray[np.uint8], *, count: int, jitter_px: int) -> Tensor:
    """Put pictures `uint8 (P, K, 48, 48)` on canvases `(P · K, 1, …)` whose margin repeats the outermost pixels."""
    flat = as_faces(pictures.reshape(-1, *pictures.shape[2:]), device=torch.device("cpu"))
    if pictures.shape[1] != count:
        raise DataError(f"also_from has pictures for {pictures.shape[1]} channels, expected {count}")
    return functional.pad(flat.float() / 255, (jitter_px,) * 4, mode="replicate")


def _ascend(
    activation: Callable[[Tensor], Tensor], canvas: Tensor, *, shifts: list[list[int]], smoothness: float
) -> Tensor:
    """Do the gradient ascent with momentum; grey levels stay in 0 to 1, and each picture's gradient is scaled."""
    speed = torch.zeros_like(canvas)
    for step, (top, left) in enumerate(shifts):
        canvas.requires_grad_()
        window = 255 * canvas[:, :, top : top + SIZE, left : left + SIZE]
        (pull,) = torch.autograd.grad(activation(window).sum(), canvas)
        (roughness,) = torch.autograd.grad(_total_variation(canvas), canvas)
        scale = pull.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=SMALLEST)
        speed = MOMENTUM * speed + (1 - MOMENTUM) * (pull / scale - smoothness * roughness)
        canvas = (canvas.detach() + RATE * (1 - step / len(shifts)) * speed).clamp(0, 1)
    return canvas


def _total_variation(canvas: Tensor) -> Tensor:
    down, right = canvas.diff(dim=2), canvas.diff(dim=3)
    return (down.square() + SOFTENING**2).sqrt().sum() + (right.square() + SOFTENING**2).sqrt().sum()


def _check(*, least: int, **settings: float) -> None:
    for name, value in settings.items():
        if not value >= least:
            raise UsageError(f"{name}={value}, expected at least {least}")


def as_faces(images: NDArray[np.uint8], *, device: torch.device) -> Tensor:
    """Turn pictures `uint8 (N, 48, 48)` into a tensor `uint8 (N, 1, 48, 48)` on `device`.

    Raises:
        DataError: another dtype or shape.
    """
    require_faces(images, what="pictures")
    return torch.as_tensor(images.copy(), device=device)[:, None]  # PyTorch wants writable arrays


class ChannelActivations:
    """The activations of a layer's channels; the network is computed only up to this layer.

    The layer's output is `(N, K, …)`.  Use it inside `eval_mode`.

    Raises:
        UsageError: no such layer; later also if the layer never runs or its output has no channels.
    """

    def __init__(self, classifier: Classifier, layer: str) -> None:
        self.classifier, self.layer = classifier, layer
        self.module = find_layer(classifier, layer)
        self.device = classifier.normalise.mean.device

    def choose(self, channels: Sequence[int] | None) -> Tensor:
        """Check channel numbers and return them as `int64 (K,)`; None means all.

        Raises:
            UsageError: the layer has no such channel (the message names those it has), or the list is empty.
        """
        with torch.no_grad():
            count = self.of_all(torch.zeros(1, 1, SIZE, SIZE, device=self.device)).shape[1]
        if channels is None:
            channels = range(count)
        if not channels:
            raise UsageError(f"no channels of layer '{self.layer}' were named; leave them out to get all {count}")
        for channel in channels:
            if not 0 <= channel < count:
                raise UsageError(
                    f"layer '{self.layer}' has no channel {channel}; its {count} channels are 0 to {count - 1}"
                )
        return torch.as_tensor(channels, dtype=torch.int64, device=self.device)

    def of_all(self, faces: Tensor) -> Tensor:
        """Return every channel's activation: `float32 (N, K)` of faces `(N, 1, 48, 48)` in grey levels."""
        inputs = self._inputs(faces)
        if _is_plain(self.module):
            return _conv_means(self.module, *inputs).float()
        output = self.module(*inputs)
        if not isinstance(output, Tensor) or output.ndim < 2:
            raise UsageError(f"the output of layer '{self.layer}' is not (N, K, …); take one inside it or beside it")
        if output.ndim > 2:
            output = output.flatten(2).mean(dim=2)  # (N, K, h, w) to (N, K)
        return output.float()

    def _inputs(self, faces: Tensor) -> tuple[Any, ...]:
        """Return the layer's inputs for these faces."""
        hook = self.module.register_forward_pre_hook(_stop)
        try:
            self.classifier(faces)
        except _Reached as reached:
            return reached.inputs
        finally:
            hook.remove()
        raise UsageError(f"{self.classifier.model} has layer '{self.layer}' but never runs it")


class _Reached(Exception):
    """The forward pass has reached the layer; the layers after it need not be computed."""

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


def _conv_means(conv: nn.Conv2d, maps: Tensor) -> Tensor:
    """Return the mean of each channel's output, `(N, K)`, without computing the outputs.

    The mean of a convolution's output is its kernel times the means of the windows that each weight is applied to.
    """
    tall, wide = (int(side) for side in conv.padding)
    maps = functional.pad(maps, (wide, wide, tall, tall))
    window = (maps.shape[2] - conv.kernel_size[0] + 1, maps.shape[3] - conv.kernel_size[1] + 1)
    means = functional.avg_pool2d(maps, window, stride=1)  # (N, K_in, kernel height, kernel width)
    return functional.linear(means.flatten(1), conv.weight.flatten(1), conv.bias)
