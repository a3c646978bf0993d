"""Which pixels made the network say what it said: five methods of Captum, one call.

Axes: `N` faces, `H = W = 48`.  Attributed is the logit of a class, to the grey levels 0…255 of the face itself:
normalisation is part of what is explained.  Where a method compares with an empty picture, that is the face's own mean
grey everywhere (`blank`): as bright as the face, without any of its features.
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
"""SmoothGrad's noise, in grey levels: 15 % of the range, the middle of what its paper recommends."""
NOISE_SAMPLES = 24
STEPS = 64
"""Points of the path that integrated gradients adds up."""


@dataclass(frozen=True, eq=False)
class Attributions:
    """What a method answered.

    Attributes:
        maps: `float32 (N, 48, 48)`; the unit is logits a grey level for the two gradients, logits for integrated
            gradients and occlusion, and none for Grad-CAM.  Larger means more for the class.
        gaps: `float32 (N,)`, how far integrated gradients' map misses the sum that theory demands, in logits; or None.
    """

    maps: NDArray[np.float32]
    gaps: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class AttributionRequest:
    """What a method is asked about n faces.

    Attributes:
        classes: `int64 (n,)`, which logit of each face is explained.
        layer: where Grad-CAM looks; None means `last_map_layer`'s.
        seed: of SmoothGrad's noise.
    """

    classes: Tensor
    layer: str | None
    seed: int


Method = Callable[[Classifier, Tensor, AttributionRequest], tuple[Tensor, Tensor | None]]
"""Maps a classifier, faces `float32 (n, 1, 48, 48)` and what is asked to maps `(n, 1, 48, 48)` and gaps `(n,)`."""


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
        classes: `int64 (N,)`, 0 to C - 1: what to explain, usually what the network said.
        method: a key of `METHODS`.
        layer: where Grad-CAM looks; None takes `last_map_layer`'s.
        seed: of SmoothGrad's noise.
        batch: faces at once; a map doesn't depend on which other faces are there.

    Raises:
        DataError: faces of another size, or a class that the classifier has not.
        UsageError: no such method or layer; the message names the nearest.
    """
    explain = METHODS[check_method(method)]
    _check(classifier, images, classes)
    device = classifier.normalise.mean.device
    maps, gaps = [np.empty((0, SIZE, SIZE), np.float32)], []
    with eval_mode(classifier):
        for start in range(0, len(images), batch):
            rows = slice(start, start + batch)
            faces = torch.tensor(images[rows], dtype=torch.float32, device=device)[:, None].requires_grad_()
            wanted = torch.tensor(classes[rows], dtype=torch.int64, device=device)
            found, gap = explain(classifier, faces, AttributionRequest(wanted, layer, seed))
            maps.append(found.detach()[:, 0].float().cpu().numpy())
            gaps += [] if gap is None else [gap.detach().float().cpu().numpy()]
    return Attributions(np.concatenate(maps), np.concatenate(gaps) if gaps else None)


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


def _saliency(classifier: Classifier, faces: Tensor, asked: AttributionRequest) -> tuple[Tensor, None]:
    """Size of the gradient (Simonyan et al. 2014, arXiv 1312.6034): the reference report's."""
    return Saliency(classifier).attribute(faces, target=asked.classes), None


def _smoothgrad(classifier: Classifier, faces: Tensor, asked: AttributionRequest) -> tuple[Tensor, None]:
    """Mean size of the gradient at noisy copies of the face (Smilkov et al. 2017, arXiv 1706.03825).

    Captum's `NoiseTunnel` draws from torch's global generator, other noise for another batch; here every face gets the
    same, drawn on the CPU so that all devices agree.
    """
    generator = torch.Generator().manual_seed(asked.seed)
    noise = NOISE_SD * torch.randn(NOISE_SAMPLES, 1, SIZE, SIZE, generator=generator)
    total = torch.zeros_like(faces)
    for each in noise.to(faces.device):
        total += _saliency(classifier, (faces.detach() + each).requires_grad_(), asked)[0]
    return total / NOISE_SAMPLES, None


def _integrated(classifier: Classifier, faces: Tensor, asked: AttributionRequest) -> tuple[Tensor, Tensor]:
    """Gradient added up on the way from blank to face (Sundararajan et al. 2017, arXiv 1703.01365)."""
    maps, gaps = IntegratedGradients(classifier).attribute(
        faces,
        baselines=blank(faces),
        target=asked.classes,
        n_steps=STEPS,
        internal_batch_size=8 * len(faces),
        return_convergence_delta=True,
    )
    return maps, gaps


def _grad_cam(classifier: Classifier, faces: Tensor, asked: AttributionRequest) -> tuple[Tensor, None]:
    """A layer's maps, weighted by their mean gradients (Selvaraju et al. 2017, arXiv 1610.02391)."""
    layer = find_layer(classifier, asked.layer or last_map_layer(classifier))
    small = LayerGradCam(classifier, layer).attribute(faces, target=asked.classes, relu_attributions=True)
    assert isinstance(small, Tensor)
    if small.ndim != 4:
        raise UsageError(f"Grad-CAM needs a layer that answers with maps, this one's answer is {tuple(small.shape)}")
    return functional.interpolate(small, size=(SIZE, SIZE), mode="bilinear", align_corners=False), None


def _occlusion(classifier: Classifier, faces: Tensor, asked: AttributionRequest) -> tuple[Tensor, None]:
    """Fall of the logit when a square is blanked (Zeiler & Fergus 2014, arXiv 1311.2901)."""
    maps = Occlusion(classifier).attribute(
        faces,
        sliding_window_shapes=(1, WINDOW_PX, WINDOW_PX),
        strides=(1, STRIDE_PX, STRIDE_PX),
        baselines=blank(faces),
        target=asked.classes,
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
"""All attribution methods by name.  A new one is a function, and one line here."""
