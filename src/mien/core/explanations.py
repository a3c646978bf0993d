"""What `mien explain` stores besides its arrays: the checks of the attribution methods, filters, feature maps."""

from dataclasses import dataclass, field
from typing import ClassVar

from mien.core.guessing import AgainstGuessing
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval

HIGH_CORRELATION = 0.3
"""A method's maps must correlate less than this, by rank, with those of random weights; 0.3 explains a tenth of the
variance of the ranks."""

LEAST_LEAD = 0.02
"""By how much the features of the face must surely be ahead of what knows nothing of them, in the share of a map and in
how far a probability falls.  Either changes by that much when the template of the face is shifted by two pixels, about
as far as single faces lie beside it."""


@dataclass(frozen=True, kw_only=True)
class PairedDifference(Record):
    """A mean difference over faces.

    Attributes:
        difference: the mean; None if it is known for no face.
        interval: its 95 % confidence interval (Student's t); None if it is known for fewer than two faces.
    """

    difference: float | None
    interval: Interval | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval lies above `LEAST_LEAD`."""
        return self.interval is not None and self.interval[0] > LEAST_LEAD


@dataclass(frozen=True, kw_only=True)
class CurveScores(Record):
    """Results of deletion and insertion, averaged over the faces.

    Attributes:
        deletion: area under the deletion curve, 0 to 1; lower is better.
        insertion: area under the insertion curve, 0 to 1; higher is better.
        score: insertion minus deletion.
        deletion_curve: probability of the explained class after each step, from the whole face to nothing of it.
        insertion_curve: the same from the blurred face to the whole face.
    """

    deletion: float
    insertion: float
    score: float
    deletion_curve: tuple[float, ...]
    insertion_curve: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MaskScore(Record):
    """How much of the attribution lies on the pixels that carry the expression; known for drawn faces only.

    Attributes:
        share: mean share of the positive attribution inside the mask; None if no map has a positive value.
        over_area: share minus the mask's area.
    """

    share: float | None
    over_area: PairedDifference


@dataclass(frozen=True, kw_only=True)
class NullShare(Record):
    """How much of a map that knows nothing of expressions lies on brows, eyes, nose and mouth.

    Attributes:
        share: mean share; None if it is known for no face.
        lead: the method's share minus this one.
    """

    share: float | None
    lead: PairedDifference


@dataclass(frozen=True, kw_only=True)
class BlankedElsewhere(Record):
    """As much of the face blanked as its features take, but in another place.

    Attributes:
        probability: mean probability of the faces' labels.
        lead: by how much lower it is with the features blanked.
    """

    probability: float
    lead: PairedDifference


@dataclass(frozen=True, kw_only=True)
class BlankedFeatures(Record):
    """How much a network needs brows, eyes, nose and mouth; probabilities are means of that of each face's label.

    Attributes:
        faces: number of faces.
        whole: probability for whole faces.
        blanked: probability with the features blanked.
        area: share of the picture that is blanked.
        elsewhere: by the name of another place, the same with as much blanked there.
    """

    faces: int
    whole: float
    blanked: float
    area: float
    elsewhere: dict[str, BlankedElsewhere]


@dataclass(frozen=True, kw_only=True)
class MethodScores(CurveScores):
    """The results of one attribution method.

    Attributes:
        over_controls: for each control, the method's score minus the control's, paired by face.
        beats_controls: whether every one of these intervals lies above 0.
        randomisation: for each stage, the mean rank correlation of the absolute maps with those of random weights.
        randomisation_intervals: the 95 % confidence interval of each of these means; empty in older explanations.
        regions: mean share of the positive attribution on each part of the face; None if no map has a positive value.
        features_over_area: share on brows, eyes, nose and mouth, minus their area.
        mask: the share on the masks; None without masks.
        convergence_delta: mean absolute convergence delta of integrated gradients, in logits; None for other methods.
    """

    over_controls: dict[str, PairedDifference]
    beats_controls: bool
    randomisation: dict[str, float]
    regions: dict[str, float | None]
    features_over_area: PairedDifference
    mask: MaskScore | None
    convergence_delta: float | None
    randomisation_intervals: dict[str, Interval | None] = field(default_factory=dict)

    @property
    def depends_on_weights(self) -> bool:
        """Whether the maps are others when all weights are random: the interval lies below `HIGH_CORRELATION`."""
        interval = self.randomisation_intervals.get("all layers")
        highest = self.randomisation["all layers"] if interval is None else interval[1]
        return highest < HIGH_CORRELATION

    @property
    def is_trusted(self) -> bool:
        """Whether the method beats both controls and its maps depend on what was learned."""
        return self.beats_controls and self.depends_on_weights


@dataclass(frozen=True, kw_only=True)
class MethodComparison(Record):
    """All checks of all methods, on the same faces.

    Attributes:
        faces: number of faces.
        randomised_faces: number of faces in the check with random weights.
        methods: the results of each method.
        controls: the results of orders that don't depend on the network.
        region_areas: each region's share of the picture.
        mask_area: mean share of the picture inside the masks; None without masks.
        nulls: what the share of the leading method's maps on the features of the face is compared with; empty where no
            method leads, and in older explanations.
    """

    faces: int
    randomised_faces: int
    methods: dict[str, MethodScores]
    controls: dict[str, CurveScores]
    region_areas: dict[str, float]
    mask_area: float | None
    nulls: dict[str, NullShare] = field(default_factory=dict)

    @property
    def trusted(self) -> tuple[str, ...]:
        """The methods that beat both controls and whose maps depend on what was learned."""
        return tuple(name for name, method in self.methods.items() if method.is_trusted)

    @property
    def leading(self) -> str | None:
        """The trusted method with the highest score; None if none is trusted."""
        return max(self.trusted, key=lambda name: self.methods[name].score, default=None)


@dataclass(frozen=True, kw_only=True)
class Explanation(Record):
    """`explain/attribution.json`: what was explained, and the comparison of the methods.

    Attributes:
        model: the run's network.
        source: where the faces were read from.
        synthetic: whether they were drawn.
        classes: the class names in label order.
        split: the split that the faces belong to.
        methods: the attribution methods.
        share: share of the pixels that is blanked in a masked face.
        layer: the layer for Grad-CAM.
        filters: the layer whose filters and feature maps are shown.
        seed: seed of everything random.
        comparison: the comparison of the methods.
        against_guessing: whether the network does better on the split than a guess; None in older explanations.
        features: what becomes of the split's faces without their features; None in older explanations.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    model: ModelId
    source: str
    synthetic: bool
    classes: tuple[str, ...]
    split: str
    methods: tuple[str, ...]
    share: float
    layer: str
    filters: str
    seed: int
    comparison: MethodComparison
    against_guessing: AgainstGuessing | None = None
    features: BlankedFeatures | None = None


@dataclass(frozen=True, kw_only=True)
class FilterSummary(Record):
    """`explain/filters.json`: how the pictures of a layer's filters were made.

    Attributes:
        model: the run's network.
        layer: its name.
        filters: number of filters that have a picture.
        layer_filters: number of filters in the layer.
        faces: number of faces that were searched for those that activate a filter most.
        synthetic: whether these faces were drawn.
        above_all_faces: number of pictures that activate their filter more than any of these faces.
        simple_pictures: number of greys, stripes, checks and blobs that were searched in the same way; 0 in what mien
            0.2.0 and older wrote, which searched none.
        above_all_simple: number of pictures that activate their filter more than any of these.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    model: ModelId
    layer: str
    filters: int
    layer_filters: int
    faces: int
    synthetic: bool
    above_all_faces: int
    simple_pictures: int = 0
    above_all_simple: int = 0


@dataclass(frozen=True, kw_only=True)
class FeatureMapSummary(Record):
    """`explain/feature_maps.json`: the layer and the face of the stored feature maps.

    Attributes:
        model: the run's network.
        layer: the name of the layer.
        face: the id of the face.
        synthetic: whether it was drawn.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    model: ModelId
    layer: str
    face: str
    synthetic: bool
