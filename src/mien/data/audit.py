"""What a data set holds, and what may be wrong with it, before anything is trained on it.  Axes: `N` faces."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet, fingerprint
from mien.core.labels import FERPLUS_NAMES, FERPLUS_VOTES


@dataclass(frozen=True, eq=False)
class Rows:
    """What is counted of N faces: all but their pixels, so that more can be described than memory holds.

    Attributes:
        first: the first of the sets that they come from, for what all have in common.
        digests: `uint64 (N,)`, equal for exact copies.
        blank: `bool (N,)`, faces of one grey level.
        targets: `int64 (N,)`.
        splits: `str (N,)`.
        votes: `uint8 (N, V)`, or None.
    """

    first: FaceSet
    digests: NDArray[np.uint64]
    blank: NDArray[np.bool_]
    targets: NDArray[np.int64]
    splits: NDArray[np.str_]
    votes: NDArray[np.uint8] | None

    @classmethod
    def of(cls, parts: Iterable[FaceSet]) -> "Rows":
        """Take in sets one after the other; of their pixels none are kept but the first set's."""
        columns: list[tuple[Any, ...]] = []
        first: FaceSet | None = None
        for part in parts:
            first = first or part
            flat = part.images.reshape(len(part), -1)
            columns.append((part.digests, flat.min(axis=1) == flat.max(axis=1), part.targets, part.splits, part.votes))
        if first is None:
            raise DataError("no faces to describe")
        digests, blank, targets, splits, votes = zip(*columns, strict=True)
        given = [each for each in votes if each is not None]
        return cls(
            first=first,
            digests=np.concatenate(digests),
            blank=np.concatenate(blank),
            targets=np.concatenate(targets),
            splits=np.concatenate(splits),
            votes=np.concatenate(given) if given else None,
        )

    @cached_property
    def split_names(self) -> list[str]:
        """The splits, in the order in which they come."""
        names, first = np.unique(self.splits, return_index=True)
        return [str(name) for name in names[np.argsort(first)]]

    def of_split(self, name: str) -> NDArray[np.bool_]:
        """`bool (N,)`: which faces belong to a split."""
        mask: NDArray[np.bool_] = self.splits == name
        return mask


def describe(faces: FaceSet | Iterable[FaceSet]) -> dict[str, Any]:
    """Count what is in a data set and what a person should look at; every value fits JSON.

    Args:
        faces: N faces, at least one; or sets of some with the same classes, as `stream_faces` yields them: about 130
            bytes a face are kept.

    Returns:
        `source`, `synthetic`, `fingerprint`, `faces`, `classes`, `unlabelled`, `blank` (faces of one grey level),
        `splits` (by name: faces, unlabelled, faces a class), `copies` (see `count_copies`), `conflicts` (see
        `count_conflicts`), `votes` (see `count_votes`; None without FER+ votes).

    >>> from mien.data.formats import open_faces
    >>> describe(open_faces("synthetic:70"))["splits"]["test"]["faces"]
    14
    """
    rows = Rows.of([faces] if isinstance(faces, FaceSet) else faces)
    return {
        "source": rows.first.source,
        "synthetic": rows.first.synthetic,
        "fingerprint": fingerprint(rows.digests, rows.targets, rows.splits, classes=rows.first.classes),
        "faces": len(rows.targets),
        "classes": list(rows.first.classes),
        "unlabelled": int((rows.targets == UNLABELLED).sum()),
        "blank": int(rows.blank.sum()),
        "splits": {
            name: _count_classes(rows.targets[rows.of_split(name)], rows.first.classes) for name in rows.split_names
        },
        "copies": count_copies(rows),
        "conflicts": count_conflicts(rows),
        "votes": count_votes(rows) if rows.first.vote_names == FERPLUS_VOTES else None,
    }


def _count_classes(targets: NDArray[np.int64], classes: tuple[str, ...]) -> dict[str, Any]:
    known = targets[targets != UNLABELLED]
    counts = np.bincount(known, minlength=len(classes))
    return {
        "faces": len(targets),
        "unlabelled": len(targets) - len(known),
        "classes": dict(zip(classes, counts.tolist(), strict=True)),
    }


def count_copies(rows: Rows) -> dict[str, Any]:
    """Count exact copies, pixel by pixel.

    Returns:
        `within`: by split, how many faces repeat an earlier one of the same split; `across`: for each two splits, how
        many faces of the later one copy a face of the earlier one. In FER2013, 280 of `test` copy one of `train`.
    """
    parts = {name: rows.digests[rows.of_split(name)] for name in rows.split_names}
    return {
        "within": {name: len(part) - len(np.unique(part)) for name, part in parts.items()},
        "across": [
            {"split": later, "copies_of": earlier, "faces": int(np.isin(parts[later], parts[earlier]).sum())}
            for earlier, later in combinations(parts, 2)
        ],
    }


def count_conflicts(rows: Rows) -> dict[str, int]:
    """Count the `groups` of identical faces with different labels, and the `faces` in them, all labelled."""
    known = rows.targets != UNLABELLED
    digests = rows.digests[known]
    pairs = np.unique(np.stack([digests, rows.targets[known].astype(np.uint64)], axis=1), axis=0)
    groups, labels = np.unique(pairs[:, 0], return_counts=True)
    torn = groups[labels > 1]
    return {"groups": len(torn), "faces": int(np.isin(digests, torn).sum())}


def count_votes(rows: Rows) -> dict[str, Any]:
    """Compare the labels with FER+'s plurality: the column with the most of the ten votes, the first one at a tie.

    Returns:
        `not_a_face`: faces whose plurality is NF; `agreement`: the share of the labelled faces whose label is the
        plurality, in all and by class (None for a class without faces); None if a class is none of FER+'s.

    Raises:
        DataError: the faces have no votes.
    """
    if rows.votes is None:
        raise DataError(f"{rows.first.source}: no votes")
    plurality, classes, known = rows.votes.argmax(axis=1), rows.first.classes, rows.targets != UNLABELLED
    counts = {"not_a_face": int((plurality == FERPLUS_VOTES.index("NF")).sum())}
    names = [FERPLUS_NAMES.get(name, name) for name in classes]
    if not set(names) <= set(FERPLUS_VOTES) or not known.any():
        return {**counts, "agreement": None}
    targets = rows.targets[known]
    agrees = np.array([FERPLUS_VOTES.index(name) for name in names])[targets] == plurality[known]
    by_class = {
        name: float(agrees[targets == code].mean()) if (targets == code).any() else None
        for code, name in enumerate(classes)
    }
    return {**counts, "agreement": {"all": float(agrees.mean()), "classes": by_class}}
