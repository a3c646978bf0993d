"""Which pixels matter for a class: five attribution methods of Captum behind one function.

Axes: `N` faces, `n` faces of a batch, `H = W = 48`.  The logit of a class is attributed to the grey levels (0 to 255)
of the face, so normalisation is part of what is explained.  Methods that compare the face with an empty picture take
its mean grey everywhere (`blank`): as bright as the face, without its features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.errors import DataError, UsageError, nearest
from mien.core.images import SIZE
from mien.explanation.hooks import eval_mode, find_layer, last_map_layer
from mien.models.classifier import Classifier
from mien.runtime.occlusion import STRIDE_PX, WINDOW_PX

NOISE_SD = 0.15 * 255
"""Standard deviation of SmoothGrad's noise in grey levels: 15 % of the range; its paper recommends 10 to 20 %."""
NOISE_SAMPLES = 24
STEPS = 64
"""Points of the path at which integrated gradients computes gradients."""


@dataclass(frozen=True, eq=False)
class Attributions:
    """The maps of one method.

    Attributes:
        maps: `float32 (N, 48, 48)`; in logits per grey level for saliency and SmoothGrad, in logits for integrated
            gradients and occlusion, without a unit for Grad-CAM.  A larger value means that the pixel matters more.
        convergence_delta: `float32 (N,)`, in logits: the sum of integrated gradients' map minus the sum that it should
            have; None for other methods.
    """

    maps: NDArray[np.float32]
    convergence_delta: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class AttributionRequest:
    """What a method explains of n faces.

    Attributes:
        classes: `int64 (n,)`, the class whose logit is explained, for each face.
        layer: the layer for Grad-CAM; None takes that of `last_map_layer`.
        seed: seed of SmoothGrad's noise.
    """

    classes: Tensor
    layer: str | None
    seed: int


Method = Callable[[Classifier, Tensor, AttributionRequest], tuple[Tensor, Tensor | None]]
"""Computes maps `(n, 1, 48, 48)` from a classifier, faces `float32 (n, 1, 48, 48)` and a request; integrated gradients
also gives convergence deltas `(n,)`."""


def attribute(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    classes: NDArray[np.int64],
    method: str,
    layer: str | None = None,
    seed: int = 0,
    batch: int = 16,
) -> Attributions:
    """Explain one class of each face.

    Args:
        classifier: the network; its weights, mode and gradients stay as they are.
        images: `uint8 (N, 48, 48)`.
        classes: `int64 (N,)`, 0 to C - 1: the class to explain, usually the predicted one.
        method: a key of `METHODS`.
        layer: the layer for Grad-CAM; None takes that of `last_map_layer`.
        seed: seed of SmoothGrad's noise.
        batch: how many faces are computed at once; a map doesn't depend on the other faces of its batch.

    Raises:
        DataError: faces of another size, or a class that the classifier doesn't have.
        UsageError: no such method or layer; the message names the nearest.
    """
    explain = METHODS[check_method(method)]
    _check(classifier, images, classes)
    device = classifier.normalise.mean.device
    maps = [np.empty((0, SIZE, SIZE), np.float32)]  # so that no faces give no maps
    deltas = []
    with eval_mode(classifier):
        for start in range(0, len(images), batch):
            rows = slice(start, start + batch)
            faces = torch.tensor(images[rows], dtype=torch.float32, device=device)[:, None]  # (n, 1, H, W)
            explained = torch.tensor(classes[rows], dtype=torch.int64, device=device)
            request = AttributionRequest(explained, layer, seed)
            batch_maps, delta = explain(classifier, faces.requires_grad_(), request)
            maps.append(batch_maps.detach()[:, 0].float().cpu().numpy())
            if delta is not None:
                deltas.append(delta.detach().float().cpu().numpy())
    return Attributions(np.concatenate(maps), np.concatenate(deltas) if deltas else None)


def check_method(name: str) -> str:
    """Return the name; raise `UsageError` that names the nearest if there is no such method."""
    if name not in METHODS:
        raise UsageError(f"no attribution method '{name}', {nearest(name, METHODS)}")
    return name


