from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.faces import FaceSet


def faces() -> FaceSet:
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    images[5] = images[0]
    return FaceSet(
        images=images,
        targets=np.array([0, 1, 2, 0, -1, 0]),
        classes=("happy", "sad", "angry"),
        splits=np.array(["train", "train", "test", "test", "private-test", "train"]),
        ids=np.arange(6).astype(str),
        source="faces.csv",
        votes=np.ones((6, 2), np.uint8),
        vote_names=("a", "b"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((6, 48, 48))}, "float64"),
        ({"images": np.zeros((6, 48, 47), np.uint8)}, r"\(6, 48, 47\)"),
        ({"targets": np.zeros(5, int)}, "5 targets for 6 faces"),
        ({"splits": np.array(["train"])}, "1 splits for 6"),
        ({"ids": np.array(["0"])}, "1 ids for 6"),
        ({"votes": np.ones((5, 2), np.uint8)}, "5 votes for 6"),
        ({"votes": np.ones((6, 3), np.uint8)}, "for 2 names"),
        ({"targets": np.array([0, 1, 9, 0, 0, 0])}, "face 2: label 9, expected 0 to 2"),
        ({"targets": np.array([0, 1, 0, -2, 0, 0])}, "face 3: label -2"),
        ({"classes": ("happy", "sad", "sad")}, "not unique"),
    ],
)
def test_checks(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(faces(), **change)


def test_select_keeps_everything_together() -> None:
    part = faces().select(np.array([3, 0]))
    assert part.ids.tolist() == ["3", "0"]
    assert part.targets.tolist() == [0, 0]
    assert (part.images == faces().images[[3, 0]]).all()
    assert part.votes is not None
    assert part.votes.shape == (2, 2)


def test_splits() -> None:
    assert faces().split("test").ids.tolist() == ["2", "3"]
    assert faces().split("test,private-test").ids.tolist() == ["2", "3", "4"]
    with pytest.raises(
        DataError, match=r"no faces in split 'exam'; it has private-test \(1\), test \(2\), train \(3\)"
    ):
        faces().split("test,exam")


def test_labelled() -> None:
    assert faces().labelled.tolist() == [True, True, True, True, False, True]


def test_copies_have_equal_digests() -> None:
    digests = faces().digests
    assert digests[0] == digests[5]
    assert len(set(digests.tolist())) == 5


def test_the_fingerprint_is_of_the_content() -> None:
    whole = faces()
    shuffled = whole.select(np.array([4, 2, 5, 0, 1, 3]))
    renamed = replace(whole, classes=("angry", "happy", "sad"), targets=np.array([1, 2, 0, 1, -1, 1]))
    moved = replace(whole, source="other.parquet", ids=whole.ids[::-1], votes=None, vote_names=())
    assert {whole.fingerprint, shuffled.fingerprint, renamed.fingerprint, moved.fingerprint} == {whole.fingerprint}


@pytest.mark.parametrize("what", ["pixel", "label", "split", "row"])
def test_the_fingerprint_sees_every_change(what: str) -> None:
    whole = faces()
    if what == "row":
        assert whole.select(np.arange(5)).fingerprint != whole.fingerprint
        return
    images, targets, splits = whole.images.copy(), whole.targets.copy(), whole.splits.copy()
    if what == "pixel":
        images[2, 3, 4] ^= 1
    elif what == "label":
        targets[2] = 1
    else:
        splits[2] = "train"
    assert replace(whole, images=images, targets=targets, splits=splits).fingerprint != whole.fingerprint
