"""Student's intervals of a mean and of one more value, which need SciPy of the extra `train`; tests of chance."""

from collections.abc import Sequence
from math import sqrt

LEVEL = 0.95
"""Confidence level of every interval that mien gives."""

SIGNIFICANCE = 0.05
"""A p below this, corrected where several are looked at together, is called a difference."""

STANDARD_ERRORS = 1.96
"""So many standard errors are `LEVEL` of a normal distribution, on either side of its middle."""

Interval = tuple[float, float]
"""The low and the high end."""


def is_surely_more(more: float, less: float) -> bool:
    """Tell whether one count is above another by more than chance (two-sided sign test, in its normal form).

    >>> is_surely_more(120, 80), is_surely_more(101, 99), is_surely_more(0, 0)
    (True, False, False)
    """
    return more - less > STANDARD_ERRORS * sqrt(more + less)


def has_sure_leader(counts: Sequence[float]) -> bool:
    """Tell whether the greatest count is above the next by more than chance; a single one is compared with 0.

    >>> has_sure_leader([80, 120]), has_sure_leader([101, 99]), has_sure_leader([5]), has_sure_leader([])
    (True, False, True, False)
    """
    first, second = sorted([*counts, 0, 0], reverse=True)[:2]
    return is_surely_more(first, second)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values of tests that are looked at together, so that a false finding among them stays rare.

    Where all of the tests are of equals, the chance that any corrected p is below 0.05 is at most 5 %.

    Args:
        p_values: 0 to 1.

    Returns:
        The corrected ones in the same order, 0 to 1.

    Holm 1979, Scand. J. Stat. 6, 65-70.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [1.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the two-sided t interval of the mean of independent values; None for fewer than two.

    Student 1908, Biometrika 6, 1-25.

    >>> [round(end, 3) for end in mean_interval([0.1, 0.2, 0.3])]
    [-0.048, 0.448]
    """
    return _around_mean(values, spread=1 / len(values)) if values else None


def prediction_interval(values: Sequence[float]) -> Interval | None:
    """Return the two-sided t interval for one more value like these; None for fewer than two.

    >>> [round(end, 3) for end in prediction_interval([0.1, 0.2, 0.3])]
    [-0.297, 0.697]
    """
    return _around_mean(values, spread=1 + 1 / len(values)) if values else None


def _around_mean(values: Sequence[float], *, spread: float) -> Interval | None:
    """Return mean ± t · sd · √spread."""
    from statistics import mean, stdev

    if len(values) < 2:
        return None
    half = t_quantile(len(values) - 1) * stdev(values) * sqrt(spread)
    return mean(values) - half, mean(values) + half


def t_quantile(degrees: int) -> float:
    """Return how many standard errors are `LEVEL` of Student's t distribution, on either side of its middle.

    >>> round(t_quantile(9), 3)
    2.262
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))


def mean_p(values: Sequence[float]) -> float | None:
    """Return the two-sided p of the t test that the mean of independent values is 0; None for fewer than two.

    Student 1908, Biometrika 6, 1-25.

    >>> round(mean_p([0.1, 0.2, 0.3]), 3)
    0.074
    """
    from statistics import mean, stdev

    from scipy.special import stdtr

    if len(values) < 2:
        return None
    t = mean(values) / (stdev(values) / sqrt(len(values)))
    return 2 * float(stdtr(len(values) - 1, -abs(t)))
