"""How far a figure may be off: Wilson's interval for shares, the normal one for means, else the bootstrap.

Axes: `N` faces, `G` groups of faces, `K` kinds of faces or shares, `S` resamples.  All intervals are two-sided, at
`LEVEL`.  `benchmarks/coverage.py` and `coverage_groups.py` count how often they hold the truth.

Faces of one person are alike, so where groups of faces are known it is groups that count as independent.
"""

from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError
from mien.core.faces import UNLABELLED
from mien.core.predictions import Predictions
from mien.core.stats import LEVEL, Interval, t_quantile

_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)

Groups = NDArray[np.int64] | None
"""`int64 (N,)`, the group of each face, numbered from 0; None where the faces count as independent."""

Count = int | np.int64 | NDArray[np.int64]
"""How many faces there are; where groups are known, how many in each of them: `int64 (G,)`."""


def number_groups(groups: NDArray[np.int64], predictions: Predictions) -> NDArray[np.int64]:
    """Number the groups of the labelled faces from 0.

    Args:
        groups: `int64 (N,)`, the group of each face.
        predictions: of the N faces, M of them labelled.

    Returns:
        `int64 (M,)`.

    Raises:
        DataError: there is a single group.
    """
    assert predictions.targets is not None
    names, numbers = np.unique(groups[predictions.targets != UNLABELLED], return_inverse=True)
    if len(names) < 2:
        raise DataError(f"{predictions.source}: all faces are of one group; intervals by groups need two or more")
    return np.asarray(numbers, dtype=np.int64)


def count(chosen: NDArray[np.bool_], groups: Groups) -> Count:
    """Count the faces that a mask `(N,)` chooses, in each group where groups are known.

    >>> count(np.array([True, False, True]), np.array([0, 1, 1])).tolist()
    [1, 1]
    """
    if groups is None:
        return int(chosen.sum())
    return np.bincount(groups[chosen], minlength=int(groups.max()) + 1)


def standard_error(right: Count, total: Count) -> float:
    """Return the standard error of the share `right / total`, as a fraction: `sqrt(p (1 - p) / total)`.

    By groups it is the linearised one of a ratio of sums over groups.

    Cochran 1977, Sampling Techniques, chapter 11, for groups.

    >>> round(standard_error(2584, 3589), 4)
    0.0075
    """
    faces = int(np.sum(total))
    accuracy = int(np.sum(right)) / faces
    if np.ndim(total) == 0:
        return sqrt(accuracy * (1 - accuracy) / faces)
    groups = int(np.count_nonzero(total))
    residuals = np.asarray(right - total * accuracy)
    return sqrt(groups / (groups - 1) * float(residuals @ residuals)) / faces


def share(part: Count, whole: Count) -> float | None:
    """Return the share of `part` in `whole`; None where `whole` is 0.

    >>> share(8, 10), share(0, 0)
    (0.8, None)
    """
    faces = int(np.sum(whole))
    if faces == 0:
        return None
    return int(np.sum(part)) / faces


def share_interval(part: Count, whole: Count) -> Interval | None:
    """Return Wilson's interval of `share(part, whole)`; None where `whole` is 0, or all of it is in one group.

    By groups it is that of fewer faces, as many independent ones as would have the same standard error.

    Kish 1965, Survey Sampling, section 8.2, for the number; Korn and Graubard 1998, Survey Methodology 24, 193-201,
    for its correction when groups are few.

    >>> [round(end, 3) for end in share_interval(np.array([3, 2, 3]), np.array([4, 2, 4]))]
    [0.478, 0.946]
    """
    faces = int(np.sum(whole))
    if faces == 0:
        return None
    right = int(np.sum(part))
    if np.ndim(whole) == 0:
        return wilson(right, faces)
    groups = int(np.count_nonzero(whole))
    if groups < 2:
        return None
    independent = float(faces)
    if right in (0, faces):  # nothing tells how alike the faces of a group are: as if they were all the same
        independent = faces**2 / float(np.square(whole).sum())
    elif error := standard_error(part, whole):
        independent = right * (faces - right) / faces**2 / error**2
    independent = min(faces, independent * (_Z / t_quantile(groups - 1)) ** 2)
    return wilson(right / faces * independent, independent)


