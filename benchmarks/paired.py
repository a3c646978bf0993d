"""Paired differences of accuracy, macro-F1 and balanced accuracy on the faces of dev/oof, with standard errors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import FaceSet
from mien.core.labels import FER2013

RESAMPLES = 400
SMALLEST = 1e-5
"""The files of dev/oof have 16 bits: what is smaller is 0 there."""

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class OutOfFold:
    """What networks say of the N training faces that they didn't learn from, and of F that are held out from all.

    Attributes:
        rows: `bool (28,709,)`, which training faces the N are.
        folds: `int64 (N,)`.
        logits: `float64 (N, 7)`.
        final: `float64 (K, F, 7)`, logits of each fold's network.
    """

    rows: NDArray[np.bool_]
    folds: Labels
    logits: NDArray[np.float64]
    final: NDArray[np.float64]


def read(file: str | Path) -> OutOfFold:
    """Read a file of dev/oof."""
    with np.load(file) as stored:
        known = stored["fold"] >= 0
        return OutOfFold(
            rows=known,
            folds=stored["fold"][known].astype(np.int64),
            logits=_logarithms(stored["probabilities"][known]),
            final=_logarithms(stored["final"]),
        )


def _logarithms(probabilities: NDArray[np.float16]) -> NDArray[np.float64]:
    clipped = np.maximum(probabilities.astype(np.float64), SMALLEST)
    return np.log(clipped / clipped.sum(axis=-1, keepdims=True))


def log_shares(targets: Labels) -> NDArray[np.float64]:
    """Return the logarithm of each class's share, `float64 (7,)`."""
    return np.log(np.bincount(targets, minlength=len(FER2013)) / len(targets))


def scores(labels: Labels, targets: Labels, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return accuracy, macro-F1 and balanced accuracy in percent; `weights` say how often each face counts."""
    count = len(FER2013)
    table = np.bincount(targets * count + labels, weights=weights, minlength=count**2).reshape(count, count)
    right, of_class, so_labelled = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    f1 = 2 * right / (of_class + so_labelled)
    return 100 * np.array([right.sum() / table.sum(), f1.mean(), (right / of_class).mean()])


def differences(labels: Labels, before: Labels, targets: Labels, folds: Labels) -> str:
    """Write the three differences, each ± standard error by resampled faces (by folds).

    The second one is the standard deviation of the folds' own differences, divided by the root of their number; it
    holds what differs from training to training as well.
    """
    difference = scores(labels, targets) - scores(before, targets)
    generator = np.random.default_rng(0)
    drawn = np.empty((RESAMPLES, 3))
    for i in range(RESAMPLES):
        weights = np.bincount(generator.integers(len(targets), size=len(targets)), minlength=len(targets)).astype(float)
        drawn[i] = scores(labels, targets, weights) - scores(before, targets, weights)
    by_fold = []
    for fold in np.unique(folds):
        own = folds == fold
        by_fold.append(scores(labels[own], targets[own]) - scores(before[own], targets[own]))
    error_by_folds = np.full(3, np.nan)
    if len(by_fold) > 1:
        error_by_folds = np.std(by_fold, axis=0, ddof=1) / len(by_fold) ** 0.5
    parts = zip(difference, drawn.std(axis=0), error_by_folds, strict=True)
    return "  ".join(f"{value:+6.2f} ± {error:.2f} ({of_folds:.2f})" for value, error, of_folds in parts)


def targets_of(training: FaceSet, predicted: OutOfFold) -> Labels:
    """Return the labels of the N faces."""
    return training.targets[predicted.rows]
