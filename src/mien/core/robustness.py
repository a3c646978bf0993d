"""`Robustness`: how right a classifier stays when faces are corrupted.  `docs/robustness.md` defines the figures.

Shares are fractions (0.72, not 72), intervals are `(low, high)`.
"""

from dataclasses import dataclass

from mien.core.records import Record
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class SeverityScores(Record):
    """The figures of one corruption at one severity.

    Attributes:
        severity: 1 to 5.
        strength: the parameter of the corruption's formula at this severity.
        accuracy: share of faces with the right label.
        accuracy_interval: Wilson's.
        confidence: mean probability of the label.
        ece: expected calibration error of the label.
    """

    severity: int
    strength: float
    accuracy: float
    accuracy_interval: Interval
    confidence: float
    ece: float


@dataclass(frozen=True, kw_only=True)
class CorruptionScores(Record):
    """The figures of one corruption.

    Attributes:
        name: as in `mien.core.corruptions.CORRUPTIONS`.
        title: its name in words.
        accuracy: mean over the severities.
        accuracy_interval: normal, over faces; None where no face differs from another.
        corruption_error: the errors at all severities, divided by those of the baseline; None without a baseline.
        severities: 1 to 5.
    """

    name: str
    title: str
    accuracy: float
    accuracy_interval: Interval | None
    corruption_error: float | None
    severities: tuple[SeverityScores, ...]


@dataclass(frozen=True, kw_only=True)
class Robustness(Record):
    """The figures of every corruption.

    Attributes:
        faces: how many faces were corrupted.
        accuracy: mean over corruptions and severities.
        accuracy_interval: normal, over faces; None where no face differs from another.
        baseline: whose errors the corruption errors are divided by, in words; None for faces that were drawn, and for
            classes that are neither FER2013's nor FER+'s.
        mean_corruption_error: mean of the corruption errors; None without a baseline.
        mean_corruption_error_interval: normal, over faces; the baseline counts as known.
        corruptions: in the order of `CORRUPTIONS`.
    """

    faces: int
    accuracy: float
    accuracy_interval: Interval | None
    baseline: str | None
    mean_corruption_error: float | None
    mean_corruption_error_interval: Interval | None
    corruptions: tuple[CorruptionScores, ...]


@dataclass(frozen=True, kw_only=True)
class Baseline(Record):
    """The errors of one network on corrupted faces, by which those of others are divided.

    Attributes:
        title: which network on which faces, in words.
        sha256: of the network's graph.
        faces: how many faces were corrupted.
        classes: of the label set.
        errors: share of wrong labels by corruption, at severity 1 to 5.
    """

    title: str
    sha256: str
    faces: int
    classes: tuple[str, ...]
    errors: dict[str, tuple[float, ...]]
