"""The audit of labels: planted mistakes are found, nothing else is said, and bad judges are refused."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.bundle import Bundle
from mien.core.data_summary import DuplicatesAcross
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet, join
from mien.core.label_audit import LabelAudit, digest_text
from mien.core.predictions import Predictions
from mien.core.summaries import summarise
from mien.data.split import find_duplicates
from mien.workflows.audit import audit_labels
from mien.workflows.label_judges import judge

WRONG = np.array([3, 8, 21, 34, 55])
"""The faces to which `mislabelled` gives another label."""


@pytest.fixture(scope="module")
def drawn() -> FaceSet:
    return mien.open_faces("synthetic:70")


@pytest.fixture
def mislabelled(drawn: FaceSet) -> FaceSet:
    targets = drawn.targets.copy()
    targets[WRONG] = (targets[WRONG] + 1) % 7
    return replace(drawn, targets=targets)


def predict(faces: FaceSet, *, probability: float = 0.94, targets: np.ndarray | None = None) -> Predictions:
    """Give each face's own label, or that in `targets`, a probability; the rest is shared by the others."""
    targets = faces.targets if targets is None else targets
    probabilities = np.full((len(faces), 7), (1 - probability) / 6, np.float32)
    probabilities[np.arange(len(faces)), targets] = probability
    return Predictions(probabilities=probabilities, classes=faces.classes, ids=faces.ids, source="judge")


