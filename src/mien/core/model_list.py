"""`ModelList`: the networks that can be trained, and the bundles that ship."""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.card import GraphPrecision
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class NetworkInfo(Record):
    """One network of the registry.

    Attributes:
        name: what `train` calls it.
        parameters: all of them.
        trainable: those that training changes.
        non_trainable: running means and variances of batch norms.
        macs: multiply-adds of convolutions and dense layers for one face.
        input: channels, height and width of a face.
    """

    name: str
    parameters: int
    trainable: int
    non_trainable: int
    macs: int
    input: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class ShippedBundle(Record):
    """One bundle that ships with mien, in its default precision.

    Attributes:
        model: which network it is.
        classes: what it tells apart.
        precision: `int8` or `fp32`.
        bytes: size of the graph.
        accuracy: on the faces below, a fraction.
        accuracy_interval: at 95 %.
        faces: how many faces.
        source: the data.
        split: which faces of the data.
    """

    model: ModelId
    classes: tuple[str, ...]
    precision: GraphPrecision
    bytes: int
    accuracy: float
    accuracy_interval: Interval
    faces: int
    source: str
    split: str


@dataclass(frozen=True, kw_only=True)
class ModelList(Record):
    """The networks that can be trained (empty without PyTorch, which counts their parameters), and what ships."""

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    networks: tuple[NetworkInfo, ...]
    bundles: tuple[ShippedBundle, ...]
