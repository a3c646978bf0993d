"""Whether a network does better than a guess."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from mien.core.records import Record
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class AgainstGuessing(Record):
    """Whether a network does better than always naming the most frequent class.

    Attributes:
        accuracy: share of the faces that are labelled rightly.
        interval: of the accuracy, at 95 %.
        most_frequent: share of the most frequent class.
    """

    accuracy: float
    interval: Interval
    most_frequent: float

    @classmethod
    def of(cls, accuracy: float, interval: Interval, *, faces: Sequence[int]) -> Self:
        """Compare an accuracy with a guess on the same faces.

        Args:
            accuracy: share of the faces that are labelled rightly.
            interval: of the accuracy.
            faces: of each class.

        >>> AgainstGuessing.of(0.7, (0.6, 0.8), faces=[60, 40]).is_better
        False
        """
        return cls(accuracy=accuracy, interval=interval, most_frequent=max(faces) / sum(faces))

    @property
    def is_better(self) -> bool:
        """Whether the interval lies above the share of the most frequent class."""
        return self.interval[0] > self.most_frequent
