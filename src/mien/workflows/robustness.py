"""Measuring how right a classifier stays when faces are corrupted.  Axes: `N` faces, `C` classes."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.predictions import Predictions
from mien.core.progress import OnProgress, Progress
from mien.core.robustness import Robustness
from mien.core.scores import Scores
from mien.evaluation.intervals import number_groups
from mien.evaluation.metrics import with_targets
from mien.evaluation.robustness import score_robustness

log = logging.getLogger(__name__)

ClassifyFaces = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Gives faces `uint8 (N, 48, 48)` probabilities `float32 (N, C)`."""

ROUNDING = 0.01
"""Probabilities that differ by less are the same, computed on another device."""

AT_ONCE = 512
"""Faces that are corrupted and classified before progress is told."""


def measure_robustness(
    classify: ClassifyFaces,
    faces: FaceSet,
    predictions: Predictions,
    *,
    groups: NDArray[np.int64] | None = None,
    progress: OnProgress | None = None,
) -> Robustness:
    """Corrupt labelled faces in every way at every severity, and score the classifier on them.

    Args:
        classify: the classifier.
        faces: some of them labelled.
        predictions: of these faces, as they are; they say which target each has.
        groups: `int64 (N,)`, the group of each face, if the intervals are to be by groups.
        progress: called with how many corrupted faces are classified.

    Raises:
        DataError: none is labelled.
    """
    _, targets = with_targets(predictions)
    images = faces.images[predictions.targets != UNLABELLED]
    if groups is not None:
        groups = number_groups(groups, predictions)
    total = len(CORRUPTIONS) * len(SEVERITIES) * len(images)
    done = 0

    def probabilities(name: str, severity: int) -> NDArray[np.float32]:
        nonlocal done
        parts = []
        for start in range(0, len(images), AT_ONCE):
            part = corrupt(images[start : start + AT_ONCE], name, severity)
            parts.append(classify(part))
            done += len(part)
            if progress is not None:
                progress(Progress("robustness", done, total, "faces"))
        return np.concatenate(parts)

    def corrupted() -> Iterator[tuple[str, list[NDArray[np.float32]]]]:
        for name in CORRUPTIONS:
            yield name, [probabilities(name, severity) for severity in SEVERITIES]

    return score_robustness(corrupted(), targets, classes=predictions.classes, synthetic=faces.synthetic, groups=groups)


def measured_before(folder: Path, predictions: Predictions, scores: Scores) -> Robustness | None:
    """Find what was measured before of the same predictions, for it takes 76 times as long as scoring them.

    Args:
        folder: with the scores and the predictions of before, or without.
        predictions: those of now.
        scores: of these.

    Returns:
        None where there is none, or where it is of other predictions, which is told.
    """
    try:
        old, said = Scores.read(folder / "metrics.json"), Predictions.load(folder / "predictions.npz")
    except DataError:
        return None  # nothing was scored yet, or it is damaged
    if old.robustness is None:
        return None
    same_network = old.model is not None and scores.model is not None and old.model.sha256 == scores.model.sha256
    same_faces = np.array_equal(said.ids, predictions.ids) and np.array_equal(
        np.asarray(said.targets), np.asarray(predictions.targets)
    )
    if same_network and same_faces and old.groups == scores.groups:
        changes = np.abs(said.probabilities - predictions.probabilities)
        if changes.max() < ROUNDING:
            return old.robustness
    log.warning(
        "%s had figures of corrupted faces for other predictions or groups; --robustness makes new ones", folder
    )
    return None
