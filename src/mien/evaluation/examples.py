"""Which faces a person should look at: the most confident ones of every class, and of the top confusions.

Axes: `N` faces, `K` chosen ones.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import UNLABELLED
from mien.core.predictions import Predictions
from mien.evaluation.confusion import confusion_matrix, top_cells
from mien.evaluation.metrics import with_targets


def choose_examples(
    predictions: Predictions, *, count: int = 4, digests: NDArray[np.uint64] | None = None
) -> NDArray[np.int64]:
    """Choose example faces: the most confident right and wrong ones of every class.

    Args:
        predictions: N faces with targets.
        digests: `uint64 (N,)`, equal where two faces are the same picture, which is then chosen once at most.
        count: how many right and how many wrong ones of every class, where there are so many.

    Returns:
        `int64 (K,)`: rows of `predictions`; by class the right ones, then the wrong ones, the most confident first.

    Raises:
        DataError: no face has a target.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> choose_examples(predictions).tolist()
    [0, 1, 2]
    """
    with_targets(predictions)
    targets = predictions.targets
    assert targets is not None
    ordered = most_confident_first(predictions, digests)
    right = (predictions.labels == targets)[ordered]
    groups = []
    for label in range(len(predictions.classes)):
        of_class = targets[ordered] == label
        groups.append(ordered[of_class & right][:count])
        groups.append(ordered[of_class & ~right][:count])
    return np.concatenate(groups)


def choose_confused_faces(
    predictions: Predictions, *, count: int = 8, digests: NDArray[np.uint64] | None = None
) -> NDArray[np.int64]:
    """Choose faces that show the top confusions.

    Args:
        predictions: N faces; those without a target are never chosen.
        count: how many of every top confusion, where there are so many.
        digests: as in `choose_examples`.

    Returns:
        `int64 (K,)`: rows of `predictions`: by top confusion, most errors first, and in each the most confident first.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> choose_confused_faces(predictions).tolist()
    [2, 1]
    """
    if predictions.targets is None:
        return np.empty(0, np.int64)
    targets, labels = predictions.targets, predictions.labels
    known = targets != UNLABELLED
    counts = confusion_matrix(targets[known], labels[known], classes=len(predictions.classes))
    ordered = most_confident_first(predictions, digests)
    groups = [np.empty(0, np.int64)]  # where all labels are right there is nothing else to join
    for target, label in top_cells(counts):
        in_cell = (targets[ordered] == target) & (labels[ordered] == label)
        groups.append(ordered[in_cell][:count])
    return np.concatenate(groups)


def most_confident_first(predictions: Predictions, digests: NDArray[np.uint64] | None) -> NDArray[np.int64]:
    """Order rows by the probability of the label, the highest first, each picture once: `int64 (at most N,)`."""
    ordered = np.argsort(-predictions.probabilities.max(axis=1), kind="stable")
    if digests is None:
        return ordered
    _, first_places = np.unique(digests[ordered], return_index=True)
    return ordered[np.sort(first_places)]
