"""Wilson and the normal interval against SciPy; the bootstrap against a plain loop over faces; coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, sem
from sklearn.metrics import f1_score

from mien.core.errors import UsageError
from mien.evaluation.confusion import macro_f1_interval, tally
from mien.evaluation.intervals import (
    f1_interval,
    normal_interval,
    percentile_interval,
    resample,
    standard_error,
    wilson,
)
from mien.evaluation.metrics import score_predictions


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_equals_scipy(pair):
    expected = binomtest(*pair).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(*pair) == pytest.approx([expected.low, expected.high], abs=1e-12)


@pytest.mark.parametrize("pair", [(0, 0), (2, 1), (-1, 1)])
def test_wilson_refuses_what_is_no_share(pair):
    with pytest.raises(UsageError, match="no share"):
        wilson(*pair)


def test_standard_error_of_the_honest_protocol():
    assert standard_error(round(0.72 * 3589), 3589) == pytest.approx(0.0075, abs=5e-5)


def test_bootstrap_agrees_with_the_normal_approximation(draw):
    """Within 0.1 points: one standard error is 0.7 points, and 4,000 resamples blur each end by about 0.03."""
    result = score_predictions(draw(3589), bootstrap=4000)
    half = 1.96 * result.accuracy_standard_error
    expected = [result.accuracy - half, result.accuracy + half]
    assert result.accuracy_interval == pytest.approx(expected, abs=0.001)


def test_counting_kinds_equals_drawing_faces(draw):
    """A plain loop that draws faces and asks scikit-learn gives the same interval, within resampling noise."""
    said = draw(300)
    generator = np.random.default_rng(1)
    loop = []
    for _ in range(800):
        rows = generator.integers(0, 300, 300)
        targets, labels = said.targets[rows], said.labels[rows]
        loop.append(
            (
                np.mean(targets == labels),
                f1_score(targets, labels, labels=np.unique(targets), average="macro", zero_division=0),
            )
        )
    result = score_predictions(said, bootstrap=4000)
    for place, name in enumerate(("accuracy", "macro_f1")):
        expected = percentile_interval(np.array(loop)[:, place])
        assert getattr(result, f"{name}_interval") == pytest.approx(expected, abs=0.008)


def test_interval_covers_the_truth_as_often_as_it_says():
    """400 tests of 500 faces at 70 %: 95 % of intervals hold 0.7; three binomial standard errors are 3.3 points."""
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        kinds, draws = resample(generator.binomial(1, 0.7, (500, 1)), 400, generator=generator)
        low, high = percentile_interval(draws @ kinds[:, 0] / 500)
        covered += low <= 0.7 <= high
    assert covered / 400 == pytest.approx(0.95, abs=0.033)


@given(st.integers(1, 500).flatmap(lambda either: st.tuples(st.integers(0, either), st.just(either))))
def test_interval_of_f1_is_that_of_its_share(pair):
    """F1 is 2 J / (1 + J), and J a share: of the faces that are of the class or got its label, those that are both."""
    share = binomtest(*pair).proportion_ci(confidence_level=0.95, method="wilson")
    low, high = f1_interval(*pair)
    assert [low / (2 - low), high / (2 - high)] == pytest.approx([share.low, share.high], abs=1e-9)


def test_normal_interval_equals_scipy():
    values = np.random.default_rng(0).exponential(size=30)
    expected = norm.interval(0.95, loc=values.mean(), scale=sem(values))
    assert normal_interval(values.mean(), values) == pytest.approx(expected)
    assert normal_interval(values.mean(), values - values.mean()) == pytest.approx(expected)


def test_normal_interval_keeps_inside_and_claims_nothing_from_equal_faces():
    assert normal_interval(0.5, np.array([0.0, 1.0]), highest=1) == (0, 1)
    assert normal_interval(0.5, np.array([0.5])) is None
    assert normal_interval(0.5, np.array([0.5, 0.5])) is None


def test_macro_f1_with_two_rare_classes_is_covered():
    """Classes of about 13 and 24 in 3,000 faces, 300 draws; three binomial standard errors are 3.8 points."""
    shares = np.array([0.55, 0.4377, 0.0043, 0.008])
    labels = np.array([[0.8, 0.15, 0.04, 0.01], [0.1, 0.85, 0.02, 0.03], [0.2, 0.2, 0.6, 0], [0.6, 0.1, 0, 0.3]])
    truth = shares[:, None] * labels
    f1 = 2 * truth.diagonal() / (truth.sum(axis=0) + truth.sum(axis=1))
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        counts = generator.multinomial(3000, truth.ravel()).reshape(4, 4)
        kinds = np.argwhere(counts)
        draws = generator.multinomial(3000, counts[counts > 0] / 3000, size=200).astype(np.float64)
        right, faces, labelled = tally(kinds, draws, classes=4)
        low, high = macro_f1_interval(counts, right=right, faces=faces, labelled=labelled)
        covered += low <= f1.mean() <= high
    assert covered / 300 == pytest.approx(0.95, abs=0.038)