def blank(faces: Tensor) -> Tensor:
    """Replace each face `(n, 1, 48, 48)` by its own mean grey level."""
    return faces.detach().mean(dim=(2, 3), keepdim=True).expand_as(faces)


def _check(classifier: Classifier, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> None:
    if images.dtype != np.uint8 or images.shape != (len(classes), SIZE, SIZE):
        raise DataError(f"faces are {images.dtype} {images.shape}, expected uint8 ({len(classes)}, {SIZE}, {SIZE})")
    if len(classes) and not 0 <= classes.min() <= classes.max() < len(classifier.classes):
        raise DataError(
            f"classes {classes.min()} to {classes.max()} to explain, expected 0 to {len(classifier.classes) - 1}"
        )


def _saliency(classifier: Classifier, faces: Tensor, request: AttributionRequest) -> tuple[Tensor, None]:
    """Absolute gradient (Simonyan et al. 2014, arXiv 1312.6034), as in the reference report."""
    return Saliency(classifier).attribute(faces, target=request.classes), None


def _smoothgrad(classifier: Classifier, faces: Tensor, request: AttributionRequest) -> tuple[Tensor, None]:
    """Mean absolute gradient at noisy copies of the face (Smilkov et al. 2017, arXiv 1706.03825).

    Not by Captum's `NoiseTunnel`: that draws from torch's global generator, so its noise depends on the batch.  Here
    every face gets the same noise, drawn on the CPU, so that all devices give the same maps.
    """
    generator = torch.Generator().manual_seed(request.seed)
    noise = NOISE_SD * torch.randn(NOISE_SAMPLES, 1, SIZE, SIZE, generator=generator)
    total = torch.zeros_like(faces)
    for sample in noise.to(faces.device):
        total += _saliency(classifier, (faces.detach() + sample).requires_grad_(), request)[0]
    return total / NOISE_SAMPLES, None


def _integrated(classifier: Classifier, faces: Tensor, request: AttributionRequest) -> tuple[Tensor, Tensor]:
    """Gradients, added up from the blank picture to the face (Sundararajan et al. 2017, arXiv 1703.01365)."""
    maps, deltas = IntegratedGradients(classifier).attribute(
        faces,
        baselines=blank(faces),
        target=request.classes,
        n_steps=STEPS,
        internal_batch_size=8 * len(faces),
        return_convergence_delta=True,
    )
    return maps, deltas


def _grad_cam(classifier: Classifier, faces: Tensor, request: AttributionRequest) -> tuple[Tensor, None]:
    """A layer's maps, added up with their mean gradients as weights (Selvaraju et al. 2017, arXiv 1610.02391)."""
    layer = find_layer(classifier, request.layer or last_map_layer(classifier))
    small = LayerGradCam(classifier, layer).attribute(faces, target=request.classes, relu_attributions=True)
    assert isinstance(small, Tensor)
    if small.ndim != 4:
        raise UsageError(f"Grad-CAM needs a layer whose output is maps; the output of this one is {tuple(small.shape)}")
    return functional.interpolate(small, size=(SIZE, SIZE), mode="bilinear", align_corners=False), None


def _occlusion(classifier: Classifier, faces: Tensor, request: AttributionRequest) -> tuple[Tensor, None]:
    """How far the logit drops when a square is blanked (Zeiler & Fergus 2014, arXiv 1311.2901)."""
    maps = Occlusion(classifier).attribute(
        faces,
        sliding_window_shapes=(1, WINDOW_PX, WINDOW_PX),
        strides=(1, STRIDE_PX, STRIDE_PX),
        baselines=blank(faces),
        target=request.classes,
        perturbations_per_eval=8,
    )
    return maps, None


METHODS: dict[str, Method] = {
    "saliency": _saliency,
    "smoothgrad": _smoothgrad,
    "integrated-gradients": _integrated,
    "grad-cam": _grad_cam,
    "occlusion": _occlusion,
}
"""All attribution methods by name.  A new one is a function and one line here."""
