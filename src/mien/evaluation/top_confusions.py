"""The top confusions: how large they are, and what FER+'s annotators saw on their faces.

A top confusion is a cell off the diagonal of the confusion matrix: a target, and another class that the model took its
faces for.  Axes: `N` faces, `C` classes, `V` vote columns.
"""

import numpy as np
from numpy.typing import NDArray

from mien.core.confusions import ConfusionVotes, Disagreement, ErrorVotes, MostVotes, TopConfusion, TopConfusions
from mien.core.predictions import Predictions
from mien.evaluation.confusion import confused_class, confusion_matrix, top_cells
from mien.evaluation.intervals import mixed_wilson, share, share_interval
from mien.evaluation.votes import annotator_columns, annotators_disagree, plurality


def score_top_confusions(scored: Predictions) -> TopConfusions:
    """Describe the top confusions, and whether annotators disagreed on their faces where there are FER+ votes.

    Args:
        scored: N faces that all have a target.

    Raises:
        DataError: the votes do not fit their names.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> [(cell.target, cell.label, cell.errors) for cell in score_top_confusions(predictions).cells]
    [('sad', 'happy', 1)]
    """
    counts = confusion_matrix(_targets(scored), scored.labels, classes=len(scored.classes))
    wrong = len(scored) - int(counts.trace())
    columns = annotator_columns(scored)
    places = top_cells(counts)
    cells = []
    for target, label in places:
        size = confused_class(counts, scored.classes, target=target, label=label)
        votes = None
        if columns is not None:
            votes = _confusion_votes(scored, target=target, label=label, columns=columns)
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
        annotators = _error_votes(scored, places, columns=columns)
    return TopConfusions(cells=tuple(cells), annotators=annotators)


def _confusion_votes(scored: Predictions, *, target: int, label: int, columns: list[int]) -> ConfusionVotes:
    targets, labels = _targets(scored), scored.labels
    faces = scored.select((targets == target) & (labels == label))
    right = scored.select((targets == target) & (labels == target))
    return ConfusionVotes(
        disagreement=_disagreement(faces), most_votes=_most_votes(faces, columns), right=_disagreement(right)
    )


def _error_votes(scored: Predictions, places: list[tuple[int, int]], *, columns: list[int]) -> ErrorVotes:
    """Describe all faces of the top confusions, at `places` (target, label), beside all wrong and all right faces."""
    targets, labels = _targets(scored), scored.labels
    listed_rows = np.zeros(len(scored), dtype=bool)
    for target, label in places:
        listed_rows |= (targets == target) & (labels == label)
    listed = scored.select(listed_rows)
    right = scored.select(targets == labels)
    return ErrorVotes(
        disagreement=_disagreement(listed),
        most_votes=_most_votes(listed, columns),
        wrong=_disagreement(scored.select(targets != labels)),
        right=_disagreement(right),
        right_matched=_matched_disagreement(right, listed),
    )


def _disagreement(faces: Predictions) -> Disagreement:
    """Count the faces with votes, and on how many of them the annotators disagreed."""
    votes = _votes(faces)
    voted, disagreed = int(votes.any(axis=1).sum()), int(annotators_disagree(votes).sum())
    return Disagreement(faces=voted, share=share(disagreed, voted), interval=share_interval(disagreed, voted))


def _matched_disagreement(right: Predictions, listed: Predictions) -> Disagreement:
    """Do as `_disagreement` for right faces, weighted so that their classes are mixed as those of the listed faces."""
    votes = _votes(right)
    classes = len(listed.classes)
    # All three count the faces of each class: `int64 (C,)`.
    mix = np.bincount(_targets(listed)[_votes(listed).any(axis=1)], minlength=classes)
    voted = np.bincount(_targets(right)[votes.any(axis=1)], minlength=classes)
    disagreed = np.bincount(_targets(right)[annotators_disagree(votes)], minlength=classes)
    occurs = mix > 0
    faces = int(voted[occurs].sum())
    if not occurs.any() or not voted[occurs].all():
        return Disagreement(faces=faces, share=None, interval=None)
    weights = mix[occurs] / mix.sum()
    return Disagreement(
        faces=faces,
        share=float(weights @ (disagreed[occurs] / voted[occurs])),
        interval=mixed_wilson(disagreed[occurs], voted[occurs], weights=weights),
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
