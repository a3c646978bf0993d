"""`score_predictions` against scikit-learn, and what must not change it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mien.core.errors import DataError, UsageError
from mien.core.predictions import Predictions
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import Scores
from mien.evaluation.metrics import score_predictions

INTERVALS = (
    "accuracy_interval",
    "balanced_accuracy_interval",
    "macro_f1_interval",
    "top2_accuracy_interval",
    "log_loss_interval",
    "brier_interval",
    "ece_interval",
    "aurc_interval",
)
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "top2_accuracy", "log_loss", "brier", "ece", "aurc")


def test_scores_equal_scikit_learn(case):
    result = score_predictions(case, bootstrap=50)
    targets, labels, everything = case.targets, case.labels, np.arange(len(case.classes))
    present = np.unique(targets)
    average = {"labels": present, "average": "macro", "zero_division": 0}
    assert result.faces == len(case)
    assert result.accuracy == pytest.approx(sk.accuracy_score(targets, labels))
    assert result.macro_f1 == pytest.approx(sk.f1_score(targets, labels, **average))
    assert result.balanced_accuracy == pytest.approx(sk.recall_score(targets, labels, **average))
    expected = sk.log_loss(targets, case.probabilities, labels=everything)
    assert result.log_loss == pytest.approx(expected, rel=1e-5, abs=1e-6)
    expected = sk.brier_score_loss(targets, case.probabilities, labels=everything, scale_by_half=False)
    assert result.brier == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_top2_equals_scikit_learn(case):
    if len(case.classes) < 3:
        assert score_predictions(case, bootstrap=1).top2_accuracy is None
        return
    # scikit-learn lets the later class win a tie, mien the earlier one (as argmax does): so turn the classes round.
    last = len(case.classes) - 1
    expected = sk.top_k_accuracy_score(last - case.targets, case.probabilities[:, ::-1], labels=np.arange(last + 1))
    assert score_predictions(case, bootstrap=1).top2_accuracy == pytest.approx(expected)


def test_classes_equal_scikit_learn(case):
    result = score_predictions(case, bootstrap=1)
    everything = np.arange(len(case.classes))
    precision, recall, f1, faces = sk.precision_recall_fscore_support(
        case.targets, case.labels, labels=everything, zero_division=0
    )
    said = np.bincount(case.labels, minlength=len(everything))
    for k, each in enumerate(result.per_class):
        assert each.name == case.classes[k]
        assert each.faces == faces[k]
        assert each.precision == (pytest.approx(precision[k]) if said[k] else None)
        assert each.recall == (pytest.approx(recall[k]) if faces[k] else None)
        assert each.f1 == (pytest.approx(f1[k]) if faces[k] else None)
    assert list(result.absent) == [name for name, count in zip(case.classes, faces, strict=True) if not count]
    expected = sk.confusion_matrix(case.targets, case.labels, labels=everything)
    assert np.array_equal(result.confusion.counts, expected)


def test_result_is_plain_json_and_read_back(case, tmp_path):
    result = score_predictions(case, bootstrap=20)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["schema_version"] == SCHEMA_VERSION
    result.write(tmp_path / "metrics.json")
    assert Scores.read(tmp_path / "metrics.json") == result
    low, high = result.accuracy_interval
    assert 0 <= low <= result.accuracy <= high <= 1


@pytest.mark.parametrize("name", [name for name in INTERVALS if name != "ece_interval"])
def test_every_figure_lies_in_its_interval(draw, name):
    result = score_predictions(draw())
    low, high = getattr(result, name)
    assert 0 <= low < getattr(result, name.removesuffix("_interval")) < high
    assert high - low < 0.35


def test_scores_of_an_older_mien_are_read_without_intervals(draw):
    values = score_predictions(draw(), bootstrap=20).to_dict()
    for key in INTERVALS[1:]:
        if key != "macro_f1_interval":
            del values[key]
    for one in values["per_class"]:
        for key in ("precision_interval", "recall_interval", "f1_interval"):
            del one[key]
    read = Scores.from_dict(values, source="metrics.json")
    assert read.log_loss_interval is None
    assert read.per_class[0].recall_interval is None


def test_certainty_is_never_claimed_from_few_faces(make):
    result = score_predictions(make(np.eye(3)[[0, 1, 2]], [0, 1, 2], "abc"))
    assert result.accuracy == 1
    assert result.accuracy_interval_method == "wilson"
    assert result.accuracy_interval == pytest.approx([0.4385, 1], abs=1e-4)
    assert result.macro_f1_interval == pytest.approx([0.7349, 1], abs=1e-4)
    assert result.balanced_accuracy_interval[0] < 0.7
    assert result.top2_accuracy_interval == result.accuracy_interval
    assert [one.recall_interval for one in result.per_class] == [pytest.approx([0.2065, 1], abs=1e-4)] * 3
    assert result.ece_interval is None
    assert result.aurc_interval is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(4)))
def test_renaming_classes_moves_the_classes_only(seed, order):
    said = _random(seed)
    position = np.argsort(order)
    turned = Predictions(
        said.probabilities[:, order], tuple(said.classes[k] for k in order), said.ids, targets=position[said.targets]
    )
    before, after = score_predictions(said, bootstrap=20), score_predictions(turned, bootstrap=20)
    for name in SCORES:
        assert getattr(after, name) == pytest.approx(getattr(before, name))
    assert list(after.per_class) == [before.per_class[k] for k in order]
    counts = np.array(before.confusion.counts)
    assert np.array_equal(after.confusion.counts, counts[np.ix_(order, order)])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_faces_is_irrelevant(seed):
    said = _random(seed)
    mixed = said.select(np.random.default_rng(seed).permutation(len(said)))
    before, after = score_predictions(said, bootstrap=50), score_predictions(mixed, bootstrap=50)
    for name in SCORES:
        assert getattr(after, name) == pytest.approx(getattr(before, name))
    for name in ("accuracy_interval", "macro_f1_interval", "per_class", "confusion", "confused_pairs"):
        assert getattr(after, name) == getattr(before, name)


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
    result, expected = score_predictions(partly), score_predictions(said.select(np.arange(150, 400)))
    assert (result.faces, result.unlabelled) == (250, 150)
    assert replace(result, unlabelled=0, source="case") == expected


@pytest.mark.parametrize("targets", [None, [-1, -1]])
def test_no_target_at_all(make, targets):
    with pytest.raises(DataError, match="none of the 2 faces has a target"):
        score_predictions(make(np.eye(2), targets, "ab"))


@pytest.mark.parametrize("target", [2, -2])
def test_target_that_is_no_class(make, target):
    with pytest.raises(DataError, match=f"face face-00001: target {target}, expected 0 to 1"):
        score_predictions(make(np.eye(2), [0, target], "ab"))


def test_bootstrap_needs_a_resample(draw):
    with pytest.raises(UsageError, match="bootstrap of 0"):
        score_predictions(draw(), bootstrap=0)


def test_without_duplicates_equals_scoring_the_rest(draw, make):
    said = draw()
    duplicates = np.arange(400) % 5 == 0
    result = score_predictions(make(said.probabilities, said.targets, duplicates=duplicates), seed=3)
    rest = score_predictions(said.select(~duplicates), seed=3)
    assert result.duplicates == 80
    assert result.without_duplicates is not None
    assert result.without_duplicates.to_dict() == {"faces": 320, "duplicates": 80} | {
        name: getattr(rest, name)
        for name in (
            "accuracy",
            "accuracy_interval",
            "accuracy_interval_method",
            "accuracy_standard_error",
            "macro_f1",
            "macro_f1_interval",
            "ece",
            "ece_interval",
        )
    }
    assert result.accuracy == score_predictions(said).accuracy


def test_duplicates_unknown_none_and_all(make):
    unknown = score_predictions(make(np.eye(2), [0, 1], "ab"))
    assert unknown.duplicates is None
    assert unknown.without_duplicates is None
    none = score_predictions(make(np.eye(2), [0, 1], "ab", duplicates=np.array([False, False])))
    assert none.duplicates == 0
    assert none.without_duplicates.faces == 2
    every = score_predictions(make(np.eye(2), [0, 1], "ab", duplicates=np.array([True, True])))
    assert every.duplicates == 2
    assert every.without_duplicates is None


def test_synthetic_is_said(make):
    assert score_predictions(make(np.eye(2), [0, 1], "ab", synthetic=True)).synthetic is True


def test_same_seed_same_result(draw):
    assert score_predictions(draw(), seed=5) == score_predictions(draw(), seed=5)
    assert score_predictions(draw(), seed=5).accuracy_interval != score_predictions(draw(), seed=6).accuracy_interval
