"""Which attribution methods can be trusted for a network: all checks of all methods, on the same faces.

Axes: `N` faces, `C` classes, `R` regions, `H = W = 48`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.explanations import CurveScores, MaskScore, MethodComparison, MethodScores, PairedDifference
from mien.core.stats import mean_interval
from mien.explanation.attribution import attribute
from mien.explanation.faithfulness import Curves, areas, cell_order, control_orders, curves
from mien.explanation.nulls import feature_nulls
from mien.explanation.regions import FEATURES, REGIONS, attribution_shares, feature_mask, template
from mien.explanation.sanity import randomisation
from mien.models.classifier import Classifier

log = logging.getLogger(__name__)

RANDOMISED_FACES = 28
"""How many faces the check with random weights takes: few, because it runs every method on three more networks."""


@dataclass(frozen=True, eq=False)
class ComparedMethods:
    """The results of the checks.

    Attributes:
        comparison: the figures of every method and control.
        class_maps: for each method `float32 (C, 48, 48)`, the mean map of the faces predicted as each class; the
            positive attribution of each face sums to 1.  NaN for a class that was predicted for no face.
    """

    comparison: MethodComparison
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
) -> ComparedMethods:
    """Check every method by deletion and insertion, random weights, the regions of the face and, if known, masks.

    A method *beats the controls* when the 95 % interval of its score minus the control's, paired over the faces, lies
    above 0 both for the random order and for the centre.  Of the methods that do, and whose maps change with random
    weights, the one with the highest score leads; its maps are compared with those of `feature_nulls`.

    Args:
        classifier: the network; it is not changed.
        images: `uint8 (N, 48, 48)`, at least 2.
        labels: `int64 (N,)`, the predicted classes: those that are explained.
        methods: keys of `attribution.METHODS`.
        layer: as in `attribute`.
        masks: `bool (N, 48, 48)`, the pixels that carry the expression; known for drawn faces only.
        seed: seed of the random order, the random weights and SmoothGrad's noise.

    Raises:
        DataError: fewer than 2 faces, or the same as in `attribute`.
        UsageError: no such method or layer.
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} faces to compare methods on, expected 2 or more: an interval needs them")
    control_curves = {}
    for name, order in control_orders(len(images), generator=np.random.default_rng(seed)).items():
        control_curves[name] = curves(classifier, images, classes=labels, order=order)
    parts = template()
    feature_area = feature_mask().mean()
    few = slice(RANDOMISED_FACES)
    all_maps: dict[str, NDArray[np.float32]] = {}
    scores: dict[str, MethodScores] = {}
    class_maps: dict[str, NDArray[np.float32]] = {}
    for method in methods:
        log.info("checking %s on %d faces", method, len(images))
        attributions = attribute(classifier, images, classes=labels, method=method, layer=layer, seed=seed)
        maps, delta = attributions.maps, attributions.convergence_delta
        all_maps[method] = maps
        method_curves = curves(classifier, images, classes=labels, order=cell_order(maps))
        over_controls = {}
        for name, control in control_curves.items():
            over_controls[name] = _paired(method_curves.score - control.score)
        correlations = randomisation(
            classifier, images[few], classes=labels[few], method=method, maps=maps[few], layer=layer, seed=seed
        )
        shares = attribution_shares(maps, parts)
        scores[method] = MethodScores(
            **_curve_scores(method_curves).to_dict(),
            over_controls=over_controls,
            beats_controls=all(_is_above_zero(over) for over in over_controls.values()),
            randomisation={name: float(found.mean()) for name, found in correlations.items()},
            randomisation_intervals={name: mean_interval(found.tolist()) for name, found in correlations.items()},
            regions=dict(zip(REGIONS, _means(shares), strict=True)),
            features_over_area=_paired(shares[:, : len(FEATURES)].sum(axis=1) - feature_area),
            mask=None if masks is None else _mask_score(maps, masks),
            convergence_delta=None if delta is None else float(np.abs(delta).mean()),
        )
        class_maps[method] = _class_maps(maps, labels, classes=len(classifier.classes))
    comparison = MethodComparison(
        faces=len(images),
        randomised_faces=len(images[few]),
        methods=scores,
        controls={name: _curve_scores(control) for name, control in control_curves.items()},
        region_areas=dict(zip(REGIONS, parts.mean(axis=(1, 2)).tolist(), strict=True)),
        mask_area=None if masks is None else float(masks.mean()),
    )
    best = comparison.leading
    if best is not None:
        log.info("comparing %s with maps that know nothing of expressions", best)
        nulls = feature_nulls(
            classifier,
            images,
            method=best,
            maps=all_maps[best],
            randomised=RANDOMISED_FACES,
            layer=layer,
            seed=seed,
        )
        comparison = replace(comparison, nulls=nulls)
    return ComparedMethods(comparison, class_maps)


def _curve_scores(found: Curves) -> CurveScores:
    return CurveScores(
        deletion=float(areas(found.deletion).mean()),
        insertion=float(areas(found.insertion).mean()),
        score=float(found.score.mean()),
        deletion_curve=tuple(found.deletion.mean(axis=0).round(5).tolist()),
        insertion_curve=tuple(found.insertion.mean(axis=0).round(5).tolist()),
    )


def _is_above_zero(over: PairedDifference) -> bool:
    return over.interval is not None and over.interval[0] > 0


def _paired(differences: NDArray[np.float64]) -> PairedDifference:
    """Average a difference over the faces for which it is known."""
    known = differences[~np.isnan(differences)].tolist()
    if not known:
        return PairedDifference(difference=None, interval=None)
    return PairedDifference(difference=sum(known) / len(known), interval=mean_interval(known))


def _mask_score(maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> MaskScore:
    inside = attribution_shares(maps, masks[:, None])
    return MaskScore(share=_means(inside)[0], over_area=_paired(inside[:, 0] - masks.mean(axis=(1, 2))))


def _means(shares: NDArray[np.float64]) -> list[float | None]:
    """Average shares `(N, R)` over the faces whose map has a positive value; None if no map has one."""
    known = shares[~np.isnan(shares).any(axis=1)]
    if not len(known):
        return [None] * shares.shape[1]
    means: list[float | None] = known.mean(axis=0).tolist()
    return means


def _class_maps(maps: NDArray[np.float32], labels: NDArray[np.int64], *, classes: int) -> NDArray[np.float32]:
    positive = np.clip(maps, 0, None)
    total = positive.sum(axis=(1, 2), keepdims=True)
    shares = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    means = np.full((classes, *maps.shape[1:]), np.nan, np.float32)
    for label in np.unique(labels):
        means[label] = shares[labels == label].mean(axis=0)
    return means
