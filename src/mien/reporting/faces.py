"""A face as the page shows it: picture, ids, what the model said of it, what people voted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.predictions import Predictions
from mien.reporting.pictures import grey_png


def show_face(said: Predictions, row: int, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Make what the templates show of one face.

    Args:
        said: predictions with targets; the face has one.
        row: its place there.
        image: `uint8 (48, 48)`.

    Returns:
        `png` (base64), `right`, `id`, `target` and `label` (names), `probability` of the label, `target_probability`,
        and `votes`: the three answers that most voters gave, `(name, votes)`, empty without votes.
    """
    assert said.targets is not None
    label, target = int(said.labels[row]), int(said.targets[row])
    return {
        "png": grey_png(image),
        "right": label == target,
        "id": str(said.ids[row]),
        "target": said.classes[target],
        "label": said.classes[label],
        "probability": float(said.probabilities[row, label]),
        "target_probability": float(said.probabilities[row, target]),
        "votes": _votes(said, row),
    }


def _votes(said: Predictions, row: int) -> list[tuple[str, int]]:
    if said.votes is None or said.votes.shape[1] != len(said.vote_names):
        return []
    votes = sorted(zip(said.vote_names, map(int, said.votes[row]), strict=True), key=lambda each: -each[1])
    return [(name, count) for name, count in votes[:3] if count]
