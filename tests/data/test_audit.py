"""`describe` on small sets whose answers are known."""

import json

import numpy as np
import pytest

from mien.core.data_summary import Conflicts, DataSummary, Duplicates, DuplicatesAcross, SplitSummary, VoteSummary
from mien.core.errors import DataError
from mien.core.faces import join
from mien.core.labels import FERPLUS_VOTES
from mien.data.audit import CountedFaces, count_duplicates, count_votes, summarise
from mien.workflows.describe import describe


def test_describe(make_faces):
    faces = make_faces(
        [3, 3, 4, -1, 3, 4], contents=[1, 1, 1, 7, 7, 1], splits=["train", "train", "train", "train", "test", "test"]
    )
    faces.images[3] = 9
    summary = describe(faces)
    stored = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert DataSummary.from_dict(stored, source="data.json") == summary
    assert (summary.faces, summary.unlabelled, summary.blank) == (6, 1, 1)
    assert summary.splits["train"].classes == {
        "angry": 0,
        "disgust": 0,
        "fear": 0,
        "happy": 2,
        "sad": 1,
        "surprise": 0,
        "neutral": 0,
    }
    assert summary.splits["test"] == SplitSummary(
        faces=2, unlabelled=0, classes={**dict.fromkeys(faces.classes, 0), "happy": 1, "sad": 1}
    )
    assert summary.duplicates == Duplicates(
        within={"train": 2, "test": 0}, across=(DuplicatesAcross(split="test", other="train", faces=1),)
    )
    assert summary.conflicts == Conflicts(groups=1, faces=4)
    assert summary.votes is None
    assert summary.synthetic is False
    assert summary.fingerprint == faces.fingerprint


def test_sets_are_described_as_one(make_faces):
    votes = np.random.default_rng(0).integers(0, 9, (6, 10), dtype=np.uint8)
    given = {"splits": ["train", "test", "train"], "vote_names": FERPLUS_VOTES}
    one, two = (
        make_faces([3, 3, -1], contents=[1, 1, 7], votes=votes[:3], **given),
        make_faces([4, 4, 0], contents=[1, 1, 2], votes=votes[3:], **given),
    )
    assert summarise(iter([one, two])) == describe(join([one, two]))
    assert summarise([one, two]).duplicates.within == {"train": 1, "test": 1}
    with pytest.raises(DataError, match="no faces"):
        summarise([])


def test_one_split_has_nothing_across(make_faces):
    assert count_duplicates(CountedFaces.of([make_faces([0, 1])])) == Duplicates(within={"train": 0}, across=())


def test_votes(make_faces):
    votes = np.zeros((4, 10), np.uint8)
    for row, name in enumerate(("happiness", "sadness", "NF", "anger")):
        votes[row, FERPLUS_VOTES.index(name)] = 10
    faces = make_faces([3, 3, 4, -1], votes=votes, vote_names=FERPLUS_VOTES)
    votes_found = count_votes(CountedFaces.of([faces]))
    assert votes_found.not_a_face == 1
    assert votes_found.agreement.all == pytest.approx(1 / 3)
    assert votes_found.agreement.classes["happy"] == 0.5
    assert votes_found.agreement.classes["sad"] == 0
    assert votes_found.agreement.classes["fear"] is None


def test_votes_for_other_classes_have_no_agreement(make_faces):
    votes = np.eye(10, dtype=np.uint8)[:2]
    faces = make_faces([0, 1], classes=("yes", "no"), votes=votes, vote_names=FERPLUS_VOTES)
    assert describe(faces).votes == VoteSummary(not_a_face=0, agreement=None)
    with pytest.raises(DataError, match="no votes"):
        count_votes(CountedFaces.of([make_faces([0])]))


def test_conflicts_need_labels(make_faces):
    assert describe(make_faces([-1, -1], contents=[1, 1])).conflicts == Conflicts(groups=0, faces=0)
