"""`LabelAudit`: which faces of a data set are probably mislabelled, copied with other labels, or none at all."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from mien.core.data_summary import DuplicatesAcross
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import Interval

Reason = Literal["no face", "label", "conflict"]
"""Why a face is doubtful: it is none, its label is probably wrong, or a copy of it has another label."""


@dataclass(frozen=True, kw_only=True)
class DoubtfulFace(Record):
    """A face that a person should look at.

    Attributes:
        digest: of its pixels, as `digest_text` writes it: equal for exact copies, whatever the file and its order.
        id: how it is found in the source, as `FaceSet.ids`.
        split: which split it is in.
        label: the label that it has; None for a face without one.
        probable_label: the label that networks which did not learn from it find most probable; None if none judged it.
        score: 0 to 1, how much they speak for its label, as `mien.evaluation.label_scores.label_scores`; None without
            a label or a judge.
        reasons: why it is doubtful, one or more.
    """

    digest: str
    id: str
    split: str
    label: str | None
    probable_label: str | None
    score: float | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class CopiedFace(Record):
    """One of several faces that show the same picture.

    Attributes:
        picture: a number, from 1, that all faces with the same picture have.
        kind: how it differs from the first of them: `exact`, `near` (saved again, brighter) or `mirrored`.
        digest: as of `DoubtfulFace`, like the rest.
        id: how it is found in the source.
        split: which split it is in.
        label: the label that it has; None for a face without one.
    """

    picture: int
    kind: Literal["first", "exact", "near", "mirrored"]
    digest: str
    id: str
    split: str
    label: str | None


@dataclass(frozen=True, kw_only=True)
class LabelAgreement(Record):
    """How probable the judges find the labels, against the same labels dealt to the faces at random.

    Attributes:
        probability: mean probability of a face's label.
        at_random: the same for labels dealt at random.
        interval: the 95 % confidence interval of the difference.
    """

    probability: float
    at_random: float
    interval: Interval

    @property
    def is_better(self) -> bool:
        """Whether the interval lies above 0."""
        return self.interval[0] > 0


@dataclass(frozen=True, kw_only=True)
class LabelAudit(Record):
    """What an audit of labels has found; `audit.json`.

    Attributes:
        folder: where its files are.
        source: the data.
        synthetic: whether the faces were drawn.
        fingerprint: of the data, as `FaceSet.fingerprint`.
        models: what judged the faces.
        faces: how many there are.
        labelled: how many have a label.
        judged: how many of these were judged by a network that did not learn from them.
        doubtful: the faces to look at, those whose label is least credible first.
        copies: the faces of which there are several, exactly or nearly, picture by picture.
        copies_across: for each pair of splits, how many faces of one have a copy in the other.
        agreement: whether judges and labels have anything to do with each other; if not, no label is called wrong.
            None where it can't be told, since fewer than two labels were judged or all are the same, and in older
            audits.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    folder: str
    source: str
    synthetic: bool
    fingerprint: str
    models: tuple[str, ...]
    faces: int
    labelled: int
    judged: int
    doubtful: tuple[DoubtfulFace, ...]
    copies: tuple[CopiedFace, ...]
    copies_across: tuple[DuplicatesAcross, ...]
    agreement: LabelAgreement | None = None

    @property
    def judges_may_guess(self) -> bool:
        """Whether the judges speak for the labels no more than for labels dealt at random."""
        return self.agreement is not None and not self.agreement.is_better

    def count(self, reason: Reason) -> int:
        """Say how many faces are doubtful for a reason."""
        return sum(reason in face.reasons for face in self.doubtful)


def digest_text(digest: int) -> str:
    """Write one of `FaceSet.digests` so that a spreadsheet doesn't take it for a number.

    >>> digest_text(255)
    '0x00000000000000ff'
    """
    return f"0x{digest:016x}"
