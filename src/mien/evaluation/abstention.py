"""Saying nothing about faces that a classifier is unsure of: what that costs and gains.  Axes: `N` faces, `C` classes.

A face is accepted when the probability of its label is at least a threshold.  *Coverage* is the share of accepted
faces, *risk* the share of wrong labels among them (El-Yaniv and Wiener 2010, JMLR 11, 1605-1641).
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.predictions import Predictions
from mien.evaluation.metrics import with_targets

POINTS = 20


def risk_coverage(predictions: Predictions, *, points: int = POINTS) -> list[dict[str, float]]:
    """Give the risk at evenly spaced coverages, from 1/`points` to 1, on the faces that have a target.

    Returns:
        One `{coverage, threshold, risk}` a point; faces that are equally sure are accepted together, so a coverage is
        the next that occurs.

    Raises:
        DataError: no face has a target.

    >>> said = Predictions(np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), ("happy", "sad"), np.array(["0", "1"]),
    ...                    targets=np.array([0, 0]))
    >>> [(point["coverage"], point["risk"]) for point in risk_coverage(said, points=2)]
    [(0.5, 0.0), (1.0, 0.5)]
    """
    thresholds, coverage, risk = _accept(predictions)
    places = np.unique(np.searchsorted(coverage, np.linspace(1 / points, 1, points) - 1e-9).clip(max=len(risk) - 1))
    return [_point(thresholds, coverage, risk, place=int(place)) for place in places]


def threshold_for(predictions: Predictions, *, max_risk: float) -> dict[str, float] | None:
    """Find the lowest threshold at which at most `max_risk` of the accepted faces are wrong.

    Returns:
        `{coverage, threshold, risk}` there, or None where every threshold accepts a greater share of wrong ones.

    Raises:
        DataError: no face has a target.
    """
    thresholds, coverage, risk = _accept(predictions)
    good = np.flatnonzero(risk <= max_risk)
    return _point(thresholds, coverage, risk, place=int(good[-1])) if good.size else None


def accepted_at(predictions: Predictions, *, threshold: float) -> dict[str, float | None]:
    """Return the coverage and the risk at a threshold; the risk is None where no face is accepted.

    Raises:
        DataError: no face has a target.
    """
    scored, targets = with_targets(predictions)
    accepted = scored.probabilities.max(axis=1) >= threshold
    wrong = scored.labels != targets
    return {"coverage": float(accepted.mean()), "risk": float(wrong[accepted].mean()) if accepted.any() else None}


def _accept(
    predictions: Predictions,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return every threshold that occurs, the greatest first, with its coverage and risk: `float64 (T,)` each."""
    scored, targets = with_targets(predictions)
    sure = scored.probabilities.max(axis=1).astype(np.float64)
    order = np.argsort(-sure, kind="stable")
    last = np.append(np.flatnonzero(np.diff(sure[order])), len(order) - 1)  # of the faces that are equally sure
    wrong = np.cumsum(scored.labels[order] != targets[order])[last]
    return sure[order][last], (last + 1) / len(order), wrong / (last + 1)


def _point(
    thresholds: NDArray[np.float64], coverage: NDArray[np.float64], risk: NDArray[np.float64], *, place: int
) -> dict[str, float]:
    return {
        "coverage": float(coverage[place]),
        "threshold": float(thresholds[place]),
        "risk": float(risk[place]),
    }
