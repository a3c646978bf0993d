"""What `mien explain` stores beside its arrays: which attribution methods to trust, filters, feature maps."""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class PairedDifference(Record):
    """A mean difference over faces.

    Attributes:
        difference: the mean; None where it is known of no face.
        interval: Student's, at 95 %; None where it is known of fewer than two faces.
    """

    difference: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class CurveScores(Record):
    """Deletion and insertion, as means over the faces.

    Attributes:
        deletion: area under the deletion curve, 0 to 1; lower is better.
        insertion: area under the insertion curve, 0 to 1; higher is better.
        score: insertion minus deletion.
        deletion_curve: probability of the explained class after each step, from the whole face to nothing of it.
        insertion_curve: the same while the face comes back.
    """

    deletion: float
    insertion: float
    score: float
    deletion_curve: tuple[float, ...]
    insertion_curve: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MaskScore(Record):
    """How much of the attribution falls on the pixels that truly carry the expression, known for drawn faces.

    Attributes:
        share: mean share of the positive attribution inside the mask; None where no map has any.
        over_area: share minus the mask's area.
    """

    share: float | None
    over_area: PairedDifference


@dataclass(frozen=True, kw_only=True)
class MethodScores(CurveScores):
    """The checks of one attribution method.

    Attributes:
        over_controls: for each control, the method's score minus the control's, paired over the faces.
        beats_controls: whether every one of these intervals lies above 0.
        randomisation: for each stage, the mean rank correlation of the absolute maps with those of random weights.
        regions: mean share of the positive attribution on each part of the face; None where no map has any.
        features_over_area: share on brows, eyes, nose and mouth, minus their area.
        mask: None where no mask is known.
        convergence_delta: mean distance of the maps' sums from the sum that theory demands, in logits; None for
            methods without such a demand.
    """

    over_controls: dict[str, PairedDifference]
    beats_controls: bool
    randomisation: dict[str, float]
    regions: dict[str, float | None]
    features_over_area: PairedDifference
    mask: MaskScore | None
    convergence_delta: float | None


@dataclass(frozen=True, kw_only=True)
class MethodComparison(Record):
    """Every method through every check, on the same faces.

    Attributes:
        faces: how many faces.
        randomised_faces: how many of them the check with random weights took.
        methods: the scores of each method.
        controls: the curves of orders that know nothing of the network.
        region_areas: share of the picture that each part of the face covers.
        mask_area: mean share of the picture that the masks cover; None without masks.
    """

    faces: int
    randomised_faces: int
    methods: dict[str, MethodScores]
    controls: dict[str, CurveScores]
    region_areas: dict[str, float]
    mask_area: float | None


@dataclass(frozen=True, kw_only=True)
class Explanation(Record):
    """`explain/attribution.json`: what was explained, and which method to trust.

    Attributes:
        model: the run's network.
        source: where the faces were read from.
        synthetic: whether they were drawn.
        classes: the class names in label order.
        split: which faces.
        methods: the attribution methods.
        share: share of the pixels that are blanked in a masked face.
        layer: where Grad-CAM looks.
        filters: the layer whose filters and feature maps are shown.
        seed: of all that is random.
        comparison: of the methods.
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


@dataclass(frozen=True, kw_only=True)
class FilterSummary(Record):
    """`explain/filters.json`: how the pictures of a layer's filters were made.

    Attributes:
        model: the run's network.
        layer: its name.
        filters: how many of its filters have a picture.
        layer_filters: how many filters the layer has.
        faces: among how many faces those were sought that excite a filter most.
        synthetic: whether these were drawn.
        above_all_faces: how many pictures excite their filter more than every one of these faces.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    model: ModelId
    layer: str
    filters: int
    layer_filters: int
    faces: int
    synthetic: bool
    above_all_faces: int


@dataclass(frozen=True, kw_only=True)
class FeatureMapSummary(Record):
    """`explain/feature_maps.json`: what the stored feature maps are of.

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
