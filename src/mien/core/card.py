"""`Card`: what a bundle says about its network; `card.json` holds it.  `docs/exporting.md` explains it.

Shares are fractions (0.72, not 72).
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import ConfusedPair, RiskPoint, ScoresWithoutDuplicates
from mien.core.stats import Interval

GraphPrecision = Literal["fp32", "int8"]
Share = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class CardInput(Record):
    """What the graph takes, and how a picture becomes that.

    Attributes:
        name: of the graph's input.
        dtype: `uint8`.
        shape: `N`, height and width in pixels.
        channels: which grey levels.
        crop_margin: the part of the side of a detected face's square that is added on each side before it is resized.
        resize: how.
    """

    name: str
    dtype: str
    shape: tuple[str | int, ...]
    channels: str
    crop_margin: Share
    resize: str


@dataclass(frozen=True, kw_only=True)
class CardOutput(Record):
    """What the graph gives: its name, dtype, and shape `N` by the number of classes."""

    name: str
    dtype: str
    shape: tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class CardNetwork(Record):
    """The network: its name in the registry, its size, the multiply-adds per face, and the ONNX opset of the graph."""

    model: str
    parameters: int
    macs: int
    opset: int


@dataclass(frozen=True, kw_only=True)
class GraphFile(Record):
    """One graph: the file's name, its size in bytes, and its sha256."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DefaultPrecision(Record):
    """Which graph is used by default, and why."""

    default: GraphPrecision
    reason: str


@dataclass(frozen=True, kw_only=True)
class Differences(Record):
    """How far two sets of probabilities of the same faces differ.

    Attributes:
        faces: how many faces.
        max: the largest absolute difference of a probability.
        mean: the mean absolute difference over faces and classes.
        other_label: how many faces get another label.
    """

    faces: int
    max: float
    mean: float
    other_label: int


@dataclass(frozen=True, kw_only=True)
class Parity(Record):
    """The graphs compared, on the faces that the run held out: fp32 with the network, int8 with fp32."""

    fp32_to_network: Differences
    int8_to_fp32: Differences


@dataclass(frozen=True, kw_only=True)
class ClassRecall(Record):
    """The share of a class's faces that get its label; None without faces."""

    name: str
    faces: int
    recall: float | None


@dataclass(frozen=True, kw_only=True)
class CardScores(Record):
    """The scores of one graph; the fields are those of `mien.core.scores.Scores`.

    `annotator_accuracy` is the accuracy against the plurality of FER+'s annotators, None without votes.
    """

    source: str
    faces: int
    accuracy: Share
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval | None
    ece: float
    log_loss: float
    without_duplicates: ScoresWithoutDuplicates | None
    per_class: tuple[ClassRecall, ...]
    confused_pairs: tuple[ConfusedPair, ...]
    annotator_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class ScoresByPrecision(Record):
    """The scores of both graphs on the faces of `split`, also of one that the bundle leaves out."""

    split: str
    fp32: CardScores
    int8: CardScores

    def of(self, precision: GraphPrecision) -> CardScores:
        """Return the scores of one graph."""
        return self.fp32 if precision == "fp32" else self.int8


@dataclass(frozen=True, kw_only=True)
class HeldOutAccuracy(Record):
    """The accuracy of both graphs on the faces that the run held out, which chose the default."""

    faces: int
    fp32: float
    int8: float


@dataclass(frozen=True, kw_only=True)
class Abstention(Record):
    """What is gained by giving no label to uncertain faces.

    Attributes:
        precision: of the graph.
        held_out_curve: risk and coverage on the faces that the run held out.
        curve: the same on the scored faces; None where these are the held-out ones.
        max_risk: the share of wrong labels that was asked for; None where nothing was asked for.
        threshold: the top probability from which on the held-out faces keep to it; None where none does.
        held_out: what the threshold gives on the held-out faces.
        scored: what it gives on the scored faces.
    """

    precision: GraphPrecision
    held_out_curve: tuple[RiskPoint, ...]
    curve: tuple[RiskPoint, ...] | None
    max_risk: float | None = None
    threshold: float | None = None
    held_out: RiskPoint | None = None
    scored: RiskPoint | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingData(Record):
    """What the network learned from.

    Attributes:
        source: the file's name.
        labels: `own`, or `ferplus` for the majority of FER+'s annotators.
        votes: the name of the file with the votes, or None.
        fingerprint: as `FaceSet.fingerprint`.
        row_fingerprint: as `FaceSet.row_fingerprint`.
        synthetic: whether the faces were drawn.
        splits: faces in each split.
        training: faces of each class that were learned from.
        held_out: faces of each class that were held out.
    """

    source: str
    labels: Literal["own", "ferplus"]
    votes: str | None
    fingerprint: str
    row_fingerprint: str
    synthetic: bool
    splits: dict[str, int]
    training: dict[str, int]
    held_out: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CardTraining(Record):
    """How the network was trained.

    Attributes:
        data: what it learned from.
        recipe: its name.
        config: the run's, with file names instead of paths.
        versions: of the packages that trained it.
        git_commit: of the source code, or None.
        weights_sha256: of the run's `model.safetensors`, by which a run finds its bundle again; None where not known.
    """

    data: TrainingData
    recipe: str
    config: dict[str, Any]
    versions: dict[str, str]
    git_commit: str | None
    weights_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Licence(Record):
    """The licence of the weights, and the terms of the data."""

    weights: str
    data: str


@dataclass(frozen=True, kw_only=True)
class Card(Record):
    """Everything that a bundle says about its network.

    Attributes:
        name: the bundle's own.
        synthetic: whether it learned from drawn faces.
        classes: names in the order of the graph's output.
        input: of the graph.
        output: of the graph.
        network: its size.
        normalisation: its kind; it is part of the graph.
        temperature: by which logits are divided; it is part of the graph.
        files: the graphs in the bundle.
        precision: which of them is the default.
        parity: of the graphs.
        scores: of the graphs.
        held_out_accuracy: of the graphs.
        abstention: what is gained by giving no label to uncertain faces.
        limits: what it is not made for, and where it fails, in sentences.
        training: what it learned from, and how.
        licence: of weights and data.
        versions: of the packages that exported it.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    name: str
    synthetic: bool
    classes: tuple[str, ...]
    input: CardInput
    output: CardOutput
    network: CardNetwork
    normalisation: str
    temperature: float
    files: dict[GraphPrecision, GraphFile]
    precision: DefaultPrecision
    parity: Parity
    scores: ScoresByPrecision
    held_out_accuracy: HeldOutAccuracy
    abstention: Abstention
    limits: tuple[str, ...]
    training: CardTraining
    licence: Licence
    versions: dict[str, str]
