"""The parts of a summary: lines, tables and single figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Table:
    """Rows of text below heads.

    Attributes:
        columns: each head, and the side to which its column keeps.
        rows: one text per column.
        shares: for some tables of numbers, the share of 0 to 1 by which each cell is shaded; the first column has none.
    """

    columns: Mapping[str, Side]
    rows: Sequence[Sequence[str]]
    shares: Sequence[Sequence[float]] | None = None


@dataclass(frozen=True)
class Figures:
    """Single figures: name, value and a note for each."""

    rows: Sequence[tuple[str, str, str]]


Part = str | Table | Figures
"""A line, a table, or figures; an empty line parts what doesn't belong together."""
