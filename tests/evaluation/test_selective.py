"""Risk and coverage against loops that try every threshold, and scikit-learn's metrics of the accepted faces."""

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest
from sklearn.metrics import zero_one_loss

from mien.core.errors import UsageError
from mien.core.scores import RiskPoint
from mien.evaluation.metrics import score_predictions
from mien.evaluation.selective import (
    accepted_at,
    area_interval,
    area_under_risk_coverage,
    risk_bound,
    risk_coverage,
    threshold_for_risk,
)


def risk_at(said, threshold):
    accepted = said.probabilities.max(axis=1) >= threshold
    return zero_one_loss(said.targets[accepted], said.labels[accepted])


def coverage_at(said, threshold):
    return float((said.probabilities.max(axis=1) >= threshold).mean())


def faces_with_ties(seed, faces):
    """Few different top probabilities, right and wrong faces among each."""
    generator = np.random.default_rng(seed)
    top = generator.choice(np.array([0.5, 0.625, 0.75, 1]), faces)
    return np.stack([top, 1 - top], axis=1).astype(np.float32), generator.integers(0, 2, faces)


@pytest.mark.parametrize("points", [1, 7, 20, 90])
def test_the_curve_is_that_of_a_loop(case, points):
    tops = sorted(set(case.probabilities.max(axis=1).tolist()), reverse=True)
    expected = []
    for step in range(1, points + 1):
        first = next(top for top in tops if coverage_at(case, top) * len(case) * points >= step * len(case) - 1e-6)
        if not expected or expected[-1]["threshold"] != first:
            expected.append({"threshold": first, "coverage": coverage_at(case, first), "risk": risk_at(case, first)})
    found = risk_coverage(case.probabilities, case.targets, points=points)
    assert [point.threshold for point in found] == [point["threshold"] for point in expected]
    for name in ("coverage", "risk"):
        assert [getattr(point, name) for point in found] == pytest.approx([point[name] for point in expected])


def test_the_whole_curve_ends_with_the_error_rate(case):
    scores = score_predictions(case, bootstrap=1)
    assert scores.risk_coverage == risk_coverage(case.probabilities, case.targets, points=20)
    assert scores.risk_coverage[-1].coverage == 1
    assert scores.risk_coverage[-1].risk == pytest.approx(1 - scores.accuracy)
    assert scores.aurc == area_under_risk_coverage(case.probabilities, case.targets)


@given(st.integers(1, 3000).flatmap(lambda accepted: st.tuples(st.integers(0, accepted), st.just(accepted))))
def test_the_bound_equals_scipys(pair):
    expected = binomtest(*pair, alternative="less").proportion_ci(confidence_level=0.95, method="exact")
    assert risk_bound(*pair) == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize("risk", [0.05, 0.2, 0.4, 0.6])
def test_the_threshold_is_that_of_a_loop(case, risk):
    found = None
    for threshold in np.linspace(1, 0, 101):
        accepted = case.probabilities.max(axis=1) >= round(threshold, 2)
        wrong, faces = int((case.labels != case.targets)[accepted].sum()), int(accepted.sum())
        if 10 * faces < len(case) or beta.ppf(0.95, faces * risk / 4 + 1, faces * (1 - risk / 4)) > risk:
            continue
        if binomtest(wrong, faces, alternative="less").proportion_ci(0.95).high > risk:
            break
        found = round(threshold, 2)
    assert threshold_for_risk(case.probabilities, case.targets, risk=risk) == found


@pytest.mark.parametrize("faces", [150, 1000])
def test_other_faces_keep_the_risk_too(faces):
    """Faces are right as often as their top probability says, less 0.05; 5 % of 400 thresholds may break the risk.

    Three binomial standard errors are 3.3 points.
    """
    generator = np.random.default_rng(0)
    broken, found = 0, 0
    for _ in range(400):
        top = generator.uniform(0.5, 1, faces)
        rows = np.stack([top, 1 - top], axis=1).astype(np.float32)
        targets = (generator.random(faces) > top - 0.05).astype(np.int64)
        threshold = threshold_for_risk(rows, targets, risk=0.25)
        if threshold is not None:
            found += 1
            broken += 1 - ((max(threshold, 0.5) + 1) / 2 - 0.05) > 0.25
    assert found > 200
    assert broken / 400 < 0.05 + 0.033


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 5))
def test_the_area_is_the_mean_over_all_orders_of_equal_faces(seed, faces):
    rows, targets = faces_with_ties(seed, faces)
    wrong = rows.argmax(axis=1) != targets
    areas = []
    for order in permutations(range(faces)):
        if all(rows[a].max() >= rows[b].max() for a, b in pairwise(order)):
            errors = np.cumsum(wrong[list(order)])
            areas.append(sum(Fraction(int(some), n) for n, some in enumerate(errors, start=1)) / faces)
    assert area_under_risk_coverage(rows, targets) == pytest.approx(float(sum(areas) / len(areas)))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 80), risk=st.floats(0, 1))
