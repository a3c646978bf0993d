"""`Card`: the content of `card.json`, which describes a bundle's network.  `docs/exporting.md` explains it.

Shares are fractions (0.72, not 72).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from mien.core.confusions import ConfusedPair
from mien.core.errors import UsageError
from mien.core.prior import Prior, prior_shares
from mien.core.records import Record
from mien.core.robustness import Robustness
from mien.core.run_record import InitialWeights
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import RiskPoint, ScoresWithoutDuplicates
from mien.core.stats import Interval
from mien.core.text import percentage

GraphPrecision = Literal["fp32", "int8"]
Share = Annotated[float, Meta(ge=0, le=1)]


CROP_MARGIN = 0.0
"""The margin added on each side of a detected face's square before it is resized, as a share of its side.

It is 0, because FER2013's faces are a detector's boxes without a margin, from brows to chin.  A network that learned
such faces lost 16 points of accuracy on faces with one.  A face of 48×48 pixels is used as it is.
"""


@dataclass(frozen=True, kw_only=True)
class CardInput(Record):
    """The graph's input, and how a picture is prepared for it.

    Attributes:
        name: name of the input.
        dtype: `uint8`.
        shape: `N`, height and width in pixels.
        channels: how grey levels are computed.
        crop_margin: margin added on each side of a detected face's square before it is resized, as a share of its side.
        resize: how pictures are resized.
    """

    name: str
    dtype: str
    shape: tuple[str | int, ...]
    channels: str
    crop_margin: Share
    resize: str


@dataclass(frozen=True, kw_only=True)
class CardOutput(Record):
    """The graph's output: its name, dtype, and shape (`N` and the number of classes)."""

    name: str
    dtype: str
    shape: tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class CardNetwork(Record):
    """The network: its name in the registry, its size, the multiply-adds per face, and the ONNX opset of the graph.

    Where the graph averages a face and its mirror image, the multiply-adds are those of both.
    """

    model: str
    parameters: int
    macs: int
    opset: int


