"""Which class is taken for which, and the scores that follow from those counts alone.

Axes: `C` classes, `G` groups of faces, `K` kinds of faces, `S` resamples; in a matrix, rows are targets and columns are
the model's labels.  Of a matrix by groups, `(G, C, C)`, the intervals are by groups.
The scores are computed from counts rather than by scikit-learn, because the bootstrap needs the same formula for a
thousand resamples at once; the tests compare them with scikit-learn's.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mien.core.confusions import ConfusedClass, ConfusedPair
from mien.core.scores import ClassScores
from mien.core.stats import Interval
from mien.evaluation.intervals import (
    Groups,
    correlate,
    f1_interval,
    f1_of_share,
    join_intervals,
    mixed_wilson,
    share,
    share_interval,
    share_intervals,
    sum_groups,
)

Counts = NDArray[np.int64] | NDArray[np.float64]


def confusion_matrix(
    targets: NDArray[np.int64], labels: NDArray[np.int64], *, classes: int, groups: Groups = None
) -> NDArray[np.int64]:
    """Count the faces of each target that got each label.

    Args:
        targets: `int64 (N,)`, 0 to C - 1.
        labels: `int64 (N,)`, 0 to C - 1.
        classes: C.
        groups: of the faces.

    Returns:
        `int64 (C, C)`: `[target, label]`; with groups `(G, C, C)`.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = targets * classes + labels
    if groups is None:
        return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    count = int(groups.max()) + 1
    return np.bincount(groups * classes**2 + cells, minlength=count * classes**2).reshape(count, classes, classes)


def add_groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up a matrix by groups, `(G, C, C)`, to one of all faces, `(C, C)`; a matrix of all faces stays as it is."""
    return np.asarray(counts.reshape(-1, *counts.shape[-2:]).sum(axis=0))


def row_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide each row of a matrix `int64 (C, C)` by its sum; the row of a class without faces stays 0.

    >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def tally(
    kinds: NDArray[np.int64], draws: NDArray[np.float64], *, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Add up resamples of (target, label) by class.

    Args:
        kinds: `int64 (K, 2)`, target and label.
        draws: `float64 (S, K)`, how often each kind was drawn.
        classes: C.

    Returns:
        Three of `float64 (S, C)`: the faces of a class that got its label, all faces of it, all that got its label.

    >>> [counts.tolist() for counts in tally(np.array([[0, 0], [0, 1]]), np.array([[5.0, 2.0]]), classes=2)]
    [[[5.0, 0.0]], [[7.0, 0.0]], [[5.0, 2.0]]]
    """
    targets, labels = np.eye(classes)[kinds[:, 0]], np.eye(classes)[kinds[:, 1]]
    return draws @ (targets * labels), draws @ targets, draws @ labels


def macro_f1(right: Counts, faces: Counts, *, labelled: Counts) -> NDArray[np.float64]:
    """Average the F1 of the classes that occur in the targets, each class counting once.

    Args:
        right: `(..., C)`, faces of the class that got its label.
        faces: `(..., C)`, faces of the class.
        labelled: `(..., C)`, faces that got its label.

    Returns:
        `float64 (...)`, 0 to 1: the mean of F1 (not the F1 of mean precision and recall); 0 where no class occurs.

    Opitz and Burst 2019, arXiv 1911.03347, tell the two means apart.

    >>> float(macro_f1(np.array([1, 1, 0]), np.array([2, 1, 0]), labelled=np.array([1, 1, 1])))
    0.8333333333333333
    """
    f1 = 2 * right / np.maximum(faces + labelled, 1)
    occurs = faces > 0
    return np.asarray((f1 * occurs).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))


def macro_f1_interval(
    counts: NDArray[np.int64],
    *,
    right: NDArray[np.float64],
    faces: NDArray[np.float64],
    labelled: NDArray[np.float64],
) -> Interval | None:
    """Return the interval of the macro-F1: those of the classes' F1, joined.

    A percentile bootstrap of the macro-F1 holds the truth too seldom where a class has a dozen faces, for a resample
    knows no other faces of the class.

    Args:
        counts: `int64 (C, C)` or `(G, C, C)`, the confusion matrix.
        right: `float64 (S, C)`, faces of each class that got its label, in resamples; these tell how the F1 of two
            classes vary together.
        faces: `float64 (S, C)`, faces of each class in the resamples.
        labelled: `float64 (S, C)`, faces that got its label in the resamples.

    Returns:
        `(low, high)`, 0 to 1; None where the F1 of a class has no interval.
    """
    occurs = add_groups(counts).sum(axis=1) > 0
    hits = np.diagonal(counts, axis1=-2, axis2=-1)[..., occurs]
    either = (counts.sum(axis=-2) + counts.sum(axis=-1))[..., occurs] - hits
    ends = share_intervals(hits, either)
    if ends is None:
        return None
    resampled = (2 * right / np.maximum(faces + labelled, 1))[:, occurs]
    classes = int(occurs.sum())
    return join_intervals(
        f1_of_share(sum_groups(hits) / sum_groups(either)),
        f1_of_share(ends),
        weights=np.full(classes, 1 / classes),
        correlation=correlate(resampled),
    )


