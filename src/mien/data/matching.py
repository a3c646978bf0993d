"""Joining predictions to the faces that they are of.  Axes: `N` faces, `C` classes."""

from pathlib import Path

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


def find_rows(predictions: Predictions, faces: FaceSet, *, source: str | Path) -> NDArray[np.int64]:
    """Find the faces of P predictions by their ids, and check that their labels are the same.

    Args:
        predictions: of some of the faces.
        faces: the faces.
        source: what to call the predictions in errors.

    Returns:
        `int64 (P,)`, the row of each in `faces`; -1 for a face that is not there.

    Raises:
        DataError: several faces have the same id, or a face has another label: the predictions are of other data.
    """
    rows_of = {name: row for row, name in enumerate(faces.ids.tolist())}
    if len(rows_of) < len(faces):
        raise DataError(f"{faces.source}: several faces have the same id, so no prediction can be given to them")
    rows = np.array([rows_of.get(name, -1) for name in predictions.ids.tolist()], np.int64)
    if predictions.targets is None:
        return rows
    names = np.array([*predictions.classes, ""])[predictions.targets]
    expected = np.array([*faces.classes, ""])[faces.targets[rows]]
    known = (rows >= 0) & (predictions.targets != UNLABELLED)
    other = np.flatnonzero(known & (names != expected))
    if other.size:
        raise DataError(
            f"{source}: {other.size:,} of {known.sum():,} faces have another label than in {faces.source}, "
            f"such as {predictions.ids[other[0]]}; these are other faces, or the labels have changed since: predict "
            "again"
        )
    return rows


def check_classes(faces: FaceSet, *, known: tuple[str, ...]) -> None:
    """Raise `DataError` if a face has a label that is none of the classifier's."""
    for label in np.unique(faces.targets[faces.labelled]):
        name = faces.classes[label]
        if name not in known:
            remedy = nearest(name, known)
            if remedy.startswith("known"):  # none is like it
                remedy += "; rename your classes, or train a network with them"
            if name.isdigit():
                remedy = f"which are {', '.join(known)}; name your numbers: --classes NAME_OF_0,NAME_OF_1,…"
            raise DataError(f"{faces.source}: class '{name}' is none of the classifier's, {remedy}")
