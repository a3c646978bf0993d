"""How much a classifier speaks for the labels that faces have.  Axes: `N` faces, `C` classes."""

import numpy as np
from numpy.typing import NDArray

from mien.core.label_audit import LabelAgreement
from mien.core.stats import STANDARD_ERRORS

SUSPECT = 0.25
"""A label with at most this score is suspect: another one is more probable by half or more."""


def label_scores(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Score labels by the normalised margin, (1 + p(label) − p(most probable other label)) / 2.

    The probabilities must come from classifiers that did not learn from the faces; those that did repeat the labels.

    Args:
        probabilities: `(N, C)`, C of 2 or more, rows that sum to 1.
        targets: `int64 (N,)`, the label of each face, 0 to C - 1.

    Returns:
        `float64 (N,)`, 0 to 1; 1 if the label is certain, below 0.5 if another one is more probable.

    Source: Kuan and Mueller 2022, "Model-agnostic label quality scoring to detect real-world label errors".

    >>> label_scores(np.array([[0.1, 0.7, 0.2]]), np.array([0])).round(3).tolist()
    [0.2]
    """
    rows = np.arange(len(targets))
    given = probabilities[rows, targets].astype(np.float64)
    others = probabilities.astype(np.float64)
    others[rows, targets] = -1
    scores: NDArray[np.float64] = (1 + given - others.max(axis=1)) / 2
    return scores


def label_agreement(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> LabelAgreement | None:
    """Compare the probability of each face's label with that of a label drawn from those of all faces.

    Args:
        probabilities: `(N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, the label of each face, 0 to C - 1.

    Returns:
        None for fewer than two different labels.

    >>> label_agreement(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]), np.array([0, 0, 1])).is_better
    True
    >>> label_agreement(np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]), np.array([0, 0, 1])).is_better
    False
    """
    if len(np.unique(targets)) < 2:
        return None
    shares = np.bincount(targets, minlength=probabilities.shape[1]) / len(targets)  # (C,)
    given = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    at_random = probabilities @ shares
    leads = given - at_random
    lead, reach = float(leads.mean()), STANDARD_ERRORS * float(leads.std(ddof=1)) / len(leads) ** 0.5
    return LabelAgreement(
        probability=float(given.mean()),
        at_random=float(at_random.mean()),
        interval=(lead - reach, lead + reach),
    )
