"""`Ablation`: what each factor is worth, from runs that are equal in all else.

Accuracies are fractions; factors and levels are named as the user named them.
"""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class AblationRun(Record):
    """One trained run; its scores are None where it failed.

    Attributes:
        levels: factor → the level of this run.
        seed: of the run.
        run: its folder, relative to the ablation's.
        reason: why it failed; empty where it did not.
        split: which faces it was scored on.
        faces: how many these are.
        accuracy: share of faces with the right label.
        macro_f1: mean F1 of the classes that occur.
        log_loss: in nats.
        ece: expected calibration error.
    """

    levels: dict[str, str]
    seed: int
    run: str
    reason: str = ""
    split: str | None = None
    faces: int | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    ece: float | None = None


@dataclass(frozen=True, kw_only=True)
class ArmScores(Record):
    """The runs of one combination of levels.

    Attributes:
        levels: factor → level.
        runs: how many have an accuracy.
        mean: of their accuracies; None without any.
        sd: standard deviation of the accuracies (of the sample, n - 1); None with fewer than two.
    """

    levels: dict[str, str]
    runs: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, kw_only=True)
class Effect(Record):
    """What one level of a factor is worth against the factor's first level.

    Attributes:
        factor: its name.
        level: what is compared.
        baseline: the factor's first level.
        within: the levels of all other factors; empty for the mean over all their combinations.
        seeds: how many seeds have all runs that this needs.
        difference: mean accuracy with the level minus that with the baseline; None without a seed.
        interval: Student's, of the mean over seeds; None with fewer than two seeds, or where all differ alike:
            accuracies on few faces are coarse, and no spread is no evidence of certainty.
        holm_p: p of the t test that the difference is 0, after Holm's correction for all effects on average, or for all
            inside combinations; None where there is no interval.
    """

    factor: str
    level: str
    baseline: str
    within: dict[str, str]
    seeds: int
    difference: float | None
    interval: Interval | None
    holm_p: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ablation(Record):
    """All combinations of the levels of some factors, trained with several seeds.

    Attributes:
        run: the folder where all this is kept.
        source: the data that all runs learn from.
        synthetic: whether the faces are drawn.
        network: name of the network, where it is no factor.
        recipe: what all runs have in common.
        epochs: at most, where that is no factor.
        seeds: of the runs.
        factors: factor → its levels, the baseline first.
        arms: one per combination that has been run, in the order in which they were first run.
        effects: what the levels are worth.
        runs: those that are finished or failed, in the order in which they were run.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    run: str
    source: str
    synthetic: bool
    network: str
    recipe: str
    epochs: int
    seeds: tuple[int, ...]
    factors: dict[str, tuple[str, ...]]
    arms: tuple[ArmScores, ...]
    effects: tuple[Effect, ...]
    runs: tuple[AblationRun, ...]

    @property
    def failed(self) -> list[AblationRun]:
        """The runs without an accuracy."""
        return [run for run in self.runs if run.accuracy is None]
