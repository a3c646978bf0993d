"""The output of each channel of a layer for one face.  Axes: `K` channels, maps of height `h` and width `w`."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.explanation.filters import as_faces
from mien.explanation.hooks import capture_activations, eval_mode, find_layer
from mien.models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """A layer's output for one face, the channel with the strongest response first.

    Attributes:
        channels: `int64 (K,)`, the channels' numbers in their layer.
        maps: `float32 (K, h, w)`, their outputs with the sign.
        responses: `float32 (K,)`, the mean of each map's absolute values.
    """

    channels: NDArray[np.int64]
    maps: NDArray[np.float32]
    responses: NDArray[np.float32]


def feature_maps(classifier: Classifier, image: NDArray[np.uint8], *, layer: str) -> FeatureMaps:
    """Record the output of a layer for one face, ordered by the mean absolute value of each map.

    Absolute values, because before an activation function a negative output matters as much as a positive one.  After a
    ReLU they are the outputs themselves.  Channels with equal responses stay in their order.

    Args:
        classifier: the network, on any device; it is not changed.
        image: a face, `uint8 (48, 48)`.
        layer: a name for `find_layer`; its output is `(N, K, h, w)`.

    Raises:
        DataError: `image` is of another size or dtype.
        UsageError: no such layer, or one without maps.

    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", arXiv 1311.2901.

    >>> classifier = Classifier("mien-n", ("happy", "sad"), normalisation="none")
    >>> feature_maps(classifier, np.zeros((48, 48), np.uint8), layer="conv2").maps.shape
    (16, 24, 24)
    """
    module = find_layer(classifier, layer)
    face = as_faces(image[None], device=classifier.normalise.mean.device)
    with eval_mode(classifier), torch.no_grad(), capture_activations(module) as outputs:
        classifier(face)
    if not outputs:
        raise UsageError(f"{classifier.model} has layer '{layer}' but never runs it")
    if not isinstance(outputs[0], torch.Tensor) or outputs[0].ndim != 4:
        raise UsageError(f"layer '{layer}' of {classifier.model} has no maps (N, K, h, w); take one before it")
    maps = outputs[0][0].float().cpu().numpy()
    responses = np.abs(maps).mean(axis=(1, 2), dtype=np.float32)
    channels = np.argsort(-responses, kind="stable")
    return FeatureMaps(channels, np.ascontiguousarray(maps[channels]), responses[channels])
