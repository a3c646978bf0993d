"""`evaluate` against scikit-learn, and what must not change it."""

import json
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mien.core.errors import DataError, UsageError
from mien.core.predictions import Predictions
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.metrics import evaluate

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "top2_accuracy", "log_loss", "brier", "ece", "aurc")


def test_scores_equal_scikit_learn(case):
    result = evaluate(case, bootstrap=50)
    targets, labels, everything = case.targets, case.labels, np.arange(len(case.classes))
    present = np.unique(targets)
    average = {"labels": present, "average": "macro", "zero_division": 0}
    assert result["faces"] == len(case)
    assert result["accuracy"] == pytest.approx(sk.accuracy_score(targets, labels))
    assert result["macro_f1"] == pytest.approx(sk.f1_score(targets, labels, **average))
    assert result["balanced_accuracy"] == pytest.approx(sk.recall_score(targets, labels, **average))
    expected = sk.log_loss(targets, case.probabilities, labels=everything)
    assert result["log_loss"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    expected = sk.brier_score_loss(targets, case.probabilities, labels=everything, scale_by_half=False)
    assert result["brier"] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_top2_equals_scikit_learn(case):
    if len(case.classes) < 3:
        assert evaluate(case, bootstrap=1)["top2_accuracy"] is None
        return
    # scikit-learn lets the later class win a tie, mien the earlier one (as argmax does): so turn the classes round.
    last = len(case.classes) - 1
    expected = sk.top_k_accuracy_score(last - case.targets, case.probabilities[:, ::-1], labels=np.arange(last + 1))
    assert evaluate(case, bootstrap=1)["top2_accuracy"] == pytest.approx(expected)


def test_classes_equal_scikit_learn(case):
    result = evaluate(case, bootstrap=1)
    everything = np.arange(len(case.classes))
    precision, recall, f1, faces = sk.precision_recall_fscore_support(
        case.targets, case.labels, labels=everything, zero_division=0
    )
    said = np.bincount(case.labels, minlength=len(everything))
    for k, each in enumerate(result["per_class"]):
        assert each["name"] == case.classes[k]
        assert each["faces"] == faces[k]
        assert each["precision"] == (pytest.approx(precision[k]) if said[k] else None)
        assert each["recall"] == (pytest.approx(recall[k]) if faces[k] else None)
        assert each["f1"] == (pytest.approx(f1[k]) if faces[k] else None)
    assert result["absent"] == [name for name, count in zip(case.classes, faces, strict=True) if not count]
    assert result["confusion"]["counts"] == sk.confusion_matrix(case.targets, case.labels, labels=everything).tolist()


def test_result_is_plain_json(case):
    result = evaluate(case, bootstrap=20)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["schema_version"] == SCHEMA_VERSION
    low, high = result["accuracy_interval"]
    assert 0 <= low <= result["accuracy"] <= high <= 1


def test_certainty_is_never_claimed_from_few_faces(make):
    result = evaluate(make(np.eye(3)[[0, 1, 2]], [0, 1, 2], "abc"))
    assert result["accuracy"] == 1
    assert result["accuracy_interval_method"] == "wilson"
    assert result["accuracy_interval"] == pytest.approx([0.4385, 1], abs=1e-4)
    assert result["macro_f1_interval"] is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(4)))
def test_renaming_classes_moves_the_classes_only(seed, order):
    said = _random(seed)
    position = np.argsort(order)
    turned = Predictions(
        said.probabilities[:, order], tuple(said.classes[k] for k in order), said.ids, targets=position[said.targets]
    )
    before, after = evaluate(said, bootstrap=20), evaluate(turned, bootstrap=20)
    for name in SCORES:
        assert after[name] == pytest.approx(before[name])
    assert after["per_class"] == [before["per_class"][k] for k in order]
    counts = np.array(before["confusion"]["counts"])
    assert after["confusion"]["counts"] == counts[np.ix_(order, order)].tolist()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_faces_is_irrelevant(seed):
    said = _random(seed)
    mixed = said.select(np.random.default_rng(seed).permutation(len(said)))
    before, after = evaluate(said, bootstrap=50), evaluate(mixed, bootstrap=50)
    for name in SCORES:
        assert after[name] == pytest.approx(before[name])
    for name in ("accuracy_interval", "macro_f1_interval", "per_class", "confusion", "most_confused"):
        assert after[name] == before[name]


