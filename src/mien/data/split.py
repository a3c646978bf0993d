"""Setting validation faces aside so that no exact copy of one is trained on.  Axes: `N` faces, `G` groups of copies."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError, nearest
from mien.core.faces import FaceSet

HoldoutMethod = Literal["file", "last", "stratified", "kfold"]
METHODS: tuple[HoldoutMethod, ...] = get_args(HoldoutMethod)


def require_learnable(faces: FaceSet) -> None:
    """Raise `DataError` if a network can't learn all classes that it would be judged by, or only one."""
    training = set(np.unique(faces.targets[faces.labelled & (faces.splits == "train")]).tolist())
    if len(training) == 1:
        name = faces.classes[training.pop()]
        raise DataError(
            f"{faces.source}: all labelled faces of the split 'train' are of one class, '{name}'; expected two or more "
            "(`mien data describe` shows what was read as a class)"
        )
    for split in np.unique(faces.splits).tolist():
        part = faces.targets[faces.labelled & (faces.splits == split)]
        unknown = [faces.classes[target] for target in np.unique(part) if target not in training]
        if training and unknown:
            raise DataError(
                f"{faces.source}: the split '{split}' has classes that the split 'train' has no face of: "
                f"{', '.join(unknown)}; use the same names in both, add faces to train, or take them out of {split}"
            )


def find_duplicates(faces: FaceSet, others: FaceSet) -> NDArray[np.bool_]:
    """Return which of N faces are exact copies, pixel by pixel, of one of `others`: `bool (N,)`."""
    return np.isin(faces.digests, others.digests)


def hold_out(
    faces: FaceSet, *, method: HoldoutMethod, rows: int = 2000, fold: int = 0, folds: int = 5, seed: int = 0
) -> tuple[FaceSet, FaceSet]:
    """Divide the labelled faces of the split `train` into faces to learn from and faces to validate on.

    Exact copies stay on one side: `stratified` and `kfold` move them together; `file` and `last` keep the validation
    faces as they are and drop the training faces that copy one of them.

    Args:
        faces: any faces; only labelled ones are returned.
        method: `file`, the data's own split `validation`; `last`, the last `rows` in file order; `stratified`, `rows`
            drawn by the seed, each class in proportion (fewer only where groups of copies do not fit); `kfold`, fold
            `fold` of `folds`, each class in proportion.
        rows: how many faces `last` and `stratified` take.
        fold: which fold is for validation, from 0.
        folds: how many folds there are.
        seed: of `stratified` and `kfold`.

    Returns:
        The faces to learn from and the faces to validate on, both in file order.

    Raises:
        DataError: one of the two would be empty.
        UsageError: an unknown method, a fold outside 0 to folds - 1, rows below 1.
    """
    train = faces.split("train")
    train = train.select(train.labelled)
    if method == "file":
        rest, held = train, _own_validation(faces)
    elif method == "last":
        places = np.arange(len(train)) < len(train) - _checked(rows, train)
        rest, held = train.select(places), train.select(~places)
    elif method == "stratified":
        chosen = _proportional(train, _checked(rows, train), np.random.default_rng(seed))
        rest, held = train.select(~chosen), train.select(chosen)
    elif method == "kfold":
        chosen = _fold(train, fold, folds, np.random.default_rng(seed))
        rest, held = train.select(~chosen), train.select(chosen)
    else:
        raise UsageError(f"no hold-out method '{method}', {nearest(method, METHODS)}")
    rest = rest.select(~find_duplicates(rest, held))
    if not len(rest) or not len(held):
        raise DataError(
            f"{faces.source}: hold-out '{method}' leaves {len(rest):,} faces to learn from and "
            f"{len(held):,} to validate on, of {len(train):,} labelled ones in split 'train'; "
            "exact copies stay together"
        )
    return rest, held


def _checked(rows: int, train: FaceSet) -> int:
    if rows < 1:
        raise UsageError(f"{rows} rows to hold out, expected 1 or more")
    if rows >= len(train):
        raise DataError(
            f"{train.source}: {rows:,} rows to hold out of {len(train):,} labelled ones in split 'train'; "
            f"hold out fewer, such as --set holdout.rows={max(len(train) // 5, 1)}"
        )
    return rows


def _own_validation(faces: FaceSet) -> FaceSet:
    if "validation" not in faces.splits:
        raise DataError(
            f"{faces.source}: no validation rows, the data have no split 'validation'; "
            "hold out training rows with the method stratified, kfold or last"
        )
    held = faces.split("validation")
    return held.select(held.labelled)


def _groups(faces: FaceSet) -> NDArray[np.int64]:
    """Number the groups of exact copies: `int64 (N,)`, values 0 to G - 1."""
    return np.unique(faces.digests, return_inverse=True)[1]


def _proportional(train: FaceSet, rows: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Take whole groups in random order while every class of theirs still has room: `bool (N,)`."""
    groups = _groups(train)
    room = apportion(np.bincount(train.targets, minlength=len(train.classes)), rows)
    by_group = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    chosen = np.zeros(len(train), np.bool_)
    for group in generator.permutation(len(by_group)):
        members = by_group[group]
        wanted = np.bincount(train.targets[members], minlength=len(room))
        if (wanted <= room).all():
            chosen[members] = True
            room -= wanted
    return chosen


def apportion(counts: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Share `rows` out in proportion to `counts`, whole numbers, the largest remainders first.

    >>> apportion(np.array([70, 20, 10]), 7).tolist()
    [5, 1, 1]
    """
    exact = counts * rows / counts.sum()
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    shares[np.argsort(shares - exact, kind="stable")[: rows - shares.sum()]] += 1
    return shares


def _fold(train: FaceSet, fold: int, folds: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Deal the groups, shuffled and then sorted by class, to the folds like cards: `bool (N,)`."""
    if not 2 <= folds <= len(train) or not 0 <= fold < folds:
        raise UsageError(f"fold {fold} of {folds}: expected 2 to {len(train):,} folds, counted from 0")
    groups = _groups(train)
    first = np.unique(groups, return_index=True)[1]
    shuffled = generator.permutation(len(first))
    order = shuffled[np.argsort(train.targets[first][shuffled], kind="stable")]
    fold_of_group = np.empty(len(first), np.int64)
    fold_of_group[order] = np.arange(len(first)) % folds
    chosen: NDArray[np.bool_] = fold_of_group[groups] == fold
    return chosen
