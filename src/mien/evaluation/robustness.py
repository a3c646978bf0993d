"""Scores of corrupted faces.  Axes: `N` faces, `C` classes, `K` corruptions.

Hendrycks and Dietterich 2019, arXiv 1903.12261: the corruption error of a classifier is the sum of its errors over the
severities, divided by that of a baseline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

from mien.core.corruptions import CORRUPTIONS, SEVERITIES
from mien.core.robustness import Baseline, CorruptionScores, Robustness, SeverityScores
from mien.evaluation.calibration import calibration_bins, calibration_error
from mien.evaluation.intervals import Groups, mask_interval, normal_interval


def score_robustness(
    corrupted: Iterable[tuple[str, Sequence[NDArray[np.float32]]]],
    targets: NDArray[np.int64],
    *,
    classes: Sequence[str],
    synthetic: bool,
    groups: Groups = None,
) -> Robustness:
    """Score the predictions of corrupted faces.

    Args:
        corrupted: name of each corruption, and the probabilities `float32 (N, C)` at severity 1 to 5.
        targets: `int64 (N,)`, 0 to C - 1.
        classes: names of the C classes.
        synthetic: whether the faces were drawn; no baseline is for such faces.
        groups: of the faces, if the intervals are to be by groups.
    """
    baseline = None if synthetic else find_baseline(classes)
    scored: list[CorruptionScores] = []
    accuracies: list[NDArray[np.float64]] = []  # (N,) for each corruption
    relative_errors: list[NDArray[np.float64]] = []
    for name, by_severity in corrupted:
        right = np.stack([one.argmax(axis=1) == targets for one in by_severity])  # (severities, N)
        accuracy = right.mean(axis=0)
        accuracies.append(accuracy)
        if baseline is not None:
            relative_errors.append((1 - accuracy) / np.mean(baseline.errors[name]))
        scored.append(
            CorruptionScores(
                name=name,
                title=CORRUPTIONS[name].title,
                accuracy=float(accuracy.mean()),
                accuracy_interval=normal_interval(float(accuracy.mean()), accuracy, groups=groups, highest=1),
                corruption_error=float(relative_errors[-1].mean()) if relative_errors else None,
                severities=_severities(name, by_severity, targets, groups=groups),
            )
        )
    of_all = np.mean(accuracies, axis=0)
    measured = Robustness(
        faces=len(targets),
        accuracy=float(of_all.mean()),
        accuracy_interval=normal_interval(float(of_all.mean()), of_all, groups=groups, highest=1),
        baseline=None,
        mean_corruption_error=None,
        mean_corruption_error_interval=None,
        corruptions=tuple(scored),
    )
    if baseline is None:
        return measured
    errors_of_all = np.mean(relative_errors, axis=0)
    return replace(
        measured,
        baseline=baseline.title,
        mean_corruption_error=float(errors_of_all.mean()),
        mean_corruption_error_interval=normal_interval(float(errors_of_all.mean()), errors_of_all, groups=groups),
    )


def find_baseline(classes: Sequence[str]) -> Baseline | None:
    """Return the baseline for classes, in any order; None where there is none."""
    for baseline in _baselines():
        if set(baseline.classes) == set(classes):
            return baseline
    return None


@cache
def _baselines() -> tuple[Baseline, ...]:
    """Read what `dev/robustness.py` wrote once: FER2013's classes and FER+'s."""
    content = resources.files("mien.evaluation").joinpath("robustness_baselines.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[Baseline, ...])


def _severities(
    name: str, by_severity: Sequence[NDArray[np.float32]], targets: NDArray[np.int64], *, groups: Groups
) -> tuple[SeverityScores, ...]:
    scored = []
    for severity, probabilities in zip(SEVERITIES, by_severity, strict=True):
        right = probabilities.argmax(axis=1) == targets
        interval = mask_interval(right, groups)
        assert interval is not None  # for there are faces
        scored.append(
            SeverityScores(
                severity=severity,
                strength=CORRUPTIONS[name].strengths[severity - 1],
                accuracy=float(right.mean()),
                accuracy_interval=interval,
                confidence=float(probabilities.max(axis=1).mean(dtype=np.float64)),
                ece=calibration_error(calibration_bins(probabilities, targets)),
            )
        )
    return tuple(scored)
