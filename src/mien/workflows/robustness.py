"""Measuring how right a classifier stays when faces are corrupted.  Axes: `N` faces, `C` classes."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.predictions import Predictions
from mien.core.progress import OnProgress, Progress
from mien.core.robustness import Robustness
from mien.evaluation.intervals import number_groups
from mien.evaluation.metrics import with_targets
from mien.evaluation.robustness import score_robustness

ClassifyFaces = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Gives faces `uint8 (N, 48, 48)` probabilities `float32 (N, C)`."""

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
