import numpy as np
import pytest

from mien.core.errors import GateError
from mien.exporting.parity import check_parity, differences

ROWS = np.array([[0.7, 0.3], [0.2, 0.8]], np.float32)


def test_what_is_the_same_passes() -> None:
    assert check_parity(ROWS, ROWS + np.float32(5e-5)).max == pytest.approx(5e-5, rel=0.01)


@pytest.mark.parametrize("wrong", [ROWS[:, ::-1], ROWS + np.float32(2e-4), np.full_like(ROWS, np.nan)])
def test_what_is_not_does_not(wrong: np.ndarray) -> None:
    with pytest.raises(GateError, match=r"on 2 held-out faces .* expected at most 0.0001; nothing was written"):
        check_parity(ROWS, wrong)


def test_one_probability_among_thousands_counts() -> None:
    """The largest difference is judged: the mean over all faces would hide a single wrong one."""
    many = np.tile(ROWS, (1000, 1))
    wrong = many.copy()
    wrong[700] += np.float32(5e-3)
    assert differences(many, wrong).mean < 1e-5
    with pytest.raises(GateError, match=r"off by up to 0\.005"):
        check_parity(many, wrong)


def test_differences() -> None:
    found = differences(ROWS, ROWS[:, ::-1])
    assert (found.faces, found.other_label) == (2, 2)
    assert (found.max, found.mean) == pytest.approx((0.6, 0.5))
