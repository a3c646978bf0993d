"""Label scores equal cleanlab's, and find labels that were exchanged."""

import numpy as np
import pytest

from mien.evaluation.label_scores import SUSPECT, label_scores


@pytest.fixture
def predicted() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `(500, 7)` and labels drawn from them."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.full(7, 0.4), 500)
    targets = np.array([generator.choice(7, p=row) for row in probabilities])
    return probabilities, targets


def test_scores_are_those_of_cleanlab(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    rank = pytest.importorskip("cleanlab.rank", reason="cleanlab, the oracle, is not installed")
    probabilities, targets = predicted
    expected = rank.get_label_quality_scores(targets, probabilities, method="normalized_margin")
    np.testing.assert_allclose(label_scores(probabilities, targets), expected, rtol=0, atol=1e-12)


def test_scores_by_their_definition(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, targets = predicted
    scores = label_scores(probabilities.astype(np.float32), targets)
    for row, target, score in zip(probabilities.tolist(), targets.tolist(), scores, strict=True):
        given = row.pop(target)
        assert score == pytest.approx((1 + given - max(row)) / 2, abs=1e-6)
    wrong = probabilities.argmax(axis=1) != targets
    assert (scores[wrong] <= 0.5).all()
    assert (scores[~wrong] >= 0.5).all()


def test_right_labels_are_not_suspect() -> None:
    """Sure predictions that agree with the labels, and unsure ones that don't, raise no suspicion."""
    sure = np.full((7, 7), 0.01)
    np.fill_diagonal(sure, 0.94)
    assert (label_scores(sure, np.arange(7)) > SUSPECT).all()
    unsure = np.full((7, 7), 0.1)
    np.fill_diagonal(unsure, 0.4)
    assert (label_scores(unsure, (np.arange(7) + 1) % 7) > SUSPECT).all()
    assert (label_scores(sure, (np.arange(7) + 1) % 7) <= SUSPECT).all()