def test_a_threshold_keeps_its_promise_and_its_order(seed, faces, risk):
    rows, targets = faces_with_ties(seed, faces)
    found = threshold_for_risk(rows, targets, risk=risk)
    if found is not None:
        accepted = rows.max(axis=1) >= found
        wrong = int((rows.argmax(axis=1) != targets)[accepted].sum())
        assert wrong / accepted.sum() <= risk_bound(wrong, int(accepted.sum())) <= risk
    assert threshold_for_risk(rows, targets, risk=1) == 0
    assert threshold_for_risk(rows, targets, risk=0) is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 80), points=st.integers(1, 90))
def test_the_curve_rises_in_coverage_and_falls_in_threshold(seed, faces, points):
    rows, targets = faces_with_ties(seed, faces)
    curve = risk_coverage(rows, targets, points=points)
    assert 1 <= len(curve) <= min(points, faces)
    assert (np.diff([point.coverage for point in curve]) > 0).all()
    assert (np.diff([point.threshold for point in curve]) < 0).all()
    mixed = np.random.default_rng(seed).permutation(faces)
    assert risk_coverage(rows[mixed], targets[mixed], points=points) == curve
    assert area_under_risk_coverage(rows[mixed], targets[mixed]) == area_under_risk_coverage(rows, targets)


def test_the_area_is_best_when_wrong_faces_come_last():
    rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], np.float32)
    last, first = (area_under_risk_coverage(rows, np.array(targets)) for targets in ([0, 0, 0, 1], [1, 0, 0, 0]))
    assert last == pytest.approx(1 / 16)
    assert first == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@pytest.mark.parametrize("case_of", ["draw", "ties"])
def test_the_interval_of_the_area_is_that_of_a_jackknife(draw, case_of):
    """Leaving out one face after the other tells what each adds; the two differ by terms of order 1 / N."""
    if case_of == "draw":
        said = draw(400)
        rows, targets = said.probabilities, said.targets
    else:
        rows, targets = faces_with_ties(0, 400)
    area = area_under_risk_coverage(rows, targets)
    others = []
    for k in range(400):
        rest = np.arange(400) != k
        others.append(area_under_risk_coverage(rows[rest], targets[rest]))
    half = 1.96 * np.sqrt(399 / 400 * ((np.array(others) - np.mean(others)) ** 2).sum())
    assert area_interval(rows, targets) == pytest.approx([area - half, area + half], rel=0.02)


def test_no_interval_of_the_area_without_errors_or_without_right_labels():
    rows = np.array([[0.9, 0.1], [0.8, 0.2]], np.float32)
    assert area_interval(rows, np.array([0, 0])) is None
    assert area_interval(rows, np.array([1, 1])) is None


def test_a_curve_needs_a_point_and_a_risk_is_a_share(draw):
    said = draw()
    with pytest.raises(UsageError, match="curve of 0 points"):
        risk_coverage(said.probabilities, said.targets, points=0)
    with pytest.raises(UsageError, match=r"risk 1\.2, expected 0 to 1"):
        threshold_for_risk(said.probabilities, said.targets, risk=1.2)


def test_a_threshold_that_nobody_reaches_accepts_nobody() -> None:
    sure = np.array([[0.9, 0.1]], np.float32)
    assert accepted_at(sure, np.array([0]), threshold=0.95) == RiskPoint(threshold=0.95, coverage=0, risk=None)
    assert accepted_at(sure, np.array([1]), threshold=0.9) == RiskPoint(threshold=0.9, coverage=1, risk=1)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.6])
def test_what_a_threshold_accepts_is_what_a_loop_accepts(draw, threshold):
    said = draw(200)
    taken = [i for i in range(len(said)) if max(said.probabilities[i]) >= threshold]
    wrong = [i for i in taken if said.labels[i] != said.targets[i]]
    assert accepted_at(said.probabilities, said.targets, threshold=threshold).to_dict() == {
        "threshold": threshold,
        "coverage": pytest.approx(len(taken) / len(said)),
        "risk": pytest.approx(len(wrong) / len(taken)),
    }
