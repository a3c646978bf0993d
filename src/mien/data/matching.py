"""Joining predictions to the faces that they are of.  Axes: `N` faces, `C` classes."""

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, nearest
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.predictions import Predictions


def join_predictions(faces: FaceSet, probabilities: NDArray[np.float32], *, classes: tuple[str, ...]) -> Predictions:
    """Give probabilities `float32 (N, C)` the ids, targets and votes of their faces.

    Classes are matched by name; a label that is none of `classes` counts as unknown.
    """
    codes = []
    for name in faces.classes:
        codes.append(classes.index(name) if name in classes else UNLABELLED)
    targets = np.array([*codes, UNLABELLED])[faces.targets]  # index -1, UNLABELLED, takes the last entry
    return Predictions(
        probabilities=probabilities,
        classes=classes,
        ids=faces.ids,
        targets=targets if (targets != UNLABELLED).any() else None,
        votes=faces.votes,
        vote_names=faces.vote_names,
        source=faces.source,
        synthetic=faces.synthetic,
    )


def check_classes(faces: FaceSet, *, known: tuple[str, ...]) -> None:
    """Raise `DataError` if a face has a label that is none of the classifier's."""
    for label in np.unique(faces.targets[faces.labelled]):
        name = faces.classes[label]
        if name not in known:
            raise DataError(f"{faces.source}: class '{name}' is none of the classifier's, {nearest(name, known)}")
