"""How far a figure may be off: Wilson's interval for shares, the normal one for means, else the bootstrap.

Axes: `N` faces, `K` kinds of faces or shares, `S` resamples.  All intervals are two-sided, at `LEVEL`.
`benchmarks/coverage.py` counts how often they hold the truth.
"""

from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.core.stats import LEVEL, Interval

_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def standard_error(right: int, total: int) -> float:
    """Return the standard error of the share `right / total`, as a fraction: `sqrt(p (1 - p) / total)`.

    >>> round(standard_error(2584, 3589), 4)
    0.0075
    """
    accuracy = right / total
    return sqrt(accuracy * (1 - accuracy) / total)


def share(part: int, whole: int) -> float | None:
    """Return `part / whole`; None where `whole` is 0.

    >>> share(8, 10), share(0, 0)
    (0.8, None)
    """
    if whole == 0:
        return None
    return part / whole


def share_interval(part: int, whole: int) -> Interval | None:
    """Return Wilson's interval of `share(part, whole)`; None where `whole` is 0."""
    if whole == 0:
        return None
    return wilson(part, whole)


def wilson(right: int, total: int) -> Interval:
    """Return Wilson's score interval of the share `right / total`.

    Returns:
        `(low, high)`, fractions; never of zero width, and inside 0 to 1.

    Raises:
        UsageError: `total` is 0 or `right` lies outside 0 to `total`.

    Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    if not 0 <= right <= total or total == 0:
        raise UsageError(f"no share: {right} of {total}")
    of_faces, spread = right / total, _Z**2 / total
    middle = (of_faces + spread / 2) / (1 + spread)
    half = sqrt(spread * (of_faces * (1 - of_faces) + spread / 4)) / (1 + spread)
    low, high = middle - half, middle + half
    if right == 0:
        low = 0.0  # exactly, which rounding would miss
    if right == total:
        high = 1.0
    return low, high


def mixed_wilson(right: NDArray[np.int64], total: NDArray[np.int64], *, weights: NDArray[np.float64]) -> Interval:
    """Return the interval of a weighted mean of shares `right / total` that come from different faces.

    Joins Wilson's intervals of the shares by the square root of the summed squares of their halves ("MOVER").

    Args:
        right: `int64 (K,)`.
        total: `int64 (K,)`.
        weights: `float64 (K,)`, taken as known; they sum to 1.

    Returns:
        `(low, high)`, fractions; of a single share, Wilson's own interval.

    Raises:
        UsageError: a total is 0 or a `right` lies outside 0 to its total.

    Zou and Donner 2008, Stat. Med. 27, 1693-1702.

    >>> [round(end, 3) for end in mixed_wilson(np.array([8, 8]), np.array([10, 10]), weights=np.array([0.5, 0.5]))]
    [0.581, 0.901]
    """
    ends = np.array([wilson(int(some), int(all_)) for some, all_ in zip(right, total, strict=True)])
    return join_intervals(right / total, ends, weights=weights, correlation=np.eye(len(right)))


def join_intervals(
    values: NDArray[np.float64],
    ends: NDArray[np.float64],
    *,
    weights: NDArray[np.float64],
    correlation: NDArray[np.float64],
) -> Interval:
    """Return the interval of a weighted sum of figures from the interval of each ("MOVER").

    Args:
        values: `float64 (K,)`, the figures.
        ends: `float64 (K, 2)`, low and high end of the interval of each.
        weights: `float64 (K,)`, taken as known, 0 or more.
        correlation: `float64 (K, K)`, of the figures over samples.

    Returns:
        `(low, high)`, inside the weighted sums of all low ends and of all high ends.

    Zou 2007, Psychol. Methods 12, 399-413; Zou and Donner 2008, Stat. Med. 27, 1693-1702.
    """
    below = weights * (values - ends[:, 0])
    above = weights * (ends[:, 1] - values)
    middle = float(weights @ values)
    low = middle - sqrt(max(0.0, float(below @ correlation @ below)))
    high = middle + sqrt(max(0.0, float(above @ correlation @ above)))
    return max(float(weights @ ends[:, 0]), low), min(float(weights @ ends[:, 1]), high)


def f1_interval(right: int, either: int) -> Interval | None:
    """Return the interval of the F1 of one class; None where `either` is 0.

    F1 is `2 J / (1 + J)` with the share `J = right / either`, and rises with it, so its ends are those of Wilson's
    interval of `J`.

    Args:
        right: faces of the class that got its label.
        either: faces that are of the class, or got its label, or both.

    >>> [round(end, 3) for end in f1_interval(8, 10)]
    [0.658, 0.971]
    """
    ends = share_interval(right, either)
    if ends is None:
        return None
    low, high = ends
    return 2 * low / (1 + low), 2 * high / (1 + high)


def normal_interval(value: float, influence: NDArray[np.float64], *, highest: float = inf) -> Interval | None:
    """Return the normal interval of a figure that is, up to smaller terms, a mean over faces.

    Args:
        value: the figure.
        influence: `float64 (N,)`, what each face adds to it, up to a constant: of a mean, its own value.
        highest: the greatest value that the figure can have; the least is 0.

    Returns:
        `(low, high)`, inside 0 to `highest`; None for fewer than two faces, or where all have the same influence.

    Hampel 1974, J. Am. Stat. Assoc. 69, 383-393, for figures that are no means: the "infinitesimal jackknife".

    >>> [round(end, 3) for end in normal_interval(0.2, np.array([-0.1, 0.0, 0.1]))]
    [0.087, 0.313]
    """
    faces = len(influence)
    if faces < 2 or np.ptp(influence) == 0:
        return None
    half = _Z * float(influence.std(ddof=1)) / sqrt(faces)
    return max(0.0, value - half), min(highest, value + half)


def resample(
    faces: NDArray[np.int64],
    samples: int,
    *,
    generator: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw faces with replacement, `samples` times over, and count how often each kind of face was drawn.

    Faces of the same kind (target and label, say) are alike to every figure that is computed from counts, so one
    multinomial draw over the kinds is exactly a draw over the faces, at a small part of its cost.

    Args:
        faces: `int64 (N, P)`, the properties of each face.
        samples: how many resamples, `S`.
        generator: where the draws come from.
        groups: `int64 (N,)`, the group of each face, from 0; groups are drawn then, each with all of its faces.

    Returns:
        `int64 (K, P)`, the kinds that occur, and `float64 (S, K)`, their counts in each resample; rows sum to N
        without groups.

    Raises:
        UsageError: `samples` is below 1.

    Efron 1979, Ann. Stat. 7, 1-26.

    >>> kinds, draws = resample(np.array([[0], [1], [1]]), 2, generator=np.random.default_rng(0))
    >>> kinds.tolist(), draws.sum(axis=1).tolist()
    ([[0], [1]], [3.0, 3.0])
    """
    if samples < 1:
        raise UsageError(f"bootstrap of {samples} resamples, expected 1 or more (1000 is usual)")
    kinds, kind_of, counts = np.unique(faces, axis=0, return_inverse=True, return_counts=True)
    if groups is not None:
        in_group = np.zeros((int(groups.max()) + 1, len(kinds)))
        np.add.at(in_group, (groups, kind_of), 1)
        chosen = generator.multinomial(len(in_group), np.full(len(in_group), 1 / len(in_group)), size=samples)
        return kinds, chosen @ in_group
    return kinds, generator.multinomial(len(faces), counts / len(faces), size=samples).astype(np.float64)


def percentile_interval(values: NDArray[np.float64]) -> Interval:
    """Return the percentile bootstrap interval of a figure from its value in each resample, `float64 (S,)`.

    >>> percentile_interval(np.array([7.0] * 9))
    (7.0, 7.0)
    """
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
