"""Student's interval of a mean; SciPy, which it needs, comes with the extra `train`."""

from collections.abc import Sequence
from math import sqrt

LEVEL = 0.95
"""Confidence level of every interval that mien gives."""

Interval = tuple[float, float]
"""The low and the high end."""


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the two-sided t interval of the mean of independent values; None for fewer than two.

    Student 1908, Biometrika 6, 1-25.

    >>> [round(end, 3) for end in mean_interval([0.1, 0.2, 0.3])]
    [-0.048, 0.448]
    """
    from statistics import mean, stdev

    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half
