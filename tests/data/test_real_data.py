"""The seven formats hold the same faces, and the facts known about the real rows come out."""

import json

import numpy as np
import pytest

from mien.core.data_summary import DataSummary, DuplicatesAcross
from mien.core.faces import FaceSet
from mien.core.labels import FERPLUS_VOTES
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.workflows.describe import describe


@pytest.fixture(scope="module")
def csv_faces(formats):
    return open_faces(formats / "fer2013.csv", votes=formats / "fer2013new.csv")


@pytest.fixture(scope="module")
def facts(real):
    return describe(real)


def test_each_whole_format_gives_the_same_faces(formats, csv_faces):
    for name in ("icml_face_data.csv", "folder"):
        assert open_faces(formats / name).fingerprint == csv_faces.fingerprint, name
    assert len(csv_faces) == 300


def test_course_files_are_the_splits(formats, csv_faces):
    assert open_faces(formats / "train.csv").fingerprint == csv_faces.split("train").fingerprint
    test = open_faces(formats / "test.csv", targets=formats / "test_labels.csv")
    assert test.fingerprint == csv_faces.split("test").fingerprint
    assert not open_faces(formats / "test.csv").labelled.any()


def test_parquet_holds_the_same_rows(real: FaceSet, csv_faces: FaceSet):
    rows = np.concatenate([np.flatnonzero(real.splits == name)[:150] for name in ("train", "test")])
    same = real.select(rows)
    assert same.fingerprint == csv_faces.fingerprint
    np.testing.assert_array_equal(same.images, csv_faces.images)
    np.testing.assert_array_equal(same.votes, csv_faces.votes)
    assert same.vote_names == csv_faces.vote_names == FERPLUS_VOTES


def test_known_facts(facts):
    assert facts.faces == 32_298
    assert list(facts.splits["train"].classes.values()) == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert list(facts.splits["test"].classes.values()) == [467, 56, 496, 895, 653, 415, 607]
    assert facts.blank == 12
    assert facts.duplicates.across == (DuplicatesAcross(split="test", other="train", faces=280),)
    assert facts.votes.not_a_face == 161
    assert facts.votes.agreement.all == pytest.approx(0.62, abs=0.005)
    assert DataSummary.from_dict(json.loads(json.dumps(facts.to_dict())), source="data.json") == facts


def test_ferplus_labels(real, data_dir):
    relabelled = open_faces(data_dir / "fer2013_public.parquet", labels="ferplus")
    assert len(relabelled.classes) == 8
    assert len(relabelled) == 28_259
    assert relabelled.labelled.all()


@pytest.mark.parametrize("method", ["last", "stratified", "kfold"])
def test_no_copy_on_both_sides(real, method):
    rest, held = hold_out(real, method=method, rows=2000)
    assert not np.isin(held.digests, rest.digests).any()
    assert method == "kfold" or len(held) == 2000
    if method == "last":
        assert held.ids.tolist() == real.split("train").ids[-2000:].tolist()
