"""What a data set holds, and what may be wrong with it, before anything is trained on it.  Axes: `N` faces."""

from itertools import combinations
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.faces import FaceSet
from mien.core.labels import FERPLUS_NAMES, FERPLUS_VOTES
from mien.data.split import copies_of


def describe(faces: FaceSet) -> dict[str, Any]:
    """Count what is in a data set and what a person should look at; every value fits JSON.

    Args:
        faces: N faces, at least one.

    Returns:
        `source`, `synthetic`, `fingerprint`, `faces`, `classes`, `unlabelled`, `blank` (faces of one grey level),
        `splits` (by name: faces, unlabelled, faces a class), `copies` (see `count_copies`), `conflicts` (see
        `count_conflicts`), `votes` (see `count_votes`; None without FER+ votes).

    >>> from mien.data.sniff import open_faces
    >>> describe(open_faces("synthetic:70"))["splits"]["test"]["faces"]
    14
    """
    flat = faces.images.reshape(len(faces), -1)
    return {
        "source": faces.source,
        "synthetic": faces.synthetic,
        "fingerprint": faces.fingerprint,
        "faces": len(faces),
        "classes": list(faces.classes),
        "unlabelled": int((~faces.labelled).sum()),
        "blank": int((flat.min(axis=1) == flat.max(axis=1)).sum()),
        "splits": {name: _count_classes(faces.split(name)) for name in _split_names(faces)},
        "copies": count_copies(faces),
        "conflicts": count_conflicts(faces),
        "votes": count_votes(faces) if faces.vote_names == FERPLUS_VOTES else None,
    }


def _split_names(faces: FaceSet) -> list[str]:
    names, first = np.unique(faces.splits, return_index=True)
    return [str(name) for name in names[np.argsort(first)]]


def _count_classes(faces: FaceSet) -> dict[str, Any]:
    counts = np.bincount(faces.targets[faces.labelled], minlength=len(faces.classes))
    return {
        "faces": len(faces),
        "unlabelled": int((~faces.labelled).sum()),
        "classes": dict(zip(faces.classes, counts.tolist(), strict=True)),
    }


def count_copies(faces: FaceSet) -> dict[str, Any]:
    """Count exact copies, pixel by pixel.

    Returns:
        `within`: by split, how many faces repeat an earlier one of the same split; `across`: for each two splits, how
        many faces of the later one copy a face of the earlier one. In FER2013, 280 of `test` copy one of `train`.
    """
    parts = {name: faces.split(name) for name in _split_names(faces)}
    return {
        "within": {name: len(part) - len(np.unique(part.digests)) for name, part in parts.items()},
        "across": [
            {"split": later, "copies_of": earlier, "faces": int(copies_of(parts[later], parts[earlier]).sum())}
            for earlier, later in combinations(parts, 2)
        ],
    }


def count_conflicts(faces: FaceSet) -> dict[str, int]:
    """Count the `groups` of identical faces with different labels, and the `faces` in them, all labelled."""
    known = faces.select(faces.labelled)
    pairs = np.unique(np.stack([known.digests, known.targets.astype(np.uint64)], axis=1), axis=0)
    digests, labels = np.unique(pairs[:, 0], return_counts=True)
    torn = digests[labels > 1]
    return {"groups": len(torn), "faces": int(np.isin(known.digests, torn).sum())}


def count_votes(faces: FaceSet) -> dict[str, Any]:
    """Compare the labels with FER+'s plurality: the column with the most of the ten votes, the first one at a tie.

    Returns:
        `not_a_face`: faces whose plurality is NF; `agreement`: the share of the labelled faces whose label is the
        plurality, in all and by class (None for a class without faces); None if a class is none of FER+'s.

    Raises:
        DataError: the faces have no votes.
    """
    if faces.votes is None:
        raise DataError(f"{faces.source}: no votes")
    plurality = faces.votes.argmax(axis=1)
    counts = {"not_a_face": int((plurality == FERPLUS_VOTES.index("NF")).sum())}
    names = [FERPLUS_NAMES.get(name, name) for name in faces.classes]
    if not set(names) <= set(FERPLUS_VOTES) or not faces.labelled.any():
        return {**counts, "agreement": None}
    targets = faces.targets[faces.labelled]
    agrees = np.array([FERPLUS_VOTES.index(name) for name in names])[targets] == plurality[faces.labelled]
    by_class = {
        name: float(agrees[targets == code].mean()) if (targets == code).any() else None
        for code, name in enumerate(faces.classes)
    }
    return {**counts, "agreement": {"all": float(agrees.mean()), "classes": by_class}}
