"""Answering only where the top probability is high enough: what that costs in faces, and what it gains.

Axes: `N` faces, `C` classes, `K` different top probabilities.  A face is *accepted* at a threshold when its top
probability is at least that; *coverage* is the share of faces that are accepted, *risk* the share of wrong labels among
them.  Faces of equal top probability are accepted together.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.core.scores import RiskPoint
from mien.core.stats import LEVEL, Interval
from mien.evaluation.intervals import Groups, normal_interval

POINTS = 20
"""How many points the curve in `metrics.json` has at most."""


def risk_coverage(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, points: int = POINTS
) -> tuple[RiskPoint, ...]:
    """Follow the risk from the most confident faces to all faces.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1; N is at least 1.
        points: how many equal steps of coverage there are.

    Returns:
        One point per step, coverage rising, the last one 1: the highest threshold that accepts at least 1, 2, …
        `points` parts of the faces.  Fewer where one threshold is that of several steps.

    Raises:
        UsageError: `points` is below 1.

    Geifman and El-Yaniv 2017, arXiv 1705.08500, section 2.

    >>> rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], np.float32)
    >>> [(point.coverage, point.risk) for point in risk_coverage(rows, np.array([0, 0, 0, 1]), points=2)]
    [(0.5, 0.0), (1.0, 0.25)]
    """
    if points < 1:
        raise UsageError(f"a curve of {points} points, expected 1 or more")
    thresholds, accepted, wrong = _levels(probabilities, targets)
    wanted = -(-len(targets) * np.arange(1, points + 1) // points)  # rounded up
    return tuple(
        RiskPoint(
            threshold=float(thresholds[k]),
            coverage=float(accepted[k] / len(targets)),
            risk=float(wrong[k] / accepted[k]),
        )
        for k in np.unique(np.searchsorted(accepted, wanted))
    )


def threshold_for_risk(probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, risk: float) -> float | None:
    """Find a top probability to ask for so that of other faces, too, at most the share `risk` of the accepted is wrong.

    This holds in 95 % of draws of the faces that the threshold is found on (`LEVEL`), if the model didn't learn from
    them and the other faces are of the same kind.  Thresholds are tried from high to low in steps of 0.01 until the
    `risk_bound` of one exceeds `risk`.  The first one accepts a tenth of the faces, and enough of them to
    prove the risk if a quarter as many are wrong.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1.
        risk: 0 to 1.

    Returns:
        The lowest threshold that passes, a multiple of 0.01; None where none does.

    Raises:
        UsageError: `risk` lies outside 0 to 1.

    Angelopoulos et al. 2021, arXiv 2110.01052, "fixed sequence testing": a threshold that is too low passes only if the
    first such in the order does, so trying many costs nothing.

    >>> rows = np.array([[0.9, 0.1]] * 120 + [[0.6, 0.4]] * 120, np.float32)
    >>> threshold_for_risk(rows, np.array([0] * 180 + [1] * 60), risk=0.1)
    0.61
    """
    if not 0 <= risk <= 1:
        raise UsageError(f"risk {risk}, expected 0 to 1")
    tops = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != targets
    found = None
    for hundredths in range(100, -1, -1):
        threshold = hundredths / 100
        accepted = tops >= threshold
        faces = int(accepted.sum())
        if 10 * faces < len(tops) or risk_bound(faces * risk / 4, faces) > risk:
            continue  # too few faces to tell; this looks at no label
        if risk_bound(int(wrong[accepted].sum()), faces) > risk:
            break
        found = threshold
    return found


def risk_bound(wrong: float, accepted: int) -> float:
    """Return the upper bound of the share of wrong labels, at the confidence `LEVEL`; 1 where none is accepted.

    Clopper and Pearson 1934, Biometrika 26, 404-413, one-sided.

    >>> round(risk_bound(0, 59), 3), risk_bound(0, 0)
    (0.05, 1.0)
    """
    from scipy.special import betaincinv

    if wrong == accepted:
        return 1.0
    return float(betaincinv(wrong + 1, accepted - wrong, LEVEL))


def accepted_at(probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, threshold: float) -> RiskPoint:
    """Return coverage and risk at a threshold.

    >>> rows = np.array([[0.9, 0.1], [0.75, 0.25], [0.5, 0.5]], np.float32)
    >>> accepted_at(rows, np.array([1, 0, 1]), threshold=0.75).risk
    0.5
    """
    accepted = probabilities.max(axis=1) >= threshold
    wrong = probabilities.argmax(axis=1) != targets
    risk = float(wrong[accepted].mean()) if accepted.any() else None
    return RiskPoint(threshold=threshold, coverage=float(accepted.mean()), risk=risk)


def area_under_risk_coverage(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Average the risk of the n most confident faces over n = 1 to N.

    Faces of equal top probability have no order: the result is the mean over all of their orders.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1; N is at least 1.

    Returns:
        AURC, 0 to 1, lower is better; the error rate itself where top probabilities do not tell right from wrong.

    Geifman and El-Yaniv 2017, arXiv 1705.08500, define the curve; Geifman, Uziel and El-Yaniv 2019, arXiv 1805.08206,
    the area.

    >>> area_under_risk_coverage(np.array([[0.9, 0.1], [0.8, 0.2]], np.float32), np.array([0, 1]))
    0.25
    """
    _, accepted, wrong = _levels(probabilities, targets)
    counts = np.arange(1, len(targets) + 1)
    return float((np.interp(counts, [0, *accepted], [0, *wrong]) / counts).mean())


def area_interval(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, groups: Groups = None
) -> Interval | None:
    """Return the interval of the area under the curve of risk over coverage; with groups of faces, by groups.

    A face adds to the area by its place in the order, and by its part in the risk at each coverage.  With `R(n)` the
    risk of the n most confident faces, the influence of face i, wrong (1) or right (0), is
    `R(i) + sum over n >= i of (wrong(i) - R(n)) / n`, up to a constant.

    Returns:
        `(low, high)`, 0 to 1; None where all faces are right or all are wrong.
    """
    errors = probabilities.argmax(axis=1) != targets
    if errors.all() or not errors.any():
        return None
    _, accepted, wrong = _levels(probabilities, targets)
    counts = np.arange(1, len(targets) + 1)
    risks = np.interp(counts, [0, *accepted], [0, *wrong]) / counts
    weights = np.cumsum(1 / counts[::-1])[::-1]  # sums over n >= i of 1 / n
    places = risks - np.cumsum((risks / counts)[::-1])[::-1]
    # Faces of equal top probability share the mean of their places: one value per level, `float64 (K,)`.
    level = np.unique(-probabilities.max(axis=1), return_inverse=True)[1]
    faces = np.bincount(level)
    weights = np.add.reduceat(weights, accepted - faces) / faces
    places = np.add.reduceat(places, accepted - faces) / faces
    influence = places[level] + errors * weights[level]
    return normal_interval(area_under_risk_coverage(probabilities, targets), influence, groups=groups, highest=1)


def _levels(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the K top probabilities, from high to low, how many faces each accepts, how many of those are wrong."""
    tops, places = np.unique(-probabilities.max(axis=1), return_inverse=True)
    wrong = probabilities.argmax(axis=1) != targets
    faces = np.bincount(places, minlength=len(tops))
    errors = np.bincount(places[wrong], minlength=len(tops))
    return -tops, faces.cumsum(), errors.cumsum()
