"""Against counting face by face."""

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.predictions import Predictions
from mien.evaluation.abstention import accepted_at, risk_coverage, threshold_for


def predictions(count: int = 200, *, seed: int = 0) -> Predictions:
    generator = np.random.default_rng(seed)
    top = np.round(generator.uniform(0.5, 1, count), 2).astype(np.float32)  # many are equally sure
    rows = np.stack([top, 1 - top], axis=1)
    targets = (generator.uniform(size=count) > top).astype(np.int64)
    targets[:5] = -1
    return Predictions(rows, ("x", "y"), np.arange(count).astype(str), targets=targets)


def counted(said: Predictions, threshold: float) -> tuple[float, float]:
    assert said.targets is not None
    pairs = zip(said.probabilities, said.targets, strict=True)
    rows = [(row.max() >= threshold, row.argmax() != target) for row, target in pairs if target >= 0]
    accepted = [wrong for taken, wrong in rows if taken]
    return len(accepted) / len(rows), sum(accepted) / len(accepted)


def test_each_point_is_what_its_threshold_gives() -> None:
    said = predictions()
    points = risk_coverage(said)
    assert 10 < len(points) <= 20
    assert points[-1]["coverage"] == 1
    for point in points:
        assert counted(said, point["threshold"]) == pytest.approx((point["coverage"], point["risk"]))


@pytest.mark.parametrize("max_risk", [0.1, 0.15, 0.2, 1])
def test_the_threshold_is_the_lowest_that_does(max_risk: float) -> None:
    said = predictions()
    found = threshold_for(said, max_risk=max_risk)
    assert found is not None
    every = np.unique(said.probabilities[5:].max(axis=1))
    good = [t for t in every.tolist() if counted(said, t)[1] <= max_risk]
    assert found["threshold"] == min(good)
    assert accepted_at(said, threshold=found["threshold"]) == {key: found[key] for key in ("coverage", "risk")}


def test_no_threshold_does() -> None:
    said = Predictions(np.array([[0.9, 0.1]], np.float32), ("x", "y"), np.array(["0"]), targets=np.array([1]))
    assert threshold_for(said, max_risk=0.5) is None
    assert accepted_at(said, threshold=0.95) == {"coverage": 0, "risk": None}


def test_scores_need_targets() -> None:
    said = Predictions(np.array([[0.9, 0.1]], np.float32), ("x", "y"), np.array(["0"]))
    with pytest.raises(DataError, match="none of the 1 faces has a target"):
        risk_coverage(said)
