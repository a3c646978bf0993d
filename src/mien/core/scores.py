"""`Scores`: every figure about one set of predictions.  `docs/metrics.md` defines them one by one.

Shares are fractions (0.72, not 72), intervals are `(low, high)`, and a figure that is not defined is None.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from mien.core.confusions import ConfusedPair, Confusion, TopConfusions
from mien.core.known import PublishedFaces
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.robustness import Robustness
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class Bootstrap(Record):
    """How the intervals were made; the same values give the same intervals.

    Attributes:
        samples: how many resamples of the faces were drawn.
        seed: of the resamples.
        level: the confidence level: 0.95.
    """

    samples: int
    seed: int
    level: float


@dataclass(frozen=True, kw_only=True)
class HeadlineScores(Record):
    """The figures that are given for all faces and for those without duplicates.

    Attributes:
        accuracy: share of faces with the right label.
        accuracy_interval: of the accuracy.
        accuracy_interval_method: `wilson` where all faces are right, or all wrong.
        accuracy_standard_error: of the accuracy, as a fraction.
        macro_f1: mean F1 of the classes that occur, each counting once.
        macro_f1_interval: of the macro-F1; None where all faces are right or all wrong in scores of an older mien.
        ece: expected calibration error of the most probable label.
        ece_interval: of the error that very many faces would have; None where all faces are right, or all wrong.
    """

    accuracy: float
    accuracy_interval: Interval
    accuracy_interval_method: Literal["bootstrap", "wilson"]
    accuracy_standard_error: float
    macro_f1: float
    macro_f1_interval: Interval | None
    ece: float
    ece_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class ScoresWithoutDuplicates(HeadlineScores):
    """The headline figures of the faces that are no exact duplicate of a training face.

    Attributes:
        faces: how many faces are scored here.
        duplicates: how many are left out.
    """

    faces: int
    duplicates: int


@dataclass(frozen=True, kw_only=True)
class FlipScores(Record):
    """Figures of the mean of the logits of each face and of its mirror image.

    Attributes:
        accuracy: as in `Scores`, like the others.
        accuracy_interval: of the accuracy.
        macro_f1: mean F1 of the classes that occur.
        macro_f1_interval: of the macro-F1.
        ece: expected calibration error.
        ece_interval: of the calibration error.
        log_loss: in nats.
        log_loss_interval: of the log loss.
    """

    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval | None = None
    ece: float
    ece_interval: Interval | None = None
    log_loss: float
    log_loss_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class ClassScores(Record):
    """The figures of one class.

    Attributes:
        name: of the class.
        faces: how many faces have it as their target.
        precision: of the faces with this label, the share that is right; None where no face has the label.
        recall: of the faces of this class, the share that got its label; None without faces.
        f1: harmonic mean of both; None without faces.
        precision_interval: Wilson's, of the precision.
        recall_interval: Wilson's, of the recall.
        f1_interval: of the F1.
    """

    name: str
    faces: int
    precision: float | None
    recall: float | None
    f1: float | None
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None
    f1_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class ClassCalibration(Record):
    """Whether the probability of one class means what it says.

    Attributes:
        name: of the class.
        ece: expected calibration error of the probability of this class, over all faces.
        ece_interval: of the error that very many faces would have; None where no face is of the class, all are, or
            no probability is off.
        labelled: how many faces get the class's label.
        too_sure: their mean probability less the share of them that is right: above 0 the label is too sure; None
            where no face gets it.
        too_sure_interval: of that difference.
    """

    name: str
    ece: float
    ece_interval: Interval | None
    labelled: int
    too_sure: float | None
    too_sure_interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class CalibrationBin(Record):
    """The faces with `low < top probability <= high`.

    Attributes:
        low: end of the bin, not in it.
        high: end of the bin, in it.
        faces: how many faces are in the bin.
        confidence: mean top probability; None in an empty bin.
        accuracy: share of right labels; None in an empty bin.
    """

    low: float
    high: float
    faces: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class RiskPoint(Record):
    """What accepting only faces with a top probability of at least `threshold` gives.

    Attributes:
        threshold: a top probability.
        coverage: share of the faces that are accepted.
        risk: share of wrong labels among the accepted faces; None where none is accepted, which no curve has.
    """

    threshold: float
    coverage: float
    risk: float | None


@dataclass(frozen=True, kw_only=True)
class WithoutPlurality(Record):
    """How many faces have no class with more votes than any other answer, by reason.

    Attributes:
        no_votes: nobody voted.
        tie: the first place is shared.
        other: the winner is no class of the model: contempt, "unknown" or "not a face" for a FER2013 model.
    """

    no_votes: int
    tie: int
    other: int


@dataclass(frozen=True, kw_only=True)
class VoteDistribution(Record):
    """How near the probabilities are to the shares of the votes.

    Attributes:
        faces: how many have a vote for any class.
        cross_entropy: of the probabilities to the votes, in nats, lower is better; None without faces.
        cross_entropy_interval: of the cross-entropy; None below two faces.
        entropy: of the votes, in nats: the least that the cross-entropy can be; None without faces.
    """

    faces: int
    cross_entropy: float | None
    cross_entropy_interval: Interval | None = None
    entropy: float | None


@dataclass(frozen=True, kw_only=True)
class AnnotatorScores(Record):
    """Scores against the plurality of FER+'s annotators.

    Attributes:
        faces: how many have a class with more votes than any other answer.
        left_out: how many have none, and why.
        accuracy: share of these faces to which the model gives that class; None without faces.
        accuracy_interval: Wilson's, of the accuracy.
        label_accuracy: share of these faces whose own target is that class; None where none has a target.
        label_accuracy_interval: Wilson's, of the label accuracy.
        distribution: the probabilities against the shares of the votes.
    """

    faces: int
    left_out: WithoutPlurality
    accuracy: float | None
    accuracy_interval: Interval | None = None
    label_accuracy: float | None
    label_accuracy_interval: Interval | None = None
    distribution: VoteDistribution


@dataclass(frozen=True, kw_only=True)
class Scores(Record):
    """Every figure about one set of predictions.

    An interval is None where the scores are those of an older mien that had none, or where the faces can't tell.

    Attributes:
        model: the network; None for predictions read from a file, and for an ensemble, which is several networks.
        precision: of the bundle's graph, `fp32` or `int8`; None for a run.
        split: which faces; None for predictions read from a file.
        prior: share of each class that the probabilities assume; None: that of training.
        source: the data that the faces are from.
        synthetic: whether the faces were drawn.
        faces: how many have a target; all figures are of these.
        unlabelled: how many were left out since they have no target.
        duplicates: how many are exact duplicates of a training face; None where that is not known.
        classes: names in label order.
        absent: names of classes that are the target of no face.
        groups: of faces, by which the intervals are; None where each face counts as independent.
        bootstrap: how the intervals were made.
        accuracy: share of faces with the right label.
        accuracy_interval: of the accuracy.
        accuracy_interval_method: `wilson` where all faces are right, or all wrong.
        accuracy_standard_error: of the accuracy, as a fraction.
        published_accuracy: what the bundle's card gives for these very faces; None where it gives nothing.
        published_faces: the published data set among the scored faces that it is for; None where it is for the data of
            the bundle's own run.
        macro_f1: mean F1 of the classes that occur, each counting once.
        macro_f1_interval: of the macro-F1.
        balanced_accuracy: mean recall of the classes that occur.
        balanced_accuracy_interval: of the balanced accuracy.
        top2_accuracy: share of faces whose target is one of the two most probable classes; None below three classes.
        top2_accuracy_interval: Wilson's, of the top-2 accuracy.
        log_loss: mean of `-ln(probability of the target)`, in nats.
        log_loss_interval: of the log loss.
        brier: squared error summed over all classes, 0 to 2.
        brier_interval: of the Brier score.
        ece: expected calibration error of the most probable label.
        ece_interval: of the error that very many faces would have; None where all faces are right, or all wrong.
        ece_bins: what it is made from.
        class_calibration: the same of each class's probability, in label order; empty in scores of mien before 0.2.
        aurc: area under the curve of risk over coverage.
        aurc_interval: of the area; None where all faces are right, or all wrong.
        risk_coverage: points of that curve, coverage rising to 1.
        per_class: in label order.
        confusion: the matrix.
        confused_pairs: pairs of classes with the most errors between them, most errors first.
        top_confusions: single cells of the matrix with the most errors.
        without_duplicates: None where duplicates are not known, or all faces are some.
        annotators: None without FER+ votes, or where a class has no vote column.
        flip: None unless it was asked for.
        robustness: figures of corrupted faces; None unless they were asked for.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    model: ModelId | None = None
    precision: str | None = None
    split: str | None = None
    prior: dict[str, float] | None = None
    source: str
    synthetic: bool
    faces: int
    unlabelled: int
    duplicates: int | None
    classes: tuple[str, ...]
    absent: tuple[str, ...]
    groups: int | None = None
    bootstrap: Bootstrap
    accuracy: float
    accuracy_interval: Interval
    accuracy_interval_method: Literal["bootstrap", "wilson"]
    accuracy_standard_error: float
    published_accuracy: float | None = None
    published_faces: PublishedFaces | None = None
    macro_f1: float
    macro_f1_interval: Interval | None
    balanced_accuracy: float
    balanced_accuracy_interval: Interval | None = None
    top2_accuracy: float | None
    top2_accuracy_interval: Interval | None = None
    log_loss: float
    log_loss_interval: Interval | None = None
    brier: float
    brier_interval: Interval | None = None
    ece: float
    ece_interval: Interval | None = None
    ece_bins: tuple[CalibrationBin, ...]
    class_calibration: tuple[ClassCalibration, ...] = ()
    aurc: float
    aurc_interval: Interval | None = None
    risk_coverage: tuple[RiskPoint, ...]
    per_class: tuple[ClassScores, ...]
    confusion: Confusion
    confused_pairs: tuple[ConfusedPair, ...]
    top_confusions: TopConfusions
    without_duplicates: ScoresWithoutDuplicates | None
    annotators: AnnotatorScores | None
    flip: FlipScores | None = None
    robustness: Robustness | None = None
