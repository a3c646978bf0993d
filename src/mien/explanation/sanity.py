"""Does a map depend on what the network has learned?  A comparison with maps of a network with random weights.

Axes: `N` faces.
"""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn

from mien.explanation.attribution import attribute
from mien.models.classifier import Classifier

STAGES = {"output layer": 0.0, "upper half": 0.5, "all layers": 1.0}
"""Which share of the layers gets random weights, counted from the output, which is always among them."""

RANDOM_WEIGHTS = 1
"""Tells the seed of these weights from the same number elsewhere."""


def randomisation(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    classes: NDArray[np.int64],
    method: str,
    maps: NDArray[np.float32],
    layer: str | None = None,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Correlate maps with those of the same network after more and more layers have got random weights.

    Args:
        classifier: the network; it is not changed.
        images: `uint8 (N, 48, 48)`.
        classes: `int64 (N,)`, the class that was explained.
        method: a key of `attribution.METHODS`.
        maps: `float32 (N, 48, 48)`, the method's maps of the network itself.
        layer: as in `attribute`.
        seed: seed of the random weights and of SmoothGrad's noise.

    Returns:
        For each of `STAGES`, Spearman's rank correlation of the absolute maps of each face, `float64 (N,)`, -1 to 1:
        near 0 for a method that shows what was learned, near 1 for one that shows only edges.

    Adebayo et al. 2018, arXiv 1810.03292 (cascading randomisation).
    """
    correlations = {}
    for name, share in STAGES.items():
        randomised = randomise_weights(classifier, share=share, seed=seed)
        others = attribute(randomised, images, classes=classes, method=method, layer=layer, seed=seed).maps
        correlations[name] = rank_correlations(np.abs(maps), np.abs(others))
    return correlations


def randomise_weights(classifier: Classifier, *, share: float, seed: int) -> Classifier:
    """Copy a classifier; give the last share of its layers, at least the output layer, random weights."""
    # A training draws its first weights by its seed, often the same number; these must be others.
    weights_seed = np.random.SeedSequence([seed, RANDOM_WEIGHTS]).generate_state(1, np.uint64)[0]
    with torch.random.fork_rng(devices=[]):  # no devices: networks draw their weights on the CPU
        torch.default_generator.manual_seed(int(weights_seed))
        fresh = Classifier(classifier.model, classifier.classes, normalisation=classifier.normalise.kind)
    copied = copy.deepcopy(classifier)
    pairs = list(zip(_layers(copied.network), _layers(fresh.network), strict=True))
    for layer, other in pairs[len(pairs) - max(1, round(share * len(pairs))) :]:
        layer.load_state_dict(other.state_dict())
    return copied.eval()


def rank_correlations(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Spearman's correlation of each pair of maps `(N, H, W)`: `float64 (N,)`; 0 where a map is constant."""
    first, second = _centred_ranks(a), _centred_ranks(b)
    size = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray(np.divide((first * second).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0))


def _centred_ranks(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    ranks = rankdata(maps.reshape(len(maps), maps.shape[1] * maps.shape[2]), axis=1)  # (N, H·W)
    return np.asarray(ranks - ranks.mean(axis=1, keepdims=True))


def _layers(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules that have parameters of their own, in the network's order."""
    for module in network.modules():
        if any(True for _ in module.parameters(recurse=False)):
            yield module
