"""The top confusions: how large they are, and what FER+'s annotators saw on their faces.

A top confusion is a cell off the diagonal of the confusion matrix: a target, and another class that the model took its
faces for.  Axes: `N` faces, `C` classes, `V` vote columns, `G` groups of faces.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.confusions import ConfusionVotes, Disagreement, ErrorVotes, MostVotes, TopConfusion, TopConfusions
from mien.core.predictions import Predictions
from mien.evaluation.confusion import add_groups, confused_class, confusion_matrix, top_cells
from mien.evaluation.intervals import Groups, count, mixed_wilson, share, share_interval, sum_groups
from mien.evaluation.votes import annotator_columns, annotators_disagree, plurality


def score_top_confusions(scored: Predictions, *, groups: Groups = None) -> TopConfusions:
    """Describe the top confusions, and whether annotators disagreed on their faces where there are FER+ votes.

    Args:
        scored: N faces that all have a target.
        groups: of the faces, if the intervals are to be by groups.

    Raises:
        DataError: the votes do not fit their names.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> [(cell.target, cell.label, cell.errors) for cell in score_top_confusions(predictions).cells]
    [('sad', 'happy', 1)]
    """
    counts = confusion_matrix(_targets(scored), scored.labels, classes=len(scored.classes), groups=groups)
    wrong = len(scored) - int(add_groups(counts).trace())
    columns = annotator_columns(scored)
    places = top_cells(add_groups(counts))
    cells = []
    for target, label in places:
        size = confused_class(counts, scored.classes, target=target, label=label)
        votes = None
        if columns is not None:
            votes = _confusion_votes(scored, target=target, label=label, columns=columns, groups=groups)
        cells.append(
            TopConfusion(
                target=size.target,
                label=size.label,
                faces=size.faces,
                errors=size.errors,
                rate=size.rate,
                interval=size.interval,
                share=size.errors / wrong,
                annotators=votes,
            )
        )
    annotators = None
    if columns is not None:
        annotators = _error_votes(scored, places, columns=columns, groups=groups)
    return TopConfusions(cells=tuple(cells), annotators=annotators)


def _confusion_votes(
    scored: Predictions, *, target: int, label: int, columns: list[int], groups: Groups
) -> ConfusionVotes:
    targets, labels = _targets(scored), scored.labels
    confused = (targets == target) & (labels == label)
    return ConfusionVotes(
        disagreement=_disagreement(scored, confused, groups),
        most_votes=_most_votes(scored.select(confused), columns),
        right=_disagreement(scored, (targets == target) & (labels == target), groups),
    )


def _error_votes(
    scored: Predictions, places: list[tuple[int, int]], *, columns: list[int], groups: Groups
) -> ErrorVotes:
    """Describe all faces of the top confusions, at `places` (target, label), beside all wrong and all right faces."""
    targets, labels = _targets(scored), scored.labels
    listed = np.zeros(len(scored), dtype=bool)
    for target, label in places:
        listed |= (targets == target) & (labels == label)
    right = targets == labels
    return ErrorVotes(
        disagreement=_disagreement(scored, listed, groups),
        most_votes=_most_votes(scored.select(listed), columns),
        wrong=_disagreement(scored, ~right, groups),
        right=_disagreement(scored, right, groups),
        right_matched=_matched_disagreement(scored, right, listed=listed, groups=groups),
    )


def _disagreement(scored: Predictions, chosen: NDArray[np.bool_], groups: Groups) -> Disagreement:
    """Count the chosen faces with votes, and on how many of them the annotators disagreed."""
    votes = _votes(scored)
    voted, disagreed = count(chosen & votes.any(axis=1), groups), count(chosen & annotators_disagree(votes), groups)
    return Disagreement(
        faces=int(np.sum(voted)), share=share(disagreed, voted), interval=share_interval(disagreed, voted)
    )


def _matched_disagreement(
    scored: Predictions, right: NDArray[np.bool_], *, listed: NDArray[np.bool_], groups: Groups
) -> Disagreement:
    """Do as `_disagreement` for right faces, weighted so that their classes are mixed as those of the listed faces."""
    votes, targets = _votes(scored), _targets(scored)
    has_votes, disagree = votes.any(axis=1), annotators_disagree(votes)
    mix = np.bincount(targets[listed & has_votes], minlength=len(scored.classes))  # (C,)
    occurs = np.flatnonzero(mix)
    if not occurs.size:
        return Disagreement(faces=0, share=None, interval=None)
    # Both count the faces of each class that occurs: `int64 (K,)`, or `(G, K)` by groups.
    voted = np.stack([count(right & has_votes & (targets == k), groups) for k in occurs], axis=-1)
    disagreed = np.stack([count(right & disagree & (targets == k), groups) for k in occurs], axis=-1)
    faces = sum_groups(voted)
    if not faces.all():
        return Disagreement(faces=int(faces.sum()), share=None, interval=None)
    weights = mix[occurs] / mix.sum()
    return Disagreement(
        faces=int(faces.sum()),
        share=float(weights @ (sum_groups(disagreed) / faces)),
        interval=mixed_wilson(disagreed, voted, weights=weights),
    )


def _most_votes(faces: Predictions, columns: list[int]) -> MostVotes:
    """Tell what got the most votes on faces that all were labelled wrong."""
    winners, left_out = plurality(_votes(faces), columns)
    target = int((winners == _targets(faces)).sum())
    label = int((winners == faces.labels).sum())
    # A class that is neither of the two, or an answer that is no class of the model.
    other = int((winners >= 0).sum()) - target - label + left_out.other
    voted = target + label + other + left_out.tie
    return MostVotes(
        target=share(target, voted),
        label=share(label, voted),
        other=share(other, voted),
        tie=share(left_out.tie, voted),
    )


def _targets(faces: Predictions) -> NDArray[np.int64]:
    assert faces.targets is not None
    return faces.targets


def _votes(faces: Predictions) -> NDArray[np.uint8]:
    assert faces.votes is not None
    return faces.votes
