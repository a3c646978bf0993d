"""How numbers are written on the page; the Jinja filters and the sentences use the same functions."""

import math
from collections.abc import Sequence
from typing import Any

from mien.core.text import p_value, percentage

NONE = "–"
"""What stands for a figure that is not defined."""


def percent(share: float | None, digits: int = 1) -> str:
    r"""Write a fraction as per cent, with a space that does not break.

    >>> percent(0.7131), percent(None)
    ('71.3\xa0%', '–')
    """
    return NONE if share is None or math.isnan(share) else percentage(share, digits).replace(" ", "\u00a0")


def span(interval: Sequence[float] | None, digits: int = 1) -> str:
    r"""Write an interval of fractions as per cent.

    >>> span([0.698, 0.728])
    '69.8 to 72.8\xa0%'
    """
    return NONE if interval is None else f"{interval[0] * 100:.{digits}f} to {percent(interval[1], digits)}"


def points(difference: float | None) -> str:
    """Write a difference of fractions in percentage points, with its sign.

    >>> points(0.0482), points(None)
    ('+4.8 points', '–')
    """
    return NONE if difference is None else f"{signed(100 * difference)} points"


def points_span(interval: Sequence[float] | None) -> str:
    """Write an interval of differences in percentage points.

    >>> points_span([-0.004, 0.0123])
    '−0.4 to +1.2'
    """
    return NONE if interval is None else f"{signed(100 * interval[0])} to {signed(100 * interval[1])}"


def signed(number: float, digits: int = 1) -> str:
    """Write a number with its sign, a minus being as wide as a plus.

    >>> signed(-0.04, 3), signed(2)
    ('−0.040', '+2.0')
    """
    return f"{number:+.{digits}f}".replace("-", "−")


def count(number: float | None) -> str:
    """Write a whole number with thousands apart.

    >>> count(3589)
    '3,589'
    """
    return NONE if number is None else f"{number:,.0f}"


def decimal(number: float | None, digits: int = 3) -> str:
    """Write a number with a fixed count of decimals.

    >>> decimal(0.04251), decimal(float("nan"))
    ('0.043', 'not a number')
    """
    if number is None:
        return NONE
    return "not a number" if math.isnan(number) else f"{number:.{digits}f}".replace("-", "−")


def decimal_span(interval: Sequence[float] | None, digits: int = 3) -> str:
    """Write an interval of plain numbers.

    >>> decimal_span([0.9871, 1.0212])
    '0.987 to 1.021'
    """
    return NONE if interval is None else f"{decimal(interval[0], digits)} to {decimal(interval[1], digits)}"


def big(number: float | None) -> str:
    r"""Write a number, from a million on in three digits.

    >>> big(5_931_719), big(124_971), big(None)
    ('5.93\xa0M', '124,971', '–')
    """
    if number is None or number < 1e6:
        return count(number)
    if number < 999.5e6:
        return f"{number / 1e6:.3g}\u00a0M"
    return f"{number / 1e6:,.0f}\u00a0M"


def duration(seconds: float) -> str:
    """Write seconds as a person says them.

    >>> duration(42), duration(185), duration(8040)
    ('42 s', '3 min 05 s', '2 h 14 min')
    """
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.2g} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def plural(number: int, noun: str) -> str:
    """Write a count with its noun.

    >>> plural(1, "face"), plural(1200, "epoch")
    ('1 face', '1,200 epochs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(items: Sequence[Any]) -> str:
    """Join items as in a sentence.

    >>> listing(["fear"]), listing([3, 5, 9])
    ('fear', '3, 5 and 9')
    """
    words = [str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def value(anything: Any) -> str:
    """Write a config value: yes and no instead of true and false.

    >>> value(True), value(None), value(0.003), value(1e-05)
    ('yes', '–', '0.003', '1e-05')
    """
    if anything is None or anything == "":
        return NONE
    if anything is True:
        return "yes"
    if anything is False:
        return "no"
    if isinstance(anything, float):
        return f"{anything:g}"
    return str(anything)


FILTERS = {
    each.__name__: each
    for each in (percent, span, points, points_span, signed, count, decimal, decimal_span, p_value, big, plural)
}
"""Name to function, for the templates."""