def balanced_accuracy_interval(counts: NDArray[np.int64]) -> Interval | None:
    """Return the interval of the mean recall of the classes that occur in a matrix `int64 (C, C)` or `(G, C, C)`.

    Returns:
        `(low, high)`, 0 to 1; None where the recall of a class has no interval.
    """
    occurs = add_groups(counts).sum(axis=1) > 0
    classes = int(occurs.sum())
    right = np.diagonal(counts, axis1=-2, axis2=-1)[..., occurs]
    return mixed_wilson(right, counts.sum(axis=-1)[..., occurs], weights=np.full(classes, 1 / classes))


def per_class(counts: NDArray[np.int64], names: Sequence[str]) -> tuple[ClassScores, ...]:
    """Score each class of a matrix.

    Args:
        counts: `int64 (C, C)` or `(G, C, C)`.
        names: the C class names.

    Returns:
        The figures of each class, in label order.

    >>> sad = per_class(np.array([[3, 1], [0, 0]]), ["happy", "sad"])[1]
    >>> sad.faces, sad.precision, sad.recall
    (0, 0.0, None)
    """
    found = []
    for k, name in enumerate(names):
        right, faces, labelled = counts[..., k, k], counts[..., k, :].sum(axis=-1), counts[..., k].sum(axis=-1)
        occurs = faces.any()
        found.append(
            ClassScores(
                name=name,
                faces=int(faces.sum()),
                precision=share(right, labelled),
                recall=share(right, faces),
                f1=share(2 * right, faces + labelled) if occurs else None,
                precision_interval=share_interval(right, labelled),
                recall_interval=share_interval(right, faces),
                f1_interval=f1_interval(right, faces + labelled - right) if occurs else None,
            )
        )
    return tuple(found)


def confused_pairs(counts: NDArray[np.int64], names: Sequence[str], *, top: int = 5) -> tuple[ConfusedPair, ...]:
    """Rank the pairs of classes by how many errors lie between them.

    Args:
        counts: `int64 (C, C)` or `(G, C, C)`.
        names: the C class names.
        top: how many pairs at most; a pair without errors is never listed.

    Returns:
        The pairs, most errors first.

    >>> confused_pairs(np.array([[3, 1], [0, 4]]), ["sad", "fear"])[0].directions[0].rate
    0.25
    """
    of_all = add_groups(counts)
    total = int(of_all.sum() - of_all.trace())
    pairs = []
    for i, j in combinations(range(len(names)), 2):
        errors = int(of_all[i, j] + of_all[j, i])
        if errors:
            pairs.append((errors, i, j))
    ranked = sorted(pairs, key=lambda pair: -pair[0])[:top]
    return tuple(
        ConfusedPair(
            classes=(names[i], names[j]),
            errors=errors,
            share=errors / total,
            directions=(
                confused_class(counts, names, target=i, label=j),
                confused_class(counts, names, target=j, label=i),
            ),
        )
        for errors, i, j in ranked
    )


def top_cells(counts: NDArray[np.int64], *, top: int = 6) -> list[tuple[int, int]]:
    """Find the cells off the diagonal that hold the most faces.

    Args:
        counts: `int64 (C, C)`.
        top: how many cells at most; a cell without errors is never one.

    Returns:
        `(target, label)` of each, most errors first, of equal ones the first in the matrix.  They are ranked by counts,
        not by rates: a rate puts the class with the fewest faces first, whose cells cost hardly any accuracy.

    >>> top_cells(np.array([[3, 1, 0], [4, 9, 0], [0, 1, 5]]), top=2)
    [(1, 0), (0, 1)]
    """
    errors = counts * (1 - np.eye(len(counts), dtype=np.int64))
    places = np.argsort(-errors, axis=None, kind="stable")[:top]
    targets, labels = np.unravel_index(places, errors.shape)
    cells = zip(targets.tolist(), labels.tolist(), strict=True)
    return [(target, label) for target, label in cells if errors[target, label]]


def confused_class(counts: NDArray[np.int64], names: Sequence[str], *, target: int, label: int) -> ConfusedClass:
    """Describe one cell off the diagonal of a matrix.

    Args:
        counts: `int64 (C, C)` or `(G, C, C)`.
        names: the C class names.
        target: row of the cell.
        label: column of the cell.

    >>> confused_class(np.array([[3, 1], [0, 4]]), ["sad", "fear"], target=0, label=1).rate
    0.25
    """
    errors, faces = counts[..., target, label], counts[..., target, :].sum(axis=-1)
    return ConfusedClass(
        target=names[target],
        label=names[label],
        faces=int(faces.sum()),
        errors=int(errors.sum()),
        rate=share(errors, faces),
        interval=share_interval(errors, faces),
    )
