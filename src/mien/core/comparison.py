"""`Comparison`: whether two classifiers differ on the same faces.  `docs/metrics.md` defines the figures.

Shares are fractions (0.72, not 72), intervals are `(low, high)`.
"""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import Bootstrap
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class ComparedScores(Record):
    """One of the two.

    Attributes:
        name: what the verdict calls it.
        model: the network; None for predictions read from a file, and for an ensemble, which is several networks.
        accuracy: share of faces with the right label.
        macro_f1: mean F1 of the classes that occur, each counting once.
    """

    name: str
    model: ModelId | None
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, kw_only=True)
class Comparison(Record):
    """Two sets of predictions of the same faces; differences are b minus a.

    Attributes:
        a: the first.
        b: the second.
        source: the data that the faces are from.
        synthetic: whether the faces were drawn.
        faces: how many have a target; all figures are of these.
        unlabelled: how many were left out since they have no target.
        classes: names in label order.
        bootstrap: how the intervals were made; each resample draws the same faces for both.
        both_right: faces to which both gave the right label.
        only_a: faces to which only the first gave the right label.
        only_b: faces to which only the second gave the right label.
        both_wrong: faces to which neither gave the right label.
        same_label: faces to which both gave the same label, right or wrong.
        groups: how many groups the faces belong to, if each resample draws groups; None where it draws faces.
        mcnemar_p: McNemar's exact two-sided p; None with groups, whose faces are not independent.
        group_p: with groups, the two-sided p of a test that exchanges the two in randomly chosen groups.
        holm_p: the p after Holm's correction for all pairs that were compared; None where there was one pair.
        accuracy_difference: as a fraction.
        accuracy_difference_interval: of the difference.
        macro_f1_difference: as a fraction.
        macro_f1_difference_interval: of the difference.
        verdict: in plain words, what this shows and what it does not.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    a: ComparedScores
    b: ComparedScores
    source: str
    synthetic: bool
    faces: int
    unlabelled: int
    classes: tuple[str, ...]
    bootstrap: Bootstrap
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    same_label: int
    groups: int | None = None
    mcnemar_p: float | None
    group_p: float | None = None
    holm_p: float | None = None
    accuracy_difference: float
    accuracy_difference_interval: Interval
    macro_f1_difference: float
    macro_f1_difference_interval: Interval
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Comparisons(Record):
    """More than two sets of predictions of the same faces, each compared with each.

    Attributes:
        scores: the figures of each, in the order in which they were given.
        pairs: every pair, the earlier one first; the verdicts take `holm_p`.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    scores: tuple[ComparedScores, ...]
    pairs: tuple[Comparison, ...]
