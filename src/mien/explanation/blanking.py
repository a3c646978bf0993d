"""Does a network need brows, eyes, nose and mouth?  Faces without them, and faces that lack as much elsewhere.

Axes: `N` faces, `H = W = 48`.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.explanations import BlankedElsewhere, BlankedFeatures, PairedDifference
from mien.core.images import SIZE
from mien.core.stats import mean_interval
from mien.explanation.faithfulness import CELL_PX, cell_order
from mien.explanation.regions import edge_maps, feature_mask
from mien.models.classifier import Classifier


def blank_features(classifier: Classifier, images: NDArray[np.uint8], *, targets: NDArray[np.int64]) -> BlankedFeatures:
    """Blank the features of each face, and as much elsewhere, and see how probable the right label still is.

    The probability of the face's own label tells a network that knows expressions from one that doesn't: without
    knowledge it stays where it is, whatever is blanked.  The three other places know nothing of brows, eyes, nose and
    mouth: the middle of the picture, where features are; where the edges of the face are strongest (Sobel), which
    features have; and their own shape, upside down.

    Args:
        classifier: the network; it is not changed.
        images: `uint8 (N, 48, 48)`.
        targets: `int64 (N,)`, the labels of the data.
    """
    features = feature_mask()
    area = int(features.sum())
    masks = {
        "in the middle of the picture": _middle(area),
        "where its edges are strongest": _edges(images, area),
        "in the same shape upside down": features[::-1],
    }
    rows = np.arange(len(images))
    blanked = classifier.probabilities(_blank(images, features))[rows, targets]
    elsewhere = {}
    for name, mask in masks.items():
        others = classifier.probabilities(_blank(images, mask))[rows, targets]
        leads = (others - blanked).astype(np.float64)
        lead = PairedDifference(difference=float(leads.mean()), interval=mean_interval(leads.tolist()))
        elsewhere[name] = BlankedElsewhere(probability=float(others.mean()), lead=lead)
    return BlankedFeatures(
        faces=len(images),
        whole=float(classifier.probabilities(images)[rows, targets].mean()),
        blanked=float(blanked.mean()),
        area=area / SIZE**2,
        elsewhere=elsewhere,
    )


def _blank(images: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Replace the pixels of a mask `(H, W)` or `(N, H, W)` by the mean grey level of each face."""
    means = np.rint(images.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return np.where(mask, means, images)


def _middle(area: int) -> NDArray[np.bool_]:
    """A disc of so many pixels: `bool (H, W)`."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    order = (rows**2 + columns**2).ravel().argsort(kind="stable")
    mask = np.zeros(SIZE**2, np.bool_)
    mask[order[:area]] = True
    return mask.reshape(SIZE, SIZE)


def _edges(images: NDArray[np.uint8], area: int) -> NDArray[np.bool_]:
    """The cells of each face with the strongest edges, about so many pixels: `bool (N, H, W)`."""
    side = SIZE // CELL_PX
    strongest = cell_order(edge_maps(images))[:, : round(area / CELL_PX**2)]
    mask = np.zeros((len(images), side**2), np.bool_)
    np.put_along_axis(mask, strongest, True, axis=1)
    return mask.reshape(len(images), side, side).repeat(CELL_PX, axis=1).repeat(CELL_PX, axis=2)