def _random(seed: int) -> Predictions:
    generator = np.random.default_rng(seed)
    faces = int(generator.integers(1, 60))
    return Predictions(
        generator.dirichlet(np.ones(4), faces).astype(np.float32),
        tuple("abcd"),
        np.arange(faces).astype(str),
        targets=generator.integers(0, 4, faces),
    )


def test_faces_without_target_are_left_out(draw):
    said = draw()
    targets = said.targets.copy()
    targets[:150] = -1
    partly = Predictions(said.probabilities, said.classes, said.ids, targets=targets)
    result, expected = evaluate(partly), evaluate(said.select(np.arange(150, 400)))
    assert (result["faces"], result["unlabelled"]) == (250, 150)
    assert {**result, "unlabelled": 0, "source": "case"} == expected


@pytest.mark.parametrize("targets", [None, [-1, -1]])
def test_no_target_at_all(make, targets):
    with pytest.raises(DataError, match="none of the 2 faces has a target"):
        evaluate(make(np.eye(2), targets, "ab"))


@pytest.mark.parametrize("target", [2, -2])
def test_target_that_is_no_class(make, target):
    with pytest.raises(DataError, match=f"face face-00001: target {target}, expected 0 to 1"):
        evaluate(make(np.eye(2), [0, target], "ab"))


def test_bootstrap_needs_a_resample(draw):
    with pytest.raises(UsageError, match="bootstrap of 0"):
        evaluate(draw(), bootstrap=0)


def test_without_copies_equals_scoring_the_rest(draw, make):
    said = draw()
    copies = np.arange(400) % 5 == 0
    result = evaluate(make(said.probabilities, said.targets, copies=copies), seed=3)
    rest = evaluate(said.select(~copies), seed=3)
    assert result["copies"] == 80
    assert result["without_copies"] == {"faces": 320, "copies": 80} | {
        name: rest[name]
        for name in (
            "accuracy",
            "accuracy_interval",
            "accuracy_interval_method",
            "accuracy_standard_error",
            "macro_f1",
            "macro_f1_interval",
            "ece",
        )
    }
    assert result["accuracy"] == evaluate(said)["accuracy"]


def test_copies_unknown_none_and_all(make):
    unknown = evaluate(make(np.eye(2), [0, 1], "ab"))
    assert unknown["copies"] is None
    assert unknown["without_copies"] is None
    none = evaluate(make(np.eye(2), [0, 1], "ab", copies=np.array([False, False])))
    assert none["copies"] == 0
    assert none["without_copies"]["faces"] == 2
    every = evaluate(make(np.eye(2), [0, 1], "ab", copies=np.array([True, True])))
    assert every["copies"] == 2
    assert every["without_copies"] is None


def test_synthetic_is_said(make):
    assert evaluate(make(np.eye(2), [0, 1], "ab", synthetic=True))["synthetic"] is True


def test_same_seed_same_result(draw):
    assert evaluate(draw(), seed=5) == evaluate(draw(), seed=5)
    assert evaluate(draw(), seed=5)["accuracy_interval"] != evaluate(draw(), seed=6)["accuracy_interval"]


def test_a_thousand_resamples_take_less_time_than_a_hundred_scores_of_scikit_learn(draw):
    """Each takes processor time, so that neither a slow nor a busy machine decides."""
    said = draw(3589)
    start = process_time()
    evaluate(said, bootstrap=1000)
    resampled_s = process_time() - start
    start = process_time()
    for _ in range(100):
        sk.f1_score(said.targets, said.labels, average="macro")
    assert resampled_s < process_time() - start
