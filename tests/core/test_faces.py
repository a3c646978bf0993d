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
        votes=np.repeat(np.arange(6, dtype=np.uint8)[:, None], 2, axis=1),
        vote_names=("a", "b"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((6, 48, 48))}, r"^faces\.csv: .*float64"),
        ({"images": np.zeros((6, 1, 48, 48), np.uint8)}, r"\(6, 1, 48, 48\)"),
        ({"images": np.uint8(0)}, "faces are a uint8, expected an array"),
        ({"images": [np.zeros((48, 48), np.uint8)] * 6}, r"faces are a list, expected an array uint8 \(N, 48, 48\)"),
        ({"targets": [0] * 6}, "targets are a list, expected an array"),
        ({"images": np.zeros((5, 48, 48), np.uint8)}, "6 targets for 5 faces"),
        ({"images": np.zeros((6, 48, 47), np.uint8)}, r"\(6, 48, 47\)"),
        ({"targets": np.zeros(5, int)}, "5 targets for 6 faces"),
        ({"targets": np.zeros((6, 1), int)}, r"targets are int64 \(6, 1\), expected int64 \(N,\)"),
        ({"targets": np.zeros(6)}, r"^faces\.csv: targets are float64 \(6,\)"),
        ({"targets": np.array(["0"] * 6)}, "targets are <U1"),
        ({"splits": np.array(["train"])}, "1 splits for 6"),
        ({"ids": np.array(["0"])}, "1 ids for 6"),
        ({"votes": np.ones((5, 2), np.uint8)}, "5 votes for 6"),
        ({"votes": np.ones((6, 3), np.uint8)}, "for 2 names"),
        ({"votes": np.ones(6, np.uint8)}, "for 2 names"),
        ({"vote_names": ("a",)}, "for 1 names"),
        ({"targets": np.array([0, 1, 3, 0, 0, 0])}, r"^faces\.csv, face 2: label 3, expected 0 to 2"),
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
    assert part.splits.tolist() == ["test", "train"]
    assert part.votes is not None
    assert part.votes.tolist() == [[3, 3], [0, 0]]
    assert (part.classes, part.source, part.vote_names) == (("happy", "sad", "angry"), "faces.csv", ("a", "b"))


def test_a_mask_and_faces_without_votes() -> None:
    part = replace(faces(), votes=None, vote_names=(), synthetic=True).select(np.arange(6) % 2 == 1)
    assert part.ids.tolist() == ["1", "3", "5"]
    assert len(part) == 3
    assert part.votes is None
    assert part.synthetic


def test_splits() -> None:
    assert faces().split("test").ids.tolist() == ["2", "3"]
    assert faces().split("test,private-test").ids.tolist() == ["2", "3", "4"]
    with pytest.raises(
        DataError, match=r"no faces in split 'exam'; it has private-test \(1\), test \(2\), train \(3\)"
    ):
        faces().split("test,exam")
    with pytest.raises(DataError, match="it has no rows"):
        faces().select(np.array([], int)).split("test")


def test_labelled() -> None:
    assert faces().labelled.tolist() == [True, True, True, True, False, True]


def test_copies_have_equal_digests() -> None:
    digests = faces().digests
    assert digests[0] == digests[5]
    assert len(set(digests.tolist())) == 5
    assert digests.dtype == np.uint64
    assert faces().select(np.array([4, 1])).digests.tolist() == digests[[4, 1]].tolist()
    assert faces().select(np.array([], int)).digests.shape == (0,)


def test_the_fingerprint_is_of_the_content() -> None:
    whole = faces()
    shuffled = whole.select(np.array([4, 2, 5, 0, 1, 3]))
    renamed = replace(whole, classes=("angry", "happy", "sad"), targets=np.array([1, 2, 0, 1, -1, 1]))
    moved = replace(whole, source="other.parquet", ids=whole.ids[::-1], votes=None, vote_names=())
    assert {whole.fingerprint, shuffled.fingerprint, renamed.fingerprint, moved.fingerprint} == {whole.fingerprint}


@pytest.mark.parametrize("what", ["pixel", "label", "unlabelled", "class", "split", "row", "copy"])
def test_the_fingerprint_sees_every_change(what: str) -> None:
    whole = faces()
    images, targets, splits = whole.images.copy(), whole.targets.copy(), whole.splits.copy()
    images[2, 3, 4] ^= 1
    targets[2] = 1
    splits[2] = "train"
    changed = {
        "pixel": replace(whole, images=images),
        "label": replace(whole, targets=targets),
        "unlabelled": replace(whole, targets=np.where(np.arange(6) == 1, -1, whole.targets)),
        "class": replace(whole, classes=("happy", "sad", "cross")),
        "split": replace(whole, splits=splits),
        "row": whole.select(np.arange(5)),
        "copy": whole.select(np.array([0, 1, 2, 3, 4, 5, 5])),
    }
    assert changed[what].fingerprint != whole.fingerprint
    assert len(changed[what].fingerprint) == 16


def test_the_row_fingerprint_is_of_the_rows() -> None:
    whole = faces()
    moved = replace(whole, source="other.parquet", ids=whole.ids[::-1], synthetic=True)
    assert moved.row_fingerprint == whole.row_fingerprint
    assert whole.select(np.arange(6)).row_fingerprint == whole.row_fingerprint
    assert len(whole.row_fingerprint) == 16


@pytest.mark.parametrize("what", ["order", "pixel", "label", "unlabelled", "class", "split", "vote", "votes", "row"])
def test_the_row_fingerprint_sees_every_change(what: str) -> None:
    whole = faces()
    images, targets, splits = whole.images.copy(), whole.targets.copy(), whole.splits.copy()
    votes = np.array(whole.votes)
    images[2, 3, 4] ^= 1
    targets[2] = 1
    splits[2] = "train"
    votes[2, 0] += 1
    changed = {
        "order": whole.select(np.array([1, 0, 2, 3, 4, 5])),
        "pixel": replace(whole, images=images),
        "label": replace(whole, targets=targets),
        "unlabelled": replace(whole, targets=np.where(np.arange(6) == 1, -1, whole.targets)),
        "class": replace(whole, classes=("happy", "sad", "cross")),
        "split": replace(whole, splits=splits),
        "vote": replace(whole, votes=votes),
        "votes": replace(whole, votes=None, vote_names=()),
        "row": whole.select(np.arange(5)),
    }
    assert changed[what].row_fingerprint != whole.row_fingerprint
