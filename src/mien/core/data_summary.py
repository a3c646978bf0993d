"""`DataSummary`: what a data set holds, counted; a run keeps it as `data.json`."""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.known import KnownFaces
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class SplitSummary(Record):
    """The faces of one split: how many, how many of them without a label, and how many of each class."""

    faces: int
    unlabelled: int
    classes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class DuplicatesAcross(Record):
    """How many `faces` of `split` are exact copies of a face of `other`."""

    split: str
    other: str
    faces: int


@dataclass(frozen=True, kw_only=True)
class Duplicates(Record):
    """Exact copies, pixel by pixel.

    Attributes:
        within: for each split, how many faces repeat an earlier one of the same split.
        across: one entry for each pair of splits.  In FER2013, 280 faces of `test` are copies of one of `train`.
    """

    within: dict[str, int]
    across: tuple[DuplicatesAcross, ...]


@dataclass(frozen=True, kw_only=True)
class Conflicts(Record):
    """Groups of identical faces with different labels: how many `groups`, and how many `faces` are in them."""

    groups: int
    faces: int


@dataclass(frozen=True, kw_only=True)
class Agreement(Record):
    """The share of labelled faces whose label is FER+'s plurality: of all, and by class (None for an empty class)."""

    all: float
    classes: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class VoteSummary(Record):
    """FER+'s votes: the number of faces whose plurality is "not a face", and how far the labels agree with the votes.

    `agreement` is None where a class is none of FER+'s, or where nothing is labelled.
    """

    not_a_face: int
    agreement: Agreement | None


@dataclass(frozen=True, kw_only=True)
class DataSummary(Record):
    """What is in a data set, and what a person should look at before training on it.

    Attributes:
        source: where the faces were read from.
        synthetic: whether they were drawn.
        fingerprint: as `FaceSet.fingerprint`.
        faces: how many there are.
        classes: the class names in label order.
        unlabelled: how many faces have no label.
        blank: how many faces have a single grey level.
        splits: each split by its name, in the order of the data.
        duplicates: exact copies within and across splits.
        conflicts: identical faces with different labels.
        votes: FER+'s votes; None where the data have none.
        not_found: the pictures that were left out because no face was found in them.
        notes: what the reader decided that a person should know, one sentence each.
        known: a published data set that is among the faces, whatever their labels; None where there is none.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    source: str
    synthetic: bool
    fingerprint: str
    faces: int
    classes: tuple[str, ...]
    unlabelled: int
    blank: int
    splits: dict[str, SplitSummary]
    duplicates: Duplicates
    conflicts: Conflicts
    votes: VoteSummary | None
    not_found: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known: KnownFaces | None = None
