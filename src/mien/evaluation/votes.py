"""Scores against what the annotators of FER+ saw, instead of FER2013's one label.

Works on the raw votes, all ten columns as they come: no outlier is removed and no face dropped for too few votes, so
the figures are not those of Barsoum's clean-up rules.  Axes: `N` faces, `C` classes, `V` vote columns.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED
from mien.core.labels import FERPLUS, FERPLUS_NAMES
from mien.core.predictions import Predictions
from mien.core.scores import AnnotatorScores, VoteDistribution, WithoutPlurality
from mien.evaluation.intervals import Groups, count, normal_interval, share, share_interval

FLOOR = float(np.finfo(np.float32).eps)
"""A probability below this, 1.2e-7, counts as this much under a logarithm."""


def vote_columns(classes: tuple[str, ...], vote_names: tuple[str, ...]) -> list[int] | None:
    """Find the vote column of each class.

    Returns:
        C different columns, or None when the votes are not FER+'s or a class has no column of its own.

    >>> vote_columns(("happy", "sad"), FERPLUS), vote_columns(("smile", "frown"), FERPLUS)
    ([1, 3], None)
    """
    if vote_names[: len(FERPLUS)] != FERPLUS:
        return None
    names = [FERPLUS_NAMES.get(name, name) for name in classes]
    known = set(names) <= set(vote_names) and len(set(names)) == len(names)
    return [vote_names.index(name) for name in names] if known else None


def plurality(votes: NDArray[np.uint8], columns: list[int]) -> tuple[NDArray[np.int64], WithoutPlurality]:
    """Find the class that got more votes than any other column.

    Args:
        votes: `uint8 (N, V)`.
        columns: the vote column of each class.

    Returns:
        `int64 (N,)`, the class or -1, and why how many faces got -1.

    >>> plurality(np.array([[5, 1, 0], [2, 2, 0], [0, 1, 9], [0, 0, 0]], np.uint8), [0, 1])
    (array([ 0, -1, -1, -1]), WithoutPlurality(no_votes=1, tie=1, other=1))
    """
    class_of = np.full(votes.shape[1], -1, dtype=np.int64)
    class_of[columns] = np.arange(len(columns))
    most = votes.max(axis=1)
    silent = most == 0
    tied = ((votes == most[:, None]).sum(axis=1) > 1) & ~silent
    winners = class_of[votes.argmax(axis=1)]
    other = (winners < 0) & ~silent & ~tied
    winners[silent | tied] = -1
    return winners, WithoutPlurality(no_votes=int(silent.sum()), tie=int(tied.sum()), other=int(other.sum()))


def annotators_disagree(votes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell on which faces the annotators disagreed: no column got more than half of the votes.

    This is FER+'s own rule for a majority, on the raw votes of all columns: where most annotators chose contempt,
    "unknown" or "not a face" they agree too.  Nobody disagrees on a face without votes.

    Args:
        votes: `uint8 (N, V)`.

    Returns:
        `bool (N,)`.

    Barsoum et al. 2016, arXiv 1608.01041, "majority voting"; `src/ferplus.py` of github.com/microsoft/FERPlus.

    >>> annotators_disagree(np.array([[6, 4, 0], [5, 5, 0], [4, 3, 3], [0, 0, 0]], np.uint8)).tolist()
    [False, True, True, False]
    """
    total = votes.sum(axis=1, dtype=np.int64)
    return np.asarray((2 * votes.max(axis=1).astype(np.int64) <= total) & (total > 0))


def annotator_columns(predictions: Predictions) -> list[int] | None:
    """Find the vote column of each class of predictions.

    Returns:
        C different columns, or None without FER+ votes or where a class has no column of its own.

    Raises:
        DataError: the votes do not fit their names.

    >>> predictions = Predictions(np.array([[0.9, 0.1]], np.float32), ("happy", "sad"), np.array(["0"]))
    >>> annotator_columns(predictions) is None
    True
    """
    if predictions.votes is None:
        return None
    if predictions.votes.shape[1:] != (len(predictions.vote_names),):
        raise DataError(
            f"{predictions.source}: votes {predictions.votes.shape} for {len(predictions.vote_names)} "
            "names, expected one column per name"
        )
    return vote_columns(predictions.classes, predictions.vote_names)


def score_against_votes(predictions: Predictions, *, groups: Groups = None) -> AnnotatorScores | None:
    """Score predictions against FER+ votes; with groups of faces the intervals are by groups.

    Returns:
        None without FER+ votes, or where a class has no vote column.

    Raises:
        DataError: the votes do not fit their names.

    Barsoum et al. 2016, arXiv 1608.01041.

    >>> votes = np.array([[0, 9, 0, 1, 0, 0, 0, 0]], np.uint8)
    >>> predictions = Predictions(np.array([[0.9, 0.1]], np.float32), ("happy", "sad"), np.array(["0"]),
    ...                           votes=votes, vote_names=FERPLUS)
    >>> score_against_votes(predictions).accuracy
    1.0
    """
    columns = annotator_columns(predictions)
    if columns is None or predictions.votes is None:
        return None
    winners, left_out = plurality(predictions.votes, columns)
    kept = winners >= 0
    targets = np.full(len(kept), UNLABELLED) if predictions.targets is None else predictions.targets
    labelled = kept & (targets != UNLABELLED)
    right, faces = count(kept & (predictions.labels == winners), groups), count(kept, groups)
    agreed, faces_with_label = count(labelled & (targets == winners), groups), count(labelled, groups)
    return AnnotatorScores(
        faces=int(kept.sum()),
        left_out=left_out,
        accuracy=share(right, faces),
        accuracy_interval=share_interval(right, faces),
        label_accuracy=share(agreed, faces_with_label),
        label_accuracy_interval=share_interval(agreed, faces_with_label),
        distribution=_distribution(predictions.probabilities, predictions.votes[:, columns], groups=groups),
    )


def _distribution(probabilities: NDArray[np.float32], votes: NDArray[np.uint8], *, groups: Groups) -> VoteDistribution:
    """Average `-sum(shares * log(probabilities))` over the faces with votes, both arrays `(N, C)`."""
    voted = votes.any(axis=1)
    if not voted.any():
        return VoteDistribution(faces=0, cross_entropy=None, cross_entropy_interval=None, entropy=None)
    shares = votes[voted] / votes[voted].sum(axis=1, keepdims=True)
    log_probabilities = np.log(np.maximum(probabilities[voted].astype(np.float64), FLOOR))
    log_shares = np.log(np.where(shares > 0, shares, 1))  # 0 log 0 is 0
    losses = -(shares * log_probabilities).sum(axis=1)
    if groups is not None:
        groups = np.unique(groups[voted], return_inverse=True)[1]
    return VoteDistribution(
        faces=int(voted.sum()),
        cross_entropy=float(losses.mean()),
        cross_entropy_interval=normal_interval(float(losses.mean()), losses, groups=groups),
        entropy=float(-(shares * log_shares).sum(axis=1).mean()) + 0.0,  # + 0.0: never -0.0
    )
