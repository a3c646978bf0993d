"""`Progress`: how far long work is.  Words go to `logging.getLogger("mien")`, bars are drawn from these."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far one piece of long work is.

    Attributes:
        task: what is being done, in words: `epoch 3/30`, `filter pictures`.
        done: how many units are finished.
        total: how many there are; None where nobody knows.
        unit: what is counted, in the plural: `faces`, `pictures`, `filters`.
    """

    task: str
    done: int
    total: int | None
    unit: str


OnProgress = Callable[[Progress], None]
"""Called often with how far the work is; must be fast."""
