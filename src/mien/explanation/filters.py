"""The pictures that excite a layer's units most: made by gradient ascent, or found among real faces.

A unit's activation is the mean over its map.  Axes: `N` faces, `K` units, `n` pictures in one batch, `S` starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.errors import UsageError
from mien.core.images import SIZE
from mien.explanation.hooks import eval_mode
from mien.explanation.units import ChannelActivations, as_faces
from mien.models.classifier import Classifier

NOISE, RATE, MOMENTUM = 0.1, 0.5, 0.9
"""Shares of the grey range: the starting noise about mid-grey, the first step's length (it falls linearly to 0); how
much of the last step's direction stays."""

SOFTENING, SMALLEST = 1e-2, 1e-12
"""Keep finite: the gradient of |d| where neighbours are equal, and the direction where a unit doesn't react."""


@dataclass(frozen=True, eq=False)
class FilterPictures:
    """What excites each unit most.

    Attributes:
        units: `int64 (K,)`, the units' numbers in their layer.
        pictures: `uint8 (K, 48, 48)`, grey levels.
        activations: `float32 (K,)`, the unit's mean over its map when the classifier sees the `uint8` picture.
    """

    units: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    activations: NDArray[np.float32]


def maximise(
    classifier: Classifier,
    layer: str,
    *,
    generator: torch.Generator,
    units: Sequence[int] | None = None,
    steps: int = 96,
    starts: int = 2,
    jitter_px: int = 1,
    smoothness: float = 0.1,
    batch: int = 8,
    tick: Callable[[int], None] | None = None,
) -> FilterPictures:
    """Make the picture that excites each unit most, by gradient ascent on its grey levels.

    A convolution without a nonlinearity before it (`conv1`) is excited most by a blank picture, because its mean over
    the map is linear in the pixels; its activation's picture shows more.

    Args:
        classifier: on any device; unchanged afterwards.
        layer: a name for `find_layer`; the layer answers `(N, K, …)`.
        generator: draws the starting noise and the jitter.
        units: K channel numbers, all by default.
        steps: of the ascent, for each start.
        starts: tries for each unit, of which the one with the highest activation is kept.
        jitter_px: each step shifts the picture by up to this many pixels, so that no detail depends on its exact place.
        smoothness: how strongly neighbouring pixels are pulled together (total variation), relative to the pull of the
            activation, whose gradient is scaled to a root mean square of 1.
        batch: pictures in one pass; more than 8 are no faster on a CPU (there `mien.training.memory.keep_freed_memory`
            halves a wide layer's time).
        tick: told after each batch how many per cent are done.

    Raises:
        UsageError: no such layer or unit; a setting is out of range.

    Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; Simonyan et al. 2014, arXiv 1312.6034;
    Olah et al. 2017, "Feature visualization", Distill.

    >>> classifier = Classifier("mien-n", ("happy", "sad"), normalisation="none")
    >>> maximise(classifier, "conv2", units=[3, 5], steps=2, generator=torch.Generator().manual_seed(0)).pictures.shape
    (2, 48, 48)
    """
    _check(least=1, steps=steps, starts=starts, batch=batch)
    _check(least=0, jitter_px=jitter_px, smoothness=smoothness)
    with eval_mode(classifier), torch.enable_grad():
        means = ChannelActivations(classifier, layer)
        numbers = means.choose(units)
        shifts, canvases = _draw(generator, count=len(numbers), steps=steps, starts=starts, jitter_px=jitter_px)
        tried = numbers.repeat(starts)
        pictures, activations = torch.empty(len(tried), SIZE, SIZE, dtype=torch.uint8), torch.empty(len(tried))
        for first in range(0, len(tried), batch):
            some = slice(first, first + batch)
            own = partial(means.own, units=tried[some])
            canvas = _ascend(own, canvases[some].to(means.device), shifts=shifts, smoothness=smoothness)
            window = canvas[:, :, jitter_px : jitter_px + SIZE, jitter_px : jitter_px + SIZE]
            found = (255 * window).round().to(torch.uint8)
            pictures[some] = found[:, 0].cpu()
            activations[some] = means.every(found).gather(1, tried[some, None])[:, 0].cpu()
            if tick:
                tick(100 * min(first + batch, len(tried)) // len(tried))
    best = activations.view(starts, -1).argmax(dim=0)
    kept = best * len(numbers) + torch.arange(len(numbers))
    return FilterPictures(numbers.cpu().numpy(), pictures[kept].numpy(), activations[kept].numpy())


def top_activating(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    layer: str,
    units: Sequence[int] | None = None,
    top: int = 9,
    batch: int = 64,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the faces that excite each unit most, to compare with `maximise`'s pictures.

    Args:
        classifier: on any device; unchanged afterwards.
        images: faces `uint8 (N, 48, 48)`.
        layer: a name for `find_layer`; the layer answers `(N, K, …)`.
        units: K channel numbers, all by default.
        top: faces for each unit.
        batch: faces in one pass.

    Returns:
        `int64 (K, top)` rows of `images`, strongest first, the first row first among equals; and their activations,
        `float32 (K, top)`.

    Raises:
        DataError: faces of another size or dtype.
        UsageError: no such layer or unit; fewer faces than `top`.
    """
    _check(least=1, top=top, batch=batch)
    if len(images) < top:
        raise UsageError(f"top={top} of {len(images)} faces, at most all of them can be the strongest")
    with eval_mode(classifier), torch.no_grad():
        means = ChannelActivations(classifier, layer)
        numbers = means.choose(units)
        best = torch.empty(0, len(numbers), device=means.device)
        rows = torch.empty(0, len(numbers), device=means.device, dtype=torch.int64)
        for first in range(0, len(images), batch):
            values = means.every(as_faces(images[first : first + batch], device=means.device))[:, numbers]
            new_rows = torch.arange(first, first + len(values), device=means.device)[:, None].expand_as(values)
            best, order = torch.cat([best, values]).sort(dim=0, descending=True, stable=True)
            best, rows = best[:top], torch.cat([rows, new_rows]).gather(0, order)[:top]
    return rows.T.cpu().numpy(), best.T.cpu().numpy()


def _draw(
    generator: torch.Generator, *, count: int, steps: int, starts: int, jitter_px: int
) -> tuple[list[list[int]], Tensor]:
    """The shifts of each step, and canvases about mid-grey `(starts × count, 1, 48 + 2 jitter, 48 + 2 jitter)`."""
    device, side = generator.device, SIZE + 2 * jitter_px
    shifts = torch.randint(0, 2 * jitter_px + 1, (steps, 2), generator=generator, device=device)
    noise = [torch.rand(count, 1, side, side, generator=generator, device=device) for _ in range(starts)]
    return shifts.tolist(), 0.5 + NOISE * (torch.cat(noise) - 0.5)


def _ascend(own: Callable[[Tensor], Tensor], canvas: Tensor, *, shifts: list[list[int]], smoothness: float) -> Tensor:
    """Climb with momentum, projected on 0…1; each picture's gradient is scaled by itself."""
    speed = torch.zeros_like(canvas)
    for step, (top, left) in enumerate(shifts):
        canvas.requires_grad_()
        seen = 255 * canvas[:, :, top : top + SIZE, left : left + SIZE]
        (pull,) = torch.autograd.grad(own(seen).sum(), canvas)
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
