"""What a data set holds, and what may be wrong with it, before anything is trained on it.  Axes: `N` faces."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mien.core.data_summary import (
    Agreement,
    Conflicts,
    DataSummary,
    Duplicates,
    DuplicatesAcross,
    SplitSummary,
    VoteSummary,
)
from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet, fingerprint
from mien.core.known import KnownFaces
from mien.core.labels import FERPLUS_NAMES, FERPLUS_VOTES
from mien.data.known import recognise


def summarise(parts: Iterable[FaceSet]) -> DataSummary:
    """Count what is in the faces of one or more sets with the same classes, and what a person should look at.

    Memory stays small where the sets come one after the other: about 130 bytes per face are kept.

    Raises:
        DataError: there are no faces.
    """
    counted = CountedFaces.of(parts)
    classes = counted.first.classes
    splits = {}
    for name in counted.split_names:
        splits[name] = _count_classes(counted.targets[counted.is_in(name)], classes)
    return DataSummary(
        source=counted.first.source,
        synthetic=counted.first.synthetic,
        fingerprint=fingerprint(counted.digests, counted.targets, counted.splits, classes=classes),
        faces=len(counted.targets),
        classes=classes,
        unlabelled=int((counted.targets == UNLABELLED).sum()),
        blank=int(counted.blank.sum()),
        splits=splits,
        duplicates=count_duplicates(counted),
        conflicts=count_conflicts(counted),
        votes=count_votes(counted) if counted.first.vote_names == FERPLUS_VOTES else None,
        not_found=tuple(counted.not_found),
        notes=tuple(counted.notes),
        known=_known(counted),
    )


@dataclass(frozen=True, eq=False)
class CountedFaces:
    """All of N faces but their pixels, so that more can be described than memory holds.

    Attributes:
        first: the first of the sets that they come from, for what all have in common.
        digests: `uint64 (N,)`, equal for exact copies.
        blank: `bool (N,)`, faces with a single grey level.
        targets: `int64 (N,)`.
        splits: `str (N,)`.
        votes: `uint8 (N, V)`, or None.
        not_found: the pictures in which no face was found.
        notes: what their reader decided, each note once.
    """

    first: FaceSet
    digests: NDArray[np.uint64]
    blank: NDArray[np.bool_]
    targets: NDArray[np.int64]
    splits: NDArray[np.str_]
    votes: NDArray[np.uint8] | None
    not_found: list[str]
    notes: list[str]

    @classmethod
    def of(cls, parts: Iterable[FaceSet]) -> "CountedFaces":
        """Take in sets one after the other; only the first set's pixels are kept."""
        first: FaceSet | None = None
        digests, blank, targets, splits, votes = [], [], [], [], []
        not_found: list[str] = []
        notes: dict[str, None] = {}
        for part in parts:
            first = first or part
            pixels = part.images.reshape(len(part), -1)  # (N, H·W)
            digests.append(part.digests)
            blank.append(pixels.min(axis=1) == pixels.max(axis=1))
            targets.append(part.targets)
            splits.append(part.splits)
            if part.votes is not None:
                votes.append(part.votes)
            not_found += part.not_found
            notes |= dict.fromkeys(part.notes)
        if first is None:
            raise DataError("no faces to describe")
        return cls(
            first=first,
            digests=np.concatenate(digests),
            blank=np.concatenate(blank),
            targets=np.concatenate(targets),
            splits=np.concatenate(splits),
            votes=np.concatenate(votes) if votes else None,
            not_found=not_found,
            notes=list(notes),
        )

    @cached_property
    def split_names(self) -> list[str]:
        """The splits, in the order in which they first occur."""
        names, first = np.unique(self.splits, return_index=True)
        return [str(name) for name in names[np.argsort(first)]]

    def is_in(self, split: str) -> NDArray[np.bool_]:
        """`bool (N,)`: which faces belong to a split."""
        mask: NDArray[np.bool_] = self.splits == split
        return mask


def _count_classes(targets: NDArray[np.int64], classes: tuple[str, ...]) -> SplitSummary:
    labelled = targets[targets != UNLABELLED]
    counts = np.bincount(labelled, minlength=len(classes)).tolist()
    return SplitSummary(
        faces=len(targets),
        unlabelled=len(targets) - len(labelled),
        classes=dict(zip(classes, counts, strict=True)),
    )


def _known(counted: CountedFaces) -> KnownFaces | None:
    """Look for a published data set in each split, since others may have copies of its faces; then in all together."""
    parts = [counted.digests[counted.is_in(name)] for name in counted.split_names]
    for digests in (*parts, counted.digests):
        recognised = recognise(digests, classes=counted.first.classes)
        if recognised is not None:
            return recognised.known
    return None


def count_duplicates(counted: CountedFaces) -> Duplicates:
    """Count exact copies, pixel by pixel."""
    digests = {name: counted.digests[counted.is_in(name)] for name in counted.split_names}
    within = {name: len(part) - len(np.unique(part)) for name, part in digests.items()}
    across = []
    for earlier, later in combinations(digests, 2):
        faces = int(np.isin(digests[later], digests[earlier]).sum())
        across.append(DuplicatesAcross(split=later, other=earlier, faces=faces))
    return Duplicates(within=within, across=tuple(across))


def count_conflicts(counted: CountedFaces) -> Conflicts:
    """Count the groups of identical faces with different labels, and the faces in them, all labelled."""
    labelled = counted.targets != UNLABELLED
    digests = counted.digests[labelled]
    pairs = np.unique(np.stack([digests, counted.targets[labelled].astype(np.uint64)], axis=1), axis=0)
    groups, labels = np.unique(pairs[:, 0], return_counts=True)
    conflicting = groups[labels > 1]
    return Conflicts(groups=len(conflicting), faces=int(np.isin(digests, conflicting).sum()))


def count_votes(counted: CountedFaces) -> VoteSummary:
    """Compare the labels with FER+'s plurality: the column with the most of the ten votes, the first one at a tie.

    Raises:
        DataError: the faces have no votes.
    """
    if counted.votes is None:
        raise DataError(f"{counted.first.source}: no votes")
    plurality = counted.votes.argmax(axis=1)
    not_a_face = int((plurality == FERPLUS_VOTES.index("NF")).sum())
    classes, labelled = counted.first.classes, counted.targets != UNLABELLED
    names = [FERPLUS_NAMES.get(name, name) for name in classes]
    if not set(names) <= set(FERPLUS_VOTES) or not labelled.any():
        return VoteSummary(not_a_face=not_a_face, agreement=None)
    columns = np.array([FERPLUS_VOTES.index(name) for name in names])
    targets = counted.targets[labelled]
    agrees = columns[targets] == plurality[labelled]
    by_class: dict[str, float | None] = {}
    for code, name in enumerate(classes):
        of_class = agrees[targets == code]
        by_class[name] = float(of_class.mean()) if of_class.size else None
    return VoteSummary(not_a_face=not_a_face, agreement=Agreement(all=float(agrees.mean()), classes=by_class))
