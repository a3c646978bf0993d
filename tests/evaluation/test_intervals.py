"""Wilson against SciPy; the bootstrap against a plain loop over faces, the normal approximation, and its coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from mien.core.errors import UsageError
from mien.evaluation.intervals import percentile_interval, resample, standard_error, wilson
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
