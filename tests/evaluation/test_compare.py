"""`compare_predictions` against SciPy's binomial test, a plain paired bootstrap, and `score_predictions`."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from mien.core.comparison import ComparedScores, Comparison, Comparisons
from mien.core.errors import DataError
from mien.core.predictions import Predictions
from mien.core.stats import holm
from mien.evaluation.compare import compare_all, compare_predictions, exchange_test, mcnemar
from mien.evaluation.intervals import percentile_interval, resample
from mien.evaluation.metrics import score_predictions


@pytest.fixture
def pair(draw, make):
    """Two classifiers of 600 faces, the second one better."""
    a = draw(600, seed=1, skill=1.2)
    noise = np.random.default_rng(2).normal(scale=0.5, size=a.probabilities.shape)
    powers = np.exp(np.log(a.probabilities) + 0.6 * np.eye(7)[a.targets] + noise)
    return a, make(powers / powers.sum(axis=1, keepdims=True), a.targets)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_equals_the_binomial_test(only_a, only_b):
    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_counts_and_scores(pair):
    a, b = pair
    result = compare_predictions(a, b)
    table = {"both_right": 0, "only_a": 0, "only_b": 0, "both_wrong": 0}
    for target, said_a, said_b in zip(a.targets, a.labels, b.labels, strict=True):
        name = {(True, True): "both_right", (True, False): "only_a", (False, True): "only_b"}
        table[name.get((said_a == target, said_b == target), "both_wrong")] += 1
    assert {name: getattr(result, name) for name in table} == table
    assert result.same_label == (a.labels == b.labels).sum()
    for name, each in (("a", a), ("b", b)):
        alone = score_predictions(each)
        expected = ComparedScores(name=name, model=None, accuracy=alone.accuracy, macro_f1=alone.macro_f1)
        assert getattr(result, name) == expected
    assert result.accuracy_difference == pytest.approx((table["only_b"] - table["only_a"]) / 600)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert Comparison.from_dict(json.loads(text), source="a") == result


def test_intervals_equal_a_plain_paired_bootstrap(pair):
    a, b = pair
    generator = np.random.default_rng(3)
    loop = []
    for _ in range(500):
        rows = generator.integers(0, 600, 600)
        targets = a.targets[rows]
        both = [
            (
                np.mean(each.labels[rows] == targets),
                f1_score(targets, each.labels[rows], average="macro", zero_division=0),
            )
            for each in pair
        ]
        loop.append(np.subtract(both[1], both[0]))
    result = compare_predictions(a, b, bootstrap=4000)
    for place, name in enumerate(("accuracy", "macro_f1")):
        expected = percentile_interval(np.array(loop)[:, place])
        assert getattr(result, f"{name}_difference_interval") == pytest.approx(expected, abs=0.008)


def test_pairing_is_narrower_than_two_separate_intervals(pair):
    low, high = compare_predictions(*pair).accuracy_difference_interval
    apart = sum((end[1] - end[0]) ** 2 for end in (score_predictions(each).accuracy_interval for each in pair)) ** 0.5
    assert high - low < 0.9 * apart


def test_turning_round_turns_the_signs(pair):
    there, back = compare_predictions(*pair, bootstrap=4000), compare_predictions(*pair[::-1], bootstrap=4000)
    assert there.accuracy_difference == -back.accuracy_difference
    assert there.mcnemar_p == back.mcnemar_p
    turned = [-end for end in reversed(back.accuracy_difference_interval)]
    assert there.accuracy_difference_interval == pytest.approx(turned, abs=0.004)


def test_order_of_b_is_irrelevant(pair):
    a, b = pair
    mixed = b.select(np.random.default_rng(0).permutation(600))
    assert compare_predictions(a, mixed) == compare_predictions(a, b)
    mixed_a = a.select(np.random.default_rng(1).permutation(600))
    assert compare_predictions(mixed_a, mixed) == compare_predictions(a, b)


def test_unlabelled_faces_are_left_out(pair):
    targets = pair[0].targets.copy()
    targets[::2] = -1
    partly = [Predictions(each.probabilities, each.classes, each.ids, targets=targets, source="case") for each in pair]
    rest = compare_predictions(*(each.select(np.arange(1, 600, 2)) for each in pair))
    assert compare_predictions(*partly) == replace(rest, unlabelled=300)


def test_verdict_names_the_better_one(pair):
    said = compare_predictions(*pair, names=("plain", "distilled")).verdict
    assert said.startswith("distilled is right more often on these 600 faces (plain ")
    assert "several seeds" in said
    assert compare_predictions(*pair[::-1], names=("distilled", "plain")).verdict.startswith(
        "distilled is right more often"
    )


def test_verdict_claims_nothing_from_little(draw, make):
    a = draw(600)
    few = a.probabilities.copy()
    wrong = np.flatnonzero(a.labels != a.targets)[:3]
    few[wrong] = np.eye(7)[a.targets[wrong]]
    result = compare_predictions(a, make(few, a.targets))
    assert (result.only_a, result.only_b, result.mcnemar_p) == (0, 3, 0.25)
    assert result.verdict.startswith("These 600 faces do not show which of a and b is right more often")
    assert "does not show that they are equal" in result.verdict


def test_five_faces_prove_nothing_even_when_the_bootstrap_is_sure(make):
    right, wrong = make(np.eye(2)[[0] * 5], [0] * 5, "ab"), make(np.eye(2)[[1] * 5], [0] * 5, "ab")
    result = compare_predictions(wrong, right)
    assert result.accuracy_difference_interval == (1, 1)
    assert "do not show" in result.verdict


def test_same_predictions(draw):
    result = compare_predictions(draw(), draw())
    assert (result.accuracy_difference, result.mcnemar_p) == (0, 1)
    assert result.verdict == "a and b are right on exactly the same of these 400 faces."


def test_drawn_faces_are_said(make):
    said = make(np.eye(2), [0, 1], "ab", synthetic=True)
    assert compare_predictions(said, said).verdict.endswith("The faces are drawn, not photographed.")


def test_what_differs_is_named(make):
    a = make(np.eye(2)[[0, 1, 0]], [0, 1, 1], "ab")
    with pytest.raises(DataError, match="classes differ: a, b in a, b, a in b"):
        compare_predictions(a, make(np.eye(2)[[0, 1, 0]], [0, 1, 1], "ba"))
    with pytest.raises(DataError, match=r"ids differ: 1 only in a \(first face-00002\), 0 only in b; compare"):
        compare_predictions(a, a.select(np.array([0, 1])))
    for targets, words in {
        (0, 1, 0): "1 of 3 faces; face face-00002: b in a, a in b; compare predictions of faces with the same labels",
        (0, -1, 0): "2 of 3 faces; face face-00001: b in a, no label in b",
        (0, 1, 9): "1 of 3 faces; face face-00002: b in a, 9 in b",
    }.items():
        with pytest.raises(DataError, match=f"targets differ for {words}"):
            compare_predictions(a, make(np.eye(2)[[0, 1, 0]], targets, "ab"))
    with pytest.raises(DataError, match="targets are missing in b"):
        compare_predictions(a, make(np.eye(2)[[0, 1, 0]], None, "ab"))
    with pytest.raises(DataError, match="ids can't be matched: 3 faces in a, 4 in b"):
        compare_predictions(a, a.select(np.array([0, 1, 2, 2])))
    with pytest.raises(DataError, match="none of the 1 faces has a target"):
        compare_predictions(make([[1, 0]], [-1], "ab"), make([[1, 0]], [-1], "ab"))


def test_groups_of_one_face_change_nothing_but_the_test(pair):
    alone = compare_predictions(*pair, bootstrap=4000)
    grouped = compare_predictions(*pair, bootstrap=4000, groups=np.arange(600))
    assert (grouped.groups, grouped.mcnemar_p, alone.group_p) == (600, None, None)
    assert grouped.group_p == pytest.approx(alone.mcnemar_p, abs=0.01)
    for name in ("accuracy_difference_interval", "macro_f1_difference_interval"):
        assert getattr(grouped, name) == pytest.approx(getattr(alone, name), abs=0.006)


def test_faces_of_one_person_count_once(pair):
    """Each face ten times over is no more evidence than once: the interval of ten copies by person is that of one."""
    a, b = pair
    rows = np.repeat(np.arange(600), 10)
    copies = []
    for each in pair:
        copy = each.select(rows)
        copies.append(replace(copy, ids=np.arange(6000).astype(str)))
    grouped = compare_predictions(*copies, groups=rows, bootstrap=4000)
    once = compare_predictions(a, b, bootstrap=4000)
    assert grouped.groups == 600
    assert grouped.accuracy_difference_interval == pytest.approx(once.accuracy_difference_interval, abs=0.006)
    assert grouped.group_p == pytest.approx(once.mcnemar_p, abs=0.01)
    low, high = compare_predictions(*copies, bootstrap=400).accuracy_difference_interval
    assert high - low < 0.5 * np.ptp(grouped.accuracy_difference_interval)


def test_groups_are_drawn_with_all_of_their_faces():
    faces, groups = np.array([[0], [0], [1], [1], [1]]), np.array([0, 0, 1, 1, 1])
    kinds, draws = resample(faces, 50, generator=np.random.default_rng(0), groups=groups)
    assert kinds.tolist() == [[0], [1]]
    assert (draws % [2, 3] == 0).all()
    assert draws @ [1 / 2, 1 / 3] == pytest.approx(2)


def test_a_difference_of_one_person_is_none(make):
    """40 faces that only b has right, of one person of three: McNemar would be sure, and nothing is known of others."""
    right, wrong = make(np.eye(2)[[0] * 60], [0] * 60, "ab"), make(np.eye(2)[[1] * 40 + [0] * 20], [0] * 60, "ab")
    groups = np.array([0] * 40 + [1] * 10 + [2] * 10)
    assert compare_predictions(wrong, right).mcnemar_p < 1e-6
    result = compare_predictions(wrong, right, groups=groups)
    assert result.group_p == 1
    assert "do not show" in result.verdict
    assert "p of exchanges in 3 groups 1.000" in result.verdict


@pytest.mark.parametrize("skills", [(5, 5), (8, 2), (10, 0)])
def test_the_exchange_test_equals_the_binomial_test_for_equal_groups(skills):
    differences = np.repeat([1, -1], skills)
    expected = binomtest(skills[0], 10, 0.5).pvalue
    assert exchange_test(differences, np.arange(10), seed=0) == pytest.approx(expected, abs=0.015)


def test_one_group_is_refused(pair):
    with pytest.raises(DataError, match="all faces are of one group"):
        compare_predictions(*pair, groups=np.zeros(600, np.int64))


def test_each_is_compared_with_each(pair, draw):
    three = [*pair, draw(600, seed=1, skill=1.2)]
    result = compare_all(three, names="abc", models=[None] * 3)
    assert [(each.a.name, each.b.name) for each in result.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [each.name for each in result.scores] == ["a", "b", "c"]
    first = compare_predictions(*pair)
    assert replace(result.pairs[0], holm_p=None, verdict="") == replace(first, verdict="")
    assert [each.holm_p for each in result.pairs] == holm([each.mcnemar_p for each in result.pairs])
    assert "McNemar p after Holm's correction" in result.pairs[0].verdict
    assert Comparisons.from_dict(json.loads(json.dumps(result.to_dict())), source="abc") == result


def test_the_one_of_many_that_differs_is_named(make):
    a, b = make(np.eye(2), [0, 1], "ab"), make(np.eye(2), [0, 0], "ab")
    with pytest.raises(DataError, match=r"face face-00001: b in first\.npz, a in third\.npz"):
        compare_all([a, a, b], names=["first.npz", "second.npz", "third.npz"], models=[None] * 3)


def test_holm_takes_back_what_one_of_many_pairs_seemed_to_show(draw, make):
    """9 to 1 alone has p .02; among six pairs that is chance."""
    a = draw(600)
    better = a.probabilities.copy()
    wrong, right = np.flatnonzero(a.labels != a.targets), np.flatnonzero(a.labels == a.targets)
    better[wrong[:9]] = np.eye(7)[a.targets[wrong[:9]]]
    better[right[0]] = np.eye(7)[(a.targets[right[0]] + 1) % 7]
    b = make(better, a.targets)
    assert compare_predictions(a, b).verdict.startswith("b is right more often")
    pairs = compare_all([a, b, a, a], names="abcd", models=[None] * 4).pairs
    assert [round(each.holm_p, 2) for each in pairs] == [0.13, 1, 1, 0.13, 0.13, 1]
    for each in pairs:
        assert "is right more often on these" not in each.verdict