@dataclass(frozen=True, kw_only=True)
class GraphFile(Record):
    """One graph, or the weights: the file's name, its size in bytes, and its sha256."""

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
        faces: number of faces.
        max: the largest absolute difference of a probability.
        mean: the mean absolute difference over faces and classes.
        other_label: number of faces that get another label.
    """

    faces: int
    max: float
    mean: float
    other_label: int


@dataclass(frozen=True, kw_only=True)
class Parity(Record):
    """Comparison on the faces that the run held out: the fp32 graph with the network, int8 with fp32."""

    fp32_to_network: Differences
    int8_to_fp32: Differences


@dataclass(frozen=True, kw_only=True)
class ClassRecall(Record):
    """The share of a class's faces that are labelled correctly, with its interval; None for a class without faces."""

    name: str
    faces: int
    recall: float | None
    recall_interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class CardScores(Record):
    """The scores of one graph; the fields are those of `mien.core.scores.Scores`.

    `annotator_accuracy` is the accuracy against the plurality of FER+'s annotators, None without votes; `robustness`
    are the figures of corrupted faces, None where they were not measured.
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
    ece_interval: Interval | None = None
    log_loss_interval: Interval | None = None
    robustness: Robustness | None = None


@dataclass(frozen=True, kw_only=True)
class ScoresByPrecision(Record):
    """The scores of both graphs on the faces of `split`, even if the bundle holds only one of them.

    `data_set` is the published data set that these faces are, with its own name for the split: `FER2013 PublicTest`.
    """

    split: str
    data_set: str | None = None
    fp32: CardScores
    int8: CardScores

    def of(self, precision: GraphPrecision) -> CardScores:
        """Return the scores of one graph."""
        return self.fp32 if precision == "fp32" else self.int8


@dataclass(frozen=True, kw_only=True)
class HeldOutAccuracy(Record):
    """The accuracy of both graphs on the faces that the run held out, by which the default was chosen."""

    faces: int
    fp32: float
    int8: float

    def of(self, precision: GraphPrecision) -> float:
        """Return the accuracy of one graph."""
        return self.fp32 if precision == "fp32" else self.int8


@dataclass(frozen=True, kw_only=True)
class FlipGain(Record):
    """A graph that averages the logits of each face and its mirror image, beside the same graph of the face alone.

    Attributes:
        alone_held_out_accuracy: of the face alone, on the faces that the run held out.
        alone_accuracy: the same on the scored faces.
        gain: by how much the accuracy on the scored faces is higher with both views, as a fraction.
        gain_interval: of the gain, from a paired bootstrap.
        milliseconds: processor time of one thread per face, on the machine that exported.
        alone_milliseconds: the same for the face alone.
    """

    alone_held_out_accuracy: Share
    alone_accuracy: Share
    gain: float
    gain_interval: Interval
    milliseconds: float
    alone_milliseconds: float

    @property
    def text(self) -> str:
        """What the face alone gives and takes."""
        alone = f"{percentage(self.alone_accuracy)} right, {self.alone_milliseconds:.2f} ms per face"
        return f"the face without its mirror image: {alone} instead of {self.milliseconds:.2f} ms"


@dataclass(frozen=True, kw_only=True)
class Abstention(Record):
    """Risk and coverage when faces with a low top probability get no label.

    Attributes:
        precision: the graph that was measured.
        held_out_curve: risk and coverage on the faces that the run held out.
        curve: the same on the scored faces; None if these are the held-out ones.
        max_risk: the largest share of wrong labels that the user allows; None if not given.
        confidence: how sure it is that other faces of the same kind keep to `max_risk`, 0.95; None in cards of an older
            mien, whose threshold kept to it on the held-out faces alone.
        threshold: the lowest top probability found that keeps to `max_risk`; None if there is none.
        held_out: risk and coverage of the threshold on the held-out faces.
        scored: the same on the scored faces.
    """

    precision: GraphPrecision
    held_out_curve: tuple[RiskPoint, ...]
    curve: tuple[RiskPoint, ...] | None
    max_risk: float | None = None
    confidence: float | None = None
    threshold: float | None = None
    held_out: RiskPoint | None = None
    scored: RiskPoint | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingData(Record):
    """What the network learned from.

    Attributes:
        source: name of the file.
        labels: `own`, or `ferplus` for the majority of FER+'s annotators.
        detect: whether the faces were found in larger pictures and cut out.
        not_found: how many pictures were left out then because no face was found.
        votes: the name of the file with the votes, or None.
        fingerprint: as `FaceSet.fingerprint`.
        row_fingerprint: as `FaceSet.row_fingerprint`.
        synthetic: whether the faces were drawn.
        splits: number of faces in each split.
        training: number of faces of each class that were learned from.
        held_out: number of faces of each class that were held out.
        left_out: how many faces were not learned from because the user's file `exclude` names them.
        shares: share of each class in what was learned, where votes count by their parts; empty in a bundle of an
            older mien, where it follows from `training`.
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
    detect: bool = False
    not_found: int = 0
    left_out: int = 0
    shares: dict[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CardTraining(Record):
    """How the network was trained.

    Attributes:
        data: what it learned from.
        recipe: name of the recipe.
        config: the run's config, with file names instead of paths.
        versions: versions of the packages that trained it.
        git_commit: commit of the source code, or None.
        weights_sha256: sha256 of the run's `model.safetensors`, by which a run finds its bundle; None if unknown.
        init: the trained network that it began with; None where it began with random weights.
    """

    data: TrainingData
    recipe: str
    config: dict[str, Any]
    versions: dict[str, str]
    git_commit: str | None
    weights_sha256: str | None = None
    init: InitialWeights | None = None


@dataclass(frozen=True, kw_only=True)
class Licence(Record):
    """The licence of the weights, and the terms of the data."""

    weights: str
    data: str


@dataclass(frozen=True, kw_only=True)
class Card(Record):
    """Everything that a bundle says about its network.

    Attributes:
        name: name of the bundle.
        synthetic: whether the network learned from drawn faces.
        classes: class names in the order of the graph's output.
        input: the graph's input.
        output: the graph's output.
        network: name and size of the network.
        normalisation: kind of normalisation; it is part of the graph.
        temperature: divisor of the logits; it is part of the graph.
        bias: what is then added to each class's logit; part of the graph, too; empty if nothing.
        files: the graphs in the bundle.
        flip: what each graph in the bundle gains by averaging the logits of each face and its mirror image; empty: they
            see the face alone.
        weights: the file with the weights in 16 bits, from which other networks can start; None where there is none.
        precision: the default graph, and why.
        parity: differences between network and graphs.
        scores: scores of the graphs.
        held_out_accuracy: accuracy of the graphs on the faces that the run held out.
        abstention: risk and coverage when uncertain faces get no label.
        limits: sentences on what the network is not made for, and where it fails.
        training: what the network learned from, and how.
        licence: licence of the weights, and terms of the data.
        versions: versions of the packages that exported the bundle.
        prior: the share of each class that the probabilities assume; None: that of training.
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
    prior: dict[str, Share] | None = None
    bias: dict[str, float] = field(default_factory=dict)
    flip: dict[GraphPrecision, FlipGain] = field(default_factory=dict)
    weights: GraphFile | None = None

    @property
    def training_shares(self) -> dict[str, float]:
        """The share of each class in what the network learned, in the order of the classes."""
        data = self.training.data
        weights: Mapping[str, float] = data.shares or data.training
        total = sum(weights.values()) or 1.0
        return {name: weights.get(name, 0.0) / total for name in self.classes}

    @property
    def assumed_shares(self) -> dict[str, float]:
        """The share of each class that the probabilities assume, in the order of the classes."""
        if self.prior is None:
            return self.training_shares
        return {name: self.prior.get(name, 0.0) for name in self.classes}

    def shares_for(self, prior: Prior) -> dict[str, float]:
        """Return the shares that a prior means for this network, see `mien.core.prior.prior_shares`.

        Raises:
            UsageError: as there; or it has a class that the graphs were exported without.
        """
        shares = prior_shares(prior, training=self.training_shares)
        assumed = self.assumed_shares
        lost = [name for name, share in shares.items() if share and not assumed[name]]
        if lost:
            raise UsageError(
                f"prior: {self.name} was exported for faces without {' and '.join(lost)}, and can't give that again; "
                "give it 0, or export the run with another --prior"
            )
        return shares

    def warnings(self) -> tuple[str, ...]:
        """Say what the network was not made for, in sentences: drawn faces, and classes that it never saw."""
        found = []
        if self.synthetic:
            found.append(f"{self.name} learned from drawn faces alone: its labels say nothing of real ones")
        missing = [name for name in self.classes if not self.training.data.training.get(name)]
        if missing:
            found.append(f"{self.name} never saw a face of {' and '.join(missing)}: it can't recognise that")
        return tuple(found)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: scores, classes and limits."""
        from mien.core.notebook import show
        from mien.core.summaries import summarise

        title, *rest = summarise(self)
        return show([title, "", f"It tells apart: {', '.join(self.classes)}.", *rest, *self.limits])