def mask_interval(chosen: NDArray[np.bool_], groups: Groups) -> Interval | None:
    """Return `share_interval` of the share of the faces that a mask `(N,)` chooses."""
    return share_interval(count(chosen, groups), count(np.ones_like(chosen), groups))


def wilson(right: float, total: float) -> Interval:
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


def mixed_wilson(
    right: NDArray[np.int64], total: NDArray[np.int64], *, weights: NDArray[np.float64]
) -> Interval | None:
    """Return the interval of a weighted mean of shares `right / total` that come from different faces.

    Joins Wilson's intervals of the shares by the square root of the summed squares of their halves ("MOVER").

    Args:
        right: `int64 (K,)`, or `(G, K)` by groups.
        total: `int64 (K,)`, or `(G, K)` by groups.
        weights: `float64 (K,)`, taken as known; they sum to 1.

    Returns:
        `(low, high)`, fractions; of a single share, Wilson's own interval; None where `share_interval` of one is None.

    Zou and Donner 2008, Stat. Med. 27, 1693-1702.

    >>> [round(end, 3) for end in mixed_wilson(np.array([8, 8]), np.array([10, 10]), weights=np.array([0.5, 0.5]))]
    [0.581, 0.901]
    """
    ends = share_intervals(right, total)
    if ends is None:
        return None
    values = sum_groups(right) / sum_groups(total)
    correlation = np.eye(len(weights))
    if total.ndim == 2:  # what is easy to tell in a person's face in one class may be so in another
        correlation = correlate((right - total * values) / sum_groups(total))
    return join_intervals(values, ends, weights=weights, correlation=correlation)


def share_intervals(right: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return `share_interval` of each of K shares, `float64 (K, 2)`; None where one of them has none.

    Args:
        right: `int64 (K,)`, or `(G, K)` by groups.
        total: `int64 (K,)`, or `(G, K)` by groups.
    """
    ends = []
    for k in range(total.shape[-1]):
        interval = share_interval(right[..., k], total[..., k])
        if interval is None:
            return None
        ends.append(interval)
    return np.array(ends)


def correlate(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation `(K, K)` of columns `(S, K)`; a constant column has none with others."""
    centred = columns - columns.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(lengths > 0, lengths, 1)
    correlation = scaled.T @ scaled
    np.fill_diagonal(correlation, 1)
    return np.asarray(correlation)


def sum_groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up groups: `(G, K)` or `(K,)` becomes `(K,)`."""
    return np.asarray(counts.reshape(-1, counts.shape[-1]).sum(axis=0))


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


def f1_interval(right: Count, either: Count) -> Interval | None:
    """Return the interval of the F1 of one class; None where `share_interval` is None.

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
    low, high = f1_of_share(np.array(ends))
    return float(low), float(high)


def f1_of_share(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the F1 of classes from their shares `J` of `f1_interval`."""
    return 2 * shares / (1 + shares)


def normal_interval(
    value: float, influence: NDArray[np.float64], *, groups: Groups = None, highest: float = inf
) -> Interval | None:
    """Return the normal interval of a figure that is, up to smaller terms, a mean over faces.

    Args:
        value: the figure.
        influence: `float64 (N,)`, what each face adds to it, up to a constant: of a mean, its own value.
        groups: of the faces; the interval is Student's then, of what each group adds.
        highest: the greatest value that the figure can have; the least is 0.

    Returns:
        `(low, high)`, inside 0 to `highest`; None for fewer than two faces or groups, or where all faces have the same
        influence.

    Hampel 1974, J. Am. Stat. Assoc. 69, 383-393, for figures that are no means: the "infinitesimal jackknife".

    >>> [round(end, 3) for end in normal_interval(0.2, np.array([-0.1, 0.0, 0.1]))]
    [0.087, 0.313]
    """
    faces = len(influence)
    if faces < 2 or np.ptp(influence) == 0:
        return None
    half = _Z * float(influence.std(ddof=1)) / sqrt(faces)
    if groups is not None:
        added = np.bincount(groups, weights=influence - influence.mean())
        if len(added) < 2:
            return None
        half = t_quantile(len(added) - 1) * float(added.std(ddof=1)) * sqrt(len(added)) / faces
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
