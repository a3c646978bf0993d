"""How much of a map would lie on the features of the face if the network knew nothing of expressions?

Axes: `N` faces, `D` draws of random weights, `H = W = 48`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.explanations import NullShare, PairedDifference
from mien.core.stats import Interval, mean_interval, prediction_interval
from mien.explanation.attribution import attribute
from mien.explanation.regions import attribution_shares, edge_maps, feature_mask, gaussian_shares
from mien.explanation.sanity import randomise_weights
from mien.models.classifier import Classifier

DRAWS = 10
"""D: networks with random weights.  One could by chance be drawn to the middle of the picture or away from it."""

IntervalOf = Callable[[Sequence[float]], Interval | None]

NULLS = ("random weights", "edges of the face", "centred Gaussian")


def feature_nulls(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    method: str,
    maps: NDArray[np.float32],
    randomised: int,
    layer: str | None = None,
    seed: int = 0,
) -> dict[str, NullShare]:
    """Compare how much of a method's maps lies on brows, eyes, nose and mouth with three maps that know nothing.

    * Random weights: the same method on networks whose layers all got random weights, for the classes that these
      predict.  The interval is that of one more such network, so an untrained network, which is one, seldom lies
      outside.
    * Edges of the face: how steep its grey levels are (Sobel).
    * Centred Gaussian: a blob in the middle of the picture, as spread out as the method's map of each face.

    Args:
        classifier: the network; it is not changed.
        images: `uint8 (N, 48, 48)`.
        method: a key of `attribution.METHODS`.
        maps: `float32 (N, 48, 48)`, the method's maps of the network itself.
        randomised: on how many of the faces random weights are tried.
        layer: as in `attribute`.
        seed: seed of the random weights and of SmoothGrad's noise.

    Returns:
        For each of `NULLS` its mean share and the method's lead; empty where no map has a positive value.
    """
    features = feature_mask()
    known = np.clip(maps, 0, None).any(axis=(1, 2))
    if not known.any():
        return {}
    maps, images = maps[known], images[known]
    shares = attribution_shares(maps, features[None])[:, 0]
    edges = attribution_shares(edge_maps(images), features[None])[:, 0]
    blobs = gaussian_shares(maps, features)
    few = slice(randomised)
    drawn: list[float] = []  # (D,)
    for draw in range(DRAWS):
        other = randomise_weights(classifier, share=1, seed=seed + draw)
        predicted = other.probabilities(images[few]).argmax(axis=1)
        others = attribute(other, images[few], classes=predicted, method=method, layer=layer, seed=seed).maps
        inside = attribution_shares(others, features[None])[:, 0]
        if not np.isnan(inside).all():
            drawn.append(float(np.nanmean(inside)))
    own = float(np.mean(shares[few]))
    return {
        "random weights": _null(own - np.array(drawn), drawn, interval=prediction_interval),
        "edges of the face": _null(shares - edges, edges, interval=mean_interval),
        "centred Gaussian": _null(shares - blobs, blobs, interval=mean_interval),
    }


def _null(
    leads: NDArray[np.float64], shares: Sequence[float] | NDArray[np.float64], *, interval: IntervalOf
) -> NullShare:
    """Average what is known; a face of one grey has no edges."""
    known = leads[~np.isnan(leads)].tolist()
    if not known:
        return NullShare(share=None, lead=PairedDifference(difference=None, interval=None))
    lead = PairedDifference(difference=sum(known) / len(known), interval=interval(known))
    return NullShare(share=float(np.nanmean(shares)), lead=lead)
