"""Against SciPy's own t interval."""

import numpy as np
import pytest
from scipy import stats

from mien.core.stats import mean_interval


@pytest.mark.parametrize("count", [2, 3, 30])
def test_it_is_scipys_interval(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 0.1, count).tolist()
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx(list(expected))


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_have_none(values: list[float]) -> None:
    assert mean_interval(values) is None
