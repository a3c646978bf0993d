"""`Ensemble`: what the mean of several runs' probabilities is worth."""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.comparison import Comparison
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import Scores


@dataclass(frozen=True, kw_only=True)
class EnsembleMember(Record):
    """One of the runs.

    Attributes:
        model: its network.
        run: its folder.
        accuracy: of it alone, on the faces that the ensemble is scored on.
    """

    model: ModelId
    run: str
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Ensemble(Record):
    """Several trained runs and the scores of the mean of their probabilities.

    Attributes:
        members: in the order in which they were named.
        run: the folder where all this is kept.
        temperature: by which the logarithms of the mean probabilities are divided, fitted on the held-out faces.
        scores: of the ensemble.
        over_best: the best member (a) and the ensemble (b) on the same faces.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    members: tuple[EnsembleMember, ...]
    run: str
    temperature: float
    scores: Scores
    over_best: Comparison
