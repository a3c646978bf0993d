"""Hold-outs: the right rows, in proportion as scikit-learn has it, and no copy on both sides."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from mien.core.errors import DataError, UsageError
from mien.data.split import METHODS, apportion, find_duplicates, hold_out

TARGETS = np.repeat(np.arange(7), [40, 6, 41, 72, 48, 32, 50])


@pytest.fixture
def faces(make_faces):
    """289 training faces, of which every tenth copies the one before; then test faces and one without a label."""
    mixed = np.random.default_rng(1).permutation(TARGETS)
    contents = np.arange(len(mixed))
    contents[10::10] = contents[9:-1:10]
    return make_faces(
        [*mixed, 1, 2, -1],
        contents=[*contents, 900, 901, 902],
        splits=["train"] * len(mixed) + ["test", "test", "train"],
    )


def test_last_keeps_the_last_rows_and_drops_their_copies(make_faces):
    faces = make_faces([0, 1, 2, 3, 4, 5], contents=[8, 1, 2, 3, 8, 5])
    rest, held = hold_out(faces, method="last", rows=2)
    assert held.ids.tolist() == ["4", "5"]
    assert rest.ids.tolist() == ["1", "2", "3"]


def test_file_takes_the_own_validation_split(make_faces):
    faces = make_faces(
        [0, 1, 2, 3, -1, 5],
        contents=[0, 1, 2, 1, 4, 5],
        splits=["train", "train", "train", "validation", "validation", "test"],
    )
    rest, held = hold_out(faces, method="file")
    assert held.ids.tolist() == ["3"]
    assert rest.ids.tolist() == ["0", "2"]


@pytest.mark.parametrize("method", ["last", "stratified", "kfold"])
def test_no_copy_on_both_sides_and_nothing_lost(faces, method):
    rest, held = hold_out(faces, method=method, rows=60)
    assert not find_duplicates(held, rest).any()
    assert set(rest.splits) == set(held.splits) == {"train"}
    assert rest.labelled.all()
    assert held.labelled.all()
    if method != "last":
        assert len(rest) + len(held) == len(TARGETS)


def test_stratified_proportions_are_those_of_scikit_learn(faces):
    _, held = hold_out(faces, method="stratified", rows=60, seed=3)
    labelled = faces.split("train")
    targets = labelled.targets[labelled.labelled]
    _, theirs = next(StratifiedShuffleSplit(1, test_size=60, random_state=0).split(targets, targets))
    ours = np.bincount(held.targets, minlength=7)
    assert len(held) == 60
    assert np.abs(ours - np.bincount(targets[theirs], minlength=7)).max() <= 1


def test_folds_cover_every_face_once_in_scikit_learns_proportions(make_faces):
    faces = make_faces(TARGETS)
    held = [hold_out(faces, method="kfold", fold=fold, folds=5, seed=1)[1] for fold in range(5)]
    assert sorted(int(name) for part in held for name in part.ids) == list(range(len(TARGETS)))
    theirs = StratifiedKFold(5, shuffle=True, random_state=0).split(TARGETS, TARGETS)
    expected = np.array([np.bincount(TARGETS[rows], minlength=7) for _, rows in theirs])
    assert np.abs(np.array([np.bincount(part.targets, minlength=7) for part in held]) - expected).max() <= 1


@pytest.mark.parametrize("method", ["stratified", "kfold"])
def test_seed_decides(faces, method):
    ids = [hold_out(faces, method=method, rows=60, seed=seed)[1].ids.tolist() for seed in (0, 0, 1)]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (DataError, {"method": "file"}, "no validation rows"),
        (DataError, {"method": "last", "rows": 289}, "289 rows to hold out of 289 labelled ones"),
        (DataError, {"method": "stratified", "rows": 1000}, "1,000 rows to hold out of 289"),
        (UsageError, {"method": "last", "rows": 0}, "expected 1 or more"),
        (UsageError, {"method": "kfold", "fold": 5}, "fold 5 of 5"),
        (UsageError, {"method": "kfold", "folds": 1}, "fold 0 of 1"),
        (UsageError, {"method": "kfolds"}, "did you mean kfold"),
    ],
)
def test_impossible_hold_outs(faces, error, options, message):
    with pytest.raises(error, match=message):
        hold_out(faces, **options)


@pytest.mark.parametrize("method", METHODS)
def test_only_copies_leave_nothing_to_learn_from(make_faces, method):
    faces = make_faces([0, 1, 2, 3], contents=[5, 5, 5, 5], splits=["train", "train", "train", "validation"])
    with pytest.raises(DataError, match="leaves"):
        hold_out(faces, method=method, rows=1, folds=2)


def test_unlabelled_or_absent_training_rows(make_faces):
    with pytest.raises(DataError, match="0 labelled"):
        hold_out(make_faces([-1, -1]), method="stratified", rows=1)
    with pytest.raises(DataError, match="no faces in split 'train'"):
        hold_out(make_faces([1, 2], splits="test"), method="stratified", rows=1)


def test_apportion_never_loses_a_row():
    generator = np.random.default_rng(0)
    for _ in range(200):
        counts = generator.integers(0, 50, 7) + np.eye(7, dtype=int)[0]
        rows = int(generator.integers(1, counts.sum() + 1))
        shares = apportion(counts, rows)
        assert shares.sum() == rows
        assert (shares <= counts).all()
        assert np.abs(shares - counts * rows / counts.sum()).max() < 1


def test_find_duplicates(make_faces):
    faces, others = make_faces([0, 1, 2], contents=[1, 2, 3]), make_faces([0, 0], contents=[3, 9])
    assert find_duplicates(faces, others).tolist() == [False, False, True]
