"""Probabilities for other mixtures of classes, against Bayes' rule where densities are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError
from mien.core.prior import change_prior, estimate_prior, prior_shares

OLD = {"angry": 0.1, "happy": 0.6, "sad": 0.3}
NEW = {"angry": 0.5, "happy": 0.2, "sad": 0.3}
CENTRES = np.array([-2.0, 0.0, 2.0])


def bayes(values: NDArray[np.float64], shares: dict[str, float]) -> NDArray[np.float32]:
    """The true probabilities of three classes whose values are normal with standard deviation 1."""
    joint = np.array(list(shares.values())) * np.exp(-((values[:, None] - CENTRES) ** 2) / 2)
    return (joint / joint.sum(axis=1, keepdims=True)).astype(np.float32)


def sample(shares: dict[str, float], count: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    return CENTRES[generator.choice(3, size=count, p=list(shares.values()))] + generator.normal(size=count)


def test_changed_probabilities_are_those_of_bayes_rule() -> None:
    values = np.linspace(-6, 6, 101)
    assert change_prior(bayes(values, OLD), old=OLD, new=NEW) == pytest.approx(bayes(values, NEW), abs=1e-6)


def test_there_and_back_is_where_it_began() -> None:
    rows = bayes(np.linspace(-3, 3, 50), OLD)
    there = change_prior(rows, old=OLD, new=NEW)
    assert np.abs(there - rows).max() > 0.1
    assert change_prior(there, old=NEW, new=OLD) == pytest.approx(rows, abs=1e-6)


def test_a_class_without_a_share_gets_no_probability() -> None:
    new = {"angry": 0.5, "happy": 0.5, "sad": 0.0}
    rows = change_prior(np.array([[0.2, 0.2, 0.6], [0, 0, 1]], np.float32), old=OLD, new=new)
    assert rows[:, 2].tolist() == [0, 0]
    assert rows.sum(axis=1) == pytest.approx([1, 1])
    assert rows[1].tolist() == [0.5, 0.5, 0]  # nothing is known of a face that can only be sad


@pytest.mark.parametrize("true", [NEW, OLD, {"angry": 0.02, "happy": 0.9, "sad": 0.08}])
def test_the_estimate_finds_the_shares_of_faces_without_labels(true: dict[str, float]) -> None:
    found = estimate_prior(bayes(sample(true, 20_000), OLD), old=OLD)
    assert sum(found.values()) == pytest.approx(1)
    assert found == pytest.approx(true, abs=0.015)


def test_the_estimate_is_the_likeliest_mixture() -> None:
    """No mixture nearby makes the values more probable."""
    values = sample(NEW, 500)
    rows = bayes(values, OLD)
    found = np.array(list(estimate_prior(rows, old=OLD).values()))

    def likelihood(shares: NDArray[np.float64]) -> float:
        return float(np.log((rows / np.array(list(OLD.values()))) @ shares).mean())

    for k in range(3):
        for step in (-0.02, 0.02):
            other = found + step * (np.eye(3)[k] - found)
            assert likelihood(other) < likelihood(found)


def test_an_estimate_needs_faces() -> None:
    with pytest.raises(DataError, match="no faces to estimate"):
        estimate_prior(np.empty((0, 3), np.float32), old=OLD)


def test_names_and_numbers() -> None:
    assert prior_shares("training", training=OLD) == OLD
    assert prior_shares("uniform", training=OLD) == pytest.approx(dict.fromkeys(OLD, 1 / 3))
    given = prior_shares({"sad": 2, "happy": 2, "angry": 0}, training=OLD)
    assert list(given.items()) == [("angry", 0), ("happy", 0.5), ("sad", 0.5)]


def test_a_class_that_was_never_seen_has_no_share() -> None:
    training = {"happy": 1.0, "contempt": 0.0}
    assert prior_shares("uniform", training=training) == {"happy": 1, "contempt": 0}
    with pytest.raises(UsageError, match=r"contempt=0\.5, but the network never saw a face of contempt; give it 0"):
        prior_shares({"happy": 0.5, "contempt": 0.5}, training=training)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("unifrom", r"no prior 'unifrom', expected training, uniform, .*, such as angry=0\.10,happy=0\.60"),
        ("estimate", "prior 'estimate' needs all faces at once"),
        ({"hapy": 1, "angry": 1, "sad": 1}, "no class 'hapy', did you mean happy"),
        ({"happy": 1}, "no share for angry, sad; name every class, with 0"),
        ({"angry": -0.1, "happy": 1, "sad": 0}, r"angry=-0\.1, expected a share of at least 0"),
        ({"angry": float("nan"), "happy": 1, "sad": 0}, "angry=nan, expected a share"),
        ({"angry": float("inf"), "happy": 1, "sad": 0}, "angry=inf, expected a share"),
        ({"angry": 0, "happy": 0, "sad": 0}, "all shares are 0; give at least one class some"),
    ],
)
def test_what_is_no_prior(prior: str | dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prior_shares(prior, training=OLD)
