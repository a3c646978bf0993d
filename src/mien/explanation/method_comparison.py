"""Which attribution method to trust on this network: every method through every check, on the same faces.

Axes: `N` faces, `C` classes, `R` regions, `H = W = 48`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.stats import mean_interval
from mien.explanation.attribution import attribute
from mien.explanation.faithfulness import Curves, areas, cell_order, control_orders, curves
from mien.explanation.regions import FEATURES, REGIONS, attribution_shares, template
from mien.explanation.sanity import randomisation
from mien.models.classifier import Classifier

RANDOMISED_FACES = 28
"""The randomisation check runs every method on three more networks, so it takes fewer faces."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the checks found.

    Attributes:
        table: plain values for JSON: `methods` and `controls`, each a mapping from name to figures, and `faces`.
        class_maps: method → `float32 (C, 48, 48)`, the mean map of the faces that the network gave each class, every
            face's positive attribution counting as 1; NaN for a class that no face got.
    """

    table: dict[str, Any]
    class_maps: dict[str, NDArray[np.float32]]


def compare_methods(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    labels: NDArray[np.int64],
    methods: Sequence[str],
    layer: str | None = None,
    masks: NDArray[np.bool_] | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Put every method through deletion and insertion, weight randomisation, the face's regions and, if known, masks.

    Args:
        classifier: the network; it stays as it is.
        images: `uint8 (N, 48, 48)`, at least 2.
        labels: `int64 (N,)`, what the network said: the class that is explained.
        methods: keys of `attribution.METHODS`.
        layer: as in `attribute`.
        masks: `bool (N, 48, 48)`, the pixels that truly carry the expression, where they are known (drawn faces).
        seed: of the random order, the random weights and SmoothGrad's noise.
        tell: told of each step.

    Raises:
        DataError: fewer than 2 faces, or what `attribute` refuses.
        UsageError: no such method or layer.

    A method *beats the controls* when the 95 % interval of its score minus the control's, paired over the faces, lies
    above 0 for the random order and for the centre.
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} faces to compare methods on, expected 2 or more: an interval needs them")
    orders = control_orders(len(images), generator=np.random.default_rng(seed))
    controls = {name: curves(classifier, images, classes=labels, order=order) for name, order in orders.items()}
    parts, few = template(), slice(RANDOMISED_FACES)
    table: dict[str, dict[str, Any]] = {}
    class_maps = {}
    for method in methods:
        tell(f"checking {method} on {len(images)} faces")
        found = attribute(classifier, images, classes=labels, method=method, layer=layer, seed=seed)
        maps = found.maps
        shares = attribution_shares(maps, parts)
        drawn = curves(classifier, images, classes=labels, order=cell_order(maps))
        forgotten = randomisation(
            classifier, images[few], classes=labels[few], method=method, maps=maps[few], layer=layer, seed=seed
        )
        table[method] = {
            **_curve_figures(drawn),
            "over": {name: _paired(drawn.score - control.score) for name, control in controls.items()},
            "randomisation": forgotten,
            "regions": dict(zip(REGIONS, _means(shares), strict=True)),
            "features": _paired(shares[:, : len(FEATURES)].sum(axis=1) - parts[: len(FEATURES)].any(axis=0).mean()),
            "mask": None if masks is None else _against_chance(maps, masks),
            "gap": None if found.gaps is None else float(np.abs(found.gaps).mean()),
        }
        table[method]["beats_controls"] = all(
            each["interval"] is not None and each["interval"][0] > 0 for each in table[method]["over"].values()
        )
        class_maps[method] = _class_maps(maps, labels, classes=len(classifier.classes))
    return Comparison(
        {
            "faces": len(images),
            "randomised_faces": len(images[few]),
            "methods": table,
            "controls": {name: _curve_figures(control) for name, control in controls.items()},
            "region_areas": dict(zip(REGIONS, parts.mean(axis=(1, 2)).tolist(), strict=True)),
            "mask_area": None if masks is None else float(masks.mean()),
        },
        class_maps,
    )


def _curve_figures(drawn: Curves) -> dict[str, Any]:
    return {
        "deletion": float(areas(drawn.deletion).mean()),
        "insertion": float(areas(drawn.insertion).mean()),
        "score": float(drawn.score.mean()),
        "deletion_curve": drawn.deletion.mean(axis=0).round(5).tolist(),
        "insertion_curve": drawn.insertion.mean(axis=0).round(5).tolist(),
    }


def _paired(differences: NDArray[np.float64]) -> dict[str, Any]:
    """Mean and t interval of a difference over the faces where it is known; None where it is so on fewer than two."""
    known = differences[~np.isnan(differences)].tolist()
    interval = mean_interval(known)
    return {"difference": sum(known) / len(known) if known else None, "interval": interval}


def _against_chance(maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> dict[str, Any]:
    """The mean share of the attribution inside each face's own mask, and how far it is above the mask's area."""
    inside = attribution_shares(maps, masks[:, None])
    return {"share": _means(inside)[0], "over": _paired(inside[:, 0] - masks.mean(axis=(1, 2)))}


def _means(shares: NDArray[np.float64]) -> list[float | None]:
    """Average `(N, R)` over the faces whose map has something positive; None where none has."""
    known = shares[~np.isnan(shares).any(axis=1)]
    return known.mean(axis=0).tolist() if len(known) else [None] * shares.shape[1]


def _class_maps(maps: NDArray[np.float32], labels: NDArray[np.int64], *, classes: int) -> NDArray[np.float32]:
    positive = np.clip(maps, 0, None)
    total = positive.sum(axis=(1, 2), keepdims=True)
    shares = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    empty = np.full(maps.shape[1:], np.nan, np.float32)
    return np.stack([shares[labels == c].mean(axis=0) if (labels == c).any() else empty for c in range(classes)])
