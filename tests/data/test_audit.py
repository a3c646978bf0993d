"""`describe` on small sets whose answers are known."""

import json

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.faces import join
from mien.core.labels import FERPLUS_VOTES
from mien.data.audit import Rows, count_copies, count_votes, describe


def test_describe(make_faces):
    faces = make_faces(
        [3, 3, 4, -1, 3, 4], contents=[1, 1, 1, 7, 7, 1], splits=["train", "train", "train", "train", "test", "test"]
    )
    faces.images[3] = 9
    facts = describe(faces)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert (facts["faces"], facts["unlabelled"], facts["blank"]) == (6, 1, 1)
    assert facts["splits"]["train"]["classes"] == {
        "angry": 0,
        "disgust": 0,
        "fear": 0,
        "happy": 2,
        "sad": 1,
        "surprise": 0,
        "neutral": 0,
    }
    assert facts["splits"]["test"] == {
        "faces": 2,
        "unlabelled": 0,
        "classes": {**dict.fromkeys(faces.classes, 0), "happy": 1, "sad": 1},
    }
    assert facts["copies"] == {
        "within": {"train": 2, "test": 0},
        "across": [{"split": "test", "copies_of": "train", "faces": 1}],
    }
    assert facts["conflicts"] == {"groups": 1, "faces": 4}
    assert facts["votes"] is None
    assert facts["synthetic"] is False
    assert facts["fingerprint"] == faces.fingerprint


def test_sets_are_described_as_one(make_faces):
    votes = np.random.default_rng(0).integers(0, 9, (6, 10), dtype=np.uint8)
    given = {"splits": ["train", "test", "train"], "vote_names": FERPLUS_VOTES}
    one, two = (
        make_faces([3, 3, -1], contents=[1, 1, 7], votes=votes[:3], **given),
        make_faces([4, 4, 0], contents=[1, 1, 2], votes=votes[3:], **given),
    )
    assert describe(iter([one, two])) == describe(join([one, two]))
    assert describe([one, two])["copies"]["within"] == {"train": 1, "test": 1}
    with pytest.raises(DataError, match="no faces"):
        describe([])


def test_one_split_has_nothing_across(make_faces):
    assert count_copies(Rows.of([make_faces([0, 1])])) == {"within": {"train": 0}, "across": []}


def test_votes(make_faces):
    votes = np.zeros((4, 10), np.uint8)
    for row, name in enumerate(("happiness", "sadness", "NF", "anger")):
        votes[row, FERPLUS_VOTES.index(name)] = 10
    faces = make_faces([3, 3, 4, -1], votes=votes, vote_names=FERPLUS_VOTES)
    counts = count_votes(Rows.of([faces]))
    assert counts["not_a_face"] == 1
    assert counts["agreement"]["all"] == pytest.approx(1 / 3)
    assert counts["agreement"]["classes"]["happy"] == 0.5
    assert counts["agreement"]["classes"]["sad"] == 0
    assert counts["agreement"]["classes"]["fear"] is None


def test_votes_for_other_classes_have_no_agreement(make_faces):
    votes = np.eye(10, dtype=np.uint8)[:2]
    faces = make_faces([0, 1], classes=("yes", "no"), votes=votes, vote_names=FERPLUS_VOTES)
    assert describe(faces)["votes"] == {"not_a_face": 0, "agreement": None}
    with pytest.raises(DataError, match="no votes"):
        count_votes(Rows.of([make_faces([0])]))


def test_conflicts_need_labels(make_faces):
    assert describe(make_faces([-1, -1], contents=[1, 1]))["conflicts"] == {"groups": 0, "faces": 0}
