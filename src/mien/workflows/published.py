"""Which of the scored faces a bundle's card has figures for.  Axes: `N` scored faces."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.card import Card
from mien.core.faces import FaceSet
from mien.core.known import KnownFaces
from mien.data.known import LEAST, recognise
from mien.data.split import find_duplicates


@dataclass(frozen=True, eq=False)
class CardFaces:
    """What a bundle's card says of N scored faces.

    Attributes:
        belongs: `bool (N,)`, the faces for which it gives an accuracy; None where it gives none for these data.
        known: the published data set that they are; None for the data of the bundle's own run.
        duplicates: `bool (N,)`, which of the scored faces are also in the training data; None where that is not known.
    """

    belongs: NDArray[np.bool_] | None = None
    known: KnownFaces | None = None
    duplicates: NDArray[np.bool_] | None = None


def card_faces(card: Card, faces: FaceSet, *, data: FaceSet, split: str) -> CardFaces:
    """Look among scored faces, `split` of `data`, for those that the card was made with.

    They are either FER2013's PublicTest, in any order and beside any others, or of the very data of the bundle's run.
    """
    recognised = None
    if card.scores.data_set is not None:
        recognised = recognise(faces.digests, classes=faces.classes, targets=faces.targets)
    if recognised is not None and recognised.known.name == card.scores.data_set:
        duplicates: NDArray[np.bool_] | None = recognised.in_training
        if "train" in data.splits:
            duplicates = recognised.in_training | find_duplicates(faces, data.split("train"))
        elif len(faces) > recognised.known.faces:
            duplicates = None  # nobody knows the others
        return CardFaces(recognised.belongs, recognised.known, duplicates)
    if data.fingerprint != card.training.data.fingerprint:
        return CardFaces()
    duplicates = find_duplicates(faces, data.split("train"))
    # Each run chooses its hold-out for itself, so nobody finds it in the data.
    same = split == card.scores.split == "test"
    return CardFaces(np.ones(len(faces), np.bool_) if same else None, None, duplicates)


def published_data_set(scored: FaceSet, *, training: FaceSet) -> str | None:
    """Name the published data set that all the scored faces of a run are, if its training faces are the set's too."""
    recognised = recognise(scored.digests, classes=scored.classes, targets=scored.targets)
    if recognised is None or len(scored) > recognised.known.faces:
        return None
    # Nothing is stored of the training faces but which of the scored ones they repeat: by that they are known.
    same = recognised.in_training == find_duplicates(scored, training)
    return recognised.known.name if same[recognised.belongs].mean() >= LEAST else None
