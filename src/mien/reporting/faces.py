"""A face as the page shows it: picture, ids, the prediction, what people voted."""

import numpy as np
from numpy.typing import NDArray

from mien.core.predictions import Predictions
from mien.reporting.pictures import grey_png
from mien.reporting.view import Values


def show_face(predictions: Predictions, row: int, image: NDArray[np.uint8]) -> Values:
    """Make what the templates show of one face.

    Args:
        predictions: of all faces, with targets.
        row: the place of the face there; it has a target.
        image: `uint8 (48, 48)`.

    Returns:
        `png` (base64), `right`, `id`, `target` and `label` (names), `probability` of the label, `target_probability`,
        and `votes`: the three answers that most voters gave, `(name, votes)`, empty without votes.
    """
    assert predictions.targets is not None
    label, target = int(predictions.labels[row]), int(predictions.targets[row])
    return {
        "png": grey_png(image),
        "right": label == target,
        "id": str(predictions.ids[row]),
        "target": predictions.classes[target],
        "label": predictions.classes[label],
        "probability": float(predictions.probabilities[row, label]),
        "target_probability": float(predictions.probabilities[row, target]),
        "votes": _votes(predictions, row),
    }


def _votes(predictions: Predictions, row: int) -> list[tuple[str, int]]:
    if predictions.votes is None or predictions.votes.shape[1] != len(predictions.vote_names):
        return []
    votes = sorted(
        zip(predictions.vote_names, map(int, predictions.votes[row]), strict=True), key=lambda each: -each[1]
    )
    return [(name, count) for name, count in votes[:3] if count]
