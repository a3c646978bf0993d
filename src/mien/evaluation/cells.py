"""The worst cells of the confusion matrix: how large they are, what the crowd saw on their faces.

A cell is a target and another class that its faces were called.  Axes: `N` faces, `C` classes, `V` vote columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.predictions import Predictions
from mien.evaluation.confusion import cell, confusion_matrix, worst_cells
from mien.evaluation.intervals import mixed_wilson, wilson
from mien.evaluation.votes import annotator_columns, plurality, split_votes


def score_top_confusions(scored: Predictions) -> dict[str, Any]:
    """Describe the worst cells, and where there are FER+ votes, whether people were of one mind on their faces.

    Args:
        scored: N faces that all have a target.

    Returns:
        `cells`, most errors first: `{target, label, faces, errors, rate, interval, share, crowd}`, `share` being the
        part of all errors; and `crowd`: how often voters were split on the faces `listed` in these cells, on all
        `wrong` and `right` ones, and on right ones of the same classes, `right_alike`.  `crowd` is None without FER+
        votes; `docs/metrics.md` lists its keys.

    Raises:
        DataError: the votes do not fit their names.

    >>> said = Predictions(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                    np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> [(each["target"], each["label"], each["errors"]) for each in score_top_confusions(said)["cells"]]
    [('sad', 'happy', 1)]
    """
    assert scored.targets is not None
    counts = confusion_matrix(scored.targets, scored.labels, classes=len(scored.classes))
    worst, columns = worst_cells(counts), annotator_columns(scored)
    wrong = len(scored) - int(counts.trace())
    cells = [cell(counts, scored.classes, target=target, label=label) for target, label in worst]
    seen: list[dict[str, Any] | None] = [None] * len(cells)
    crowd = None
    if columns is not None:
        seen, crowd = _seen(scored, worst, columns=columns)
    return {
        "cells": [
            {**each, "share": each["errors"] / wrong, "crowd": said} for each, said in zip(cells, seen, strict=True)
        ],
        "crowd": crowd,
    }


def _seen(
    scored: Predictions, worst: list[tuple[int, int]], *, columns: list[int]
) -> tuple[list[dict[str, Any] | None], dict[str, Any]]:
    """Return `crowd` of each cell, and of all faces."""
    targets = _targets(scored)
    right = targets == scored.labels
    inside = [(targets == target) & (scored.labels == label) for target, label in worst]
    listed = scored.select(np.any([np.zeros_like(right), *inside], axis=0))
    seen: list[dict[str, Any] | None] = [
        {**_crowd(scored.select(faces), columns), "right": _split(scored.select(right & (targets == target)))}
        for (target, _), faces in zip(worst, inside, strict=True)
    ]
    return seen, {
        "listed": _crowd(listed, columns),
        "wrong": _split(scored.select(~right)),
        "right": _split(scored.select(right)),
        "right_alike": _alike(scored.select(right), listed),
    }


def _split(faces: Predictions) -> dict[str, Any]:
    """Count the faces with votes, and the share of them on which the crowd was split, with its interval."""
    assert faces.votes is not None
    voted, split = int(faces.votes.any(axis=1).sum()), int(split_votes(faces.votes).sum())
    return {
        "faces": voted,
        "split": split / voted if voted else None,
        "split_interval": wilson(split, voted) if voted else None,
    }


def _alike(right: Predictions, listed: Predictions) -> dict[str, Any]:
    """Do as `_split` for right faces, weighted so that their classes are mixed as those of the listed faces are."""
    assert right.votes is not None
    assert listed.votes is not None
    mix = np.bincount(_targets(listed)[listed.votes.any(axis=1)], minlength=len(listed.classes))
    voted = np.bincount(_targets(right)[right.votes.any(axis=1)], minlength=len(mix))
    split = np.bincount(_targets(right)[split_votes(right.votes)], minlength=len(mix))
    some = mix > 0
    if not some.any() or not voted[some].all():
        return {"faces": int(voted[some].sum()), "split": None, "split_interval": None}
    weights = mix[some] / mix.sum()
    return {
        "faces": int(voted[some].sum()),
        "split": float(weights @ (split[some] / voted[some])),
        "split_interval": mixed_wilson(split[some], voted[some], weights=weights),
    }


def _targets(faces: Predictions) -> NDArray[np.int64]:
    assert faces.targets is not None
    return faces.targets


def _crowd(faces: Predictions, columns: list[int]) -> dict[str, Any]:
    """Add to `_split` what got the most votes on faces of which each was called another class than its target."""
    assert faces.votes is not None
    assert faces.targets is not None
    winners, left_out = plurality(faces.votes, columns)
    found = {"target": int((winners == faces.targets).sum()), "label": int((winners == faces.labels).sum())}
    found["other"] = int((winners >= 0).sum()) - sum(found.values()) + left_out["other"]
    found["tie"] = left_out["tie"]
    voted = sum(found.values())
    return {**_split(faces), "most_votes": {name: each / voted if voted else None for name, each in found.items()}}