def test_planted_mistakes_are_found(drawn: FaceSet, mislabelled: FaceSet, tmp_path: Path) -> None:
    audit = audit_labels(mislabelled, model=predict(drawn), out=tmp_path / "audit")
    assert {face.id for face in audit.doubtful} == set(drawn.ids[WRONG])
    for face in audit.doubtful:
        place = drawn.ids.tolist().index(face.id)
        assert face.reasons == ("label",)
        assert face.probable_label == drawn.classes[drawn.targets[place]]
        assert face.label == drawn.classes[mislabelled.targets[place]]
        assert face.digest == digest_text(int(drawn.digests[place]))
        assert face.score == pytest.approx((1 + 0.01 - 0.94) / 2, abs=1e-4)
    assert (audit.faces, audit.labelled, audit.judged) == (70, 70, 70)
    assert audit.agreement is not None
    assert audit.agreement.is_better
    assert f"{len(WRONG)} faces, probably" in "\n".join(map(str, summarise(audit)))
    assert LabelAudit.read(tmp_path / "audit/audit.json") == audit
    with (tmp_path / "audit/audit.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["digest"] for row in rows] == [face.digest for face in audit.doubtful]
    assert {row["reason"] for row in rows} == {"label"}


def test_right_labels_and_unsure_judges_raise_no_suspicion(
    drawn: FaceSet, mislabelled: FaceSet, tmp_path: Path
) -> None:
    assert audit_labels(drawn, model=predict(drawn), out=tmp_path / "a").doubtful == ()
    unsure = predict(drawn, probability=0.4)
    assert audit_labels(mislabelled, model=unsure, out=tmp_path / "b").doubtful == ()


@pytest.mark.parametrize("fault", ["judges guess", "labels in another order"])
def test_judges_that_may_guess_call_no_label_wrong(drawn: FaceSet, tmp_path: Path, fault: str) -> None:
    shuffled = np.random.default_rng(0).permutation(drawn.targets)
    if fault == "judges guess":
        audit = audit_labels(drawn, model=predict(drawn, targets=shuffled), out=tmp_path / "a")
    else:
        audit = audit_labels(replace(drawn, targets=shuffled), model=predict(drawn), out=tmp_path / "a")
    assert audit.judges_may_guess
    assert audit.doubtful == ()
    page = (tmp_path / "a/audit.html").read_text(encoding="utf-8")
    assert "So no label is called wrong." in page
    for words in ("far more probable", "clearly contradicted", "No label is contradicted", "likelier"):
        assert words not in page
    console = "\n".join(map(str, summarise(audit)))
    assert "can't be told" in console
    assert "probably" not in console


def test_of_labels_that_are_all_the_same_it_cant_be_told_who_guesses(drawn: FaceSet, tmp_path: Path) -> None:
    happy = drawn.select(drawn.targets == 3)
    said = happy.targets.copy()
    said[0] = 4
    audit = audit_labels(happy, model=predict(happy, targets=said), out=tmp_path / "a")
    assert audit.agreement is None
    assert [face.id for face in audit.doubtful] == [happy.ids[0]]


def test_copies_with_other_labels_and_blank_faces(drawn: FaceSet, tmp_path: Path) -> None:
    copied = drawn.select(np.arange(3))
    images = np.stack([copied.images[0][:, ::-1], np.minimum(copied.images[1], 254) + 1, np.full((48, 48), 9)])
    targets = copied.targets.copy()
    targets[0] = (targets[0] + 1) % 7
    extra = replace(copied, images=images.astype(np.uint8), targets=targets, ids=np.array(["x", "y", "z"]))
    faces = join([drawn, replace(extra, splits=np.full(3, "test"))])
    audit = audit_labels(faces, model=predict(faces, targets=faces.targets), out=tmp_path / "audit")
    reasons = {face.id: face.reasons for face in audit.doubtful}
    assert reasons == {drawn.ids[0]: ("conflict",), "x": ("conflict",), "z": ("no face",)}
    assert [(face.picture, face.kind, face.id) for face in audit.copies] == [
        (1, "first", drawn.ids[0]),
        (1, "mirrored", "x"),
        (2, "first", drawn.ids[1]),
        (2, "near", "y"),
    ]
    found = {(pair.split, pair.other): pair.faces for pair in audit.copies_across}
    assert found["test", "train"] == int((drawn.splits[:2] == "train").sum())
    assert all(isinstance(pair, DuplicatesAcross) for pair in audit.copies_across)


def test_several_judges_each_judge_what_they_did_not_learn_from(
    drawn: FaceSet, mislabelled: FaceSet, tmp_path: Path
) -> None:
    """The first half is judged by one, which has learned the mistakes of the second half, and the other way round."""
    halves = [np.arange(70) < 35, np.arange(70) >= 35]
    judges = []
    for half in halves:
        judges.append(replace(predict(drawn).select(half), targets=mislabelled.targets[half]))
    audit = audit_labels(mislabelled, model=judges, out=tmp_path / "a")
    assert {face.id for face in audit.doubtful} == set(drawn.ids[WRONG])
    one = audit_labels(mislabelled, model=judges[0], out=tmp_path / "b")
    assert one.judged == 35
    assert {face.id for face in one.doubtful} == set(drawn.ids[WRONG[WRONG < 35]])
    learned = replace(predict(mislabelled), duplicates=halves[1])
    assert audit_labels(mislabelled, model=[learned, judges[1]], out=tmp_path / "c").judged == 70


def test_a_run_judges_what_it_did_not_learn_from(studied: mien.Run, tmp_path: Path) -> None:
    audit = audit_labels(studied.data.faces, model=studied, out=tmp_path / "audit")
    assert audit.judged == len(studied.data.faces) - len(studied.data.learned)
    assert audit.models == (str(studied.path),)
    with pytest.raises(UsageError, match=f"learned from all {len(studied.data.learned)} faces"):
        audit_labels(studied.data.learned, model=studied.path, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_bundle_that_ships_does_not_judge_what_it_learned_from(real: FaceSet) -> None:
    """FER2013 is known face by face: in another order, beside other faces, with other labels, or only a part of it."""
    tested, learned = np.flatnonzero(real.splits == "test"), np.flatnonzero(real.splits == "train")[:40]
    faces = real.select(np.concatenate([learned, tested[::-1]]))
    faces = replace(faces, targets=(faces.targets + 1) % 7)
    copies = find_duplicates(faces, real.split("train"))
    assert copies.sum() == 40 + 280
    assert (judge(faces, ["mien-n"], device="cpu").judged == ~copies).all()
    altered = faces.images.copy()
    altered[:9, 3, 3] ^= 1  # as in another copy of the data set
    assert (judge(replace(faces, images=altered), ["mien-n"], device="cpu").judged == ~copies).all()
    few = faces.select(np.arange(100))  # too few of its faces to be the data set
    assert (judge(few, ["mien-n"], device="cpu").judged == ~copies[:100]).all()
    part = real.select(np.flatnonzero(real.splits == "train")[100:200])
    with pytest.raises(UsageError, match="learned from all 100 faces"):
        judge(part, ["mien-n"], device="cpu")


def test_a_bundle_does_not_judge_copies_of_what_it_learned_from(drawn: FaceSet) -> None:
    splits, images = np.where(np.arange(70) < 60, "train", "test"), drawn.images.copy()
    images[65] = images[3]
    faces = replace(drawn, images=images, splits=splits)
    shipped = Bundle.open("mien-n")
    training = shipped.card.training
    data = replace(training.data, fingerprint=faces.fingerprint)  # as if it had learned from these
    bundle = replace(shipped, card=replace(shipped.card, training=replace(training, data=data)))
    judged = judge(faces, [bundle], device="cpu").judged
    assert np.flatnonzero(judged).tolist() == [60, 61, 62, 63, 64, 66, 67, 68, 69]


def test_other_faces_are_judged_by_a_bundle_that_ships(drawn: FaceSet) -> None:
    assert judge(drawn, ["mien-n"], device="cpu").judged.all()


def test_bad_judges(drawn: FaceSet, tmp_path: Path) -> None:
    sound = predict(drawn)
    other = replace(sound, classes=("a", *sound.classes[1:]))
    strangers = replace(sound, ids=np.array([f"x{number}" for number in range(70)]))
    changed = replace(sound, targets=(drawn.targets + 1) % 7)
    twice = sound.select(np.array([0, 0, 1]))
    out = tmp_path / "audit"
    with pytest.raises(DataError, match=r"'angry' is none of the classifier's, known: .*; rename your classes"):
        audit_labels(drawn, model=other, out=out)
    with pytest.raises(UsageError, match="has the classes a, "):
        audit_labels(drawn, model=[sound, other], out=out)
    with pytest.raises(DataError, match=r"predictions of 70 faces that .* does not have, such as x0"):
        audit_labels(drawn, model=strangers, out=out)
    with pytest.raises(DataError, match="70 of 70 faces have another label"):
        audit_labels(drawn, model=changed, out=out)
    with pytest.raises(DataError, match="several predictions of one face"):
        audit_labels(drawn, model=twice, out=out)
    with pytest.raises(UsageError, match="no model"):
        audit_labels(drawn, model=[], out=out)
    with pytest.raises(DataError, match="no such file"):
        audit_labels(drawn, model=tmp_path / "nothing.npz", out=out)
    unlabelled = replace(drawn, targets=np.full(70, -1))
    with pytest.raises(DataError, match="none of the 70 faces has a label"):
        audit_labels(unlabelled, model=sound, out=out)
    same_ids = replace(drawn, ids=np.full(70, "face"))
    with pytest.raises(DataError, match="several faces have the same id"):
        audit_labels(same_ids, model=sound, out=out)
    assert not out.exists()
