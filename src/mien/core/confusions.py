"""Which classes are taken for which, and what FER+'s annotators saw on those faces: parts of `Scores`.

Shares are fractions (0.72, not 72), intervals are `(low, high)`, and a figure that is not defined is None.
"""

from dataclasses import dataclass

from mien.core.records import Record
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class Confusion(Record):
    """The confusion matrix; rows are targets and columns are labels, both in the order of the classes.

    Attributes:
        counts: faces of each target that got each label.
        row_shares: the counts divided by the sum of their row; 0 in the row of a class without faces.
    """

    counts: tuple[tuple[int, ...], ...]
    row_shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ConfusedClass(Record):
    """How often faces of one class got the label of another.

    Attributes:
        target: name of their class.
        label: name of the other class.
        faces: all faces of the target.
        errors: those that got the label.
        rate: errors divided by faces; None without faces.
        interval: Wilson's, of the rate; None without faces.
    """

    target: str
    label: str
    faces: int
    errors: int
    rate: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class ConfusedPair(Record):
    """Two classes that are confused with each other.

    Attributes:
        classes: their names.
        errors: how many errors lie between them, in both directions.
        share: their part of all errors.
        directions: the first class taken for the second, and the second for the first.
    """

    classes: tuple[str, str]
    errors: int
    share: float
    directions: tuple[ConfusedClass, ConfusedClass]


@dataclass(frozen=True, kw_only=True)
class Disagreement(Record):
    """On how many faces the annotators disagreed: no answer got more than half of the votes.

    Attributes:
        faces: how many of the faces have votes.
        share: of these, the share on which the annotators disagreed; None without votes.
        interval: of the share; None without votes.
    """

    faces: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class MostVotes(Record):
    """What got the most votes on wrongly labelled faces, as shares of those with votes; None without votes.

    Attributes:
        target: the class that the data give.
        label: the class that the model gives.
        other: any other answer.
        tie: none, for the first place is shared.
    """

    target: float | None
    label: float | None
    other: float | None
    tie: float | None


@dataclass(frozen=True, kw_only=True)
class ConfusionVotes(Record):
    """What the annotators saw on the faces of one top confusion.

    Attributes:
        disagreement: on these faces.
        most_votes: on these faces.
        right: disagreement on faces of the same target that the model labelled right.
    """

    disagreement: Disagreement
    most_votes: MostVotes
    right: Disagreement


@dataclass(frozen=True, kw_only=True)
class TopConfusion(ConfusedClass):
    """One of the cells off the diagonal of the confusion matrix that hold the most faces.

    Attributes:
        share: its part of all errors.
        annotators: None without FER+ votes.
    """

    share: float
    annotators: ConfusionVotes | None


@dataclass(frozen=True, kw_only=True)
class ErrorVotes(Record):
    """What the annotators saw on faces that the model labelled wrong, and on those that it labelled right.

    Attributes:
        disagreement: on all faces of the top confusions.
        most_votes: on all faces of the top confusions.
        wrong: disagreement on all wrongly labelled faces.
        right: disagreement on all rightly labelled faces.
        right_matched: disagreement on rightly labelled faces, weighted so that their classes are mixed as those of the
            faces of the top confusions are; None where the model labelled none of a class right.
    """

    disagreement: Disagreement
    most_votes: MostVotes
    wrong: Disagreement
    right: Disagreement
    right_matched: Disagreement


@dataclass(frozen=True, kw_only=True)
class TopConfusions(Record):
    """The cells off the diagonal of the confusion matrix that hold the most faces.

    Attributes:
        cells: most errors first; empty where all labels are right.
        annotators: None without FER+ votes.
    """

    cells: tuple[TopConfusion, ...]
    annotators: ErrorVotes | None
