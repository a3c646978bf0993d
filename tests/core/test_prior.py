"""Probabilities for other mixtures of classes, against Bayes' rule where densities are known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.bundle import Bundle
from mien.core.bundle import find as find_bundle
from mien.core.errors import DataError, UsageError
from mien.core.prior import change_prior, estimate_prior, prior_shares, standard_errors

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


def doubts(rows: NDArray[np.float32], caplog: pytest.LogCaptureFixture, old: dict[str, float] = OLD) -> str:
    """Estimate, and return what is said of it."""
    caplog.clear()
    estimate_prior(rows, old=old)
    return caplog.text


def test_standard_errors_are_those_of_other_samples() -> None:
    """Of the estimates from many samples, whose scatter is what a standard error means."""
    generator = np.random.default_rng(1)
    found = []
    for _ in range(300):
        values = CENTRES[generator.choice(3, size=400, p=list(NEW.values()))] + generator.normal(size=400)
        found.append(list(estimate_prior(bayes(values, OLD), old=OLD).values()))
    rows = bayes(sample(NEW, 400), OLD)
    errors = standard_errors(rows, old=OLD, shares=estimate_prior(rows, old=OLD))
    assert list(errors.values()) == pytest.approx(np.std(found, axis=0), rel=0.15)


@pytest.mark.parametrize("spread", [0, 1e-6, 0.001, 0.02, 0.1])
@pytest.mark.parametrize("bias", [0, 0.001, 0.05, 0.3])
def test_an_estimate_by_a_network_that_tells_nothing_is_told(
    bias: float, spread: float, caplog: pytest.LogCaptureFixture
) -> None:
    """An untrained network, whatever it prefers: a corner, or any mixture is about as likely as any other."""
    generator = np.random.default_rng(2)
    logits = np.log(list(OLD.values())) + bias * np.array([1, -1, 0]) + spread * generator.normal(size=(600, 3))
    rows = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    said = doubts(rows.astype(np.float32), caplog)
    assert ("can hardly tell the classes apart" in said) != ("can't tell the classes of these faces apart" in said)


def test_classes_that_look_alike_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Angry and sad faces get the same probabilities but for a breath, happy ones stand out."""
    generator = np.random.default_rng(3)
    happy = generator.random(600) < 0.5
    shares = np.where(happy, 0.98, 0.02)
    angry = (1 - shares) * (0.25 + 0.01 * generator.normal(size=600))
    said = doubts(np.stack([angry, shares, 1 - shares - angry], axis=1).astype(np.float32), caplog)
    assert "these 600 faces hardly tell how frequent the classes are: the share of" in said


def test_faces_of_one_class_are_told(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.tile(np.array([[0.01, 0.98, 0.01]], np.float32), (500, 1))
    assert "by the estimate 100.0 % of the 500 faces are happy, and nearly every face gets that label" in doubts(
        rows, caplog
    )


@pytest.mark.parametrize("true", [NEW, OLD, {"angry": 0.02, "happy": 0.9, "sad": 0.08}])
def test_nothing_is_said_where_the_estimate_tells_something(
    true: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    assert doubts(bayes(sample(true, 400), OLD), caplog) == ""
    assert doubts(np.ones((400, 1), np.float32), caplog, old={"happy": 1.0}) == ""


@pytest.mark.parametrize("name", ["mien-s", "mien-n"])
@pytest.mark.parametrize("faces", [150, 1000])
def test_nothing_is_said_of_real_faces(name: str, faces: int, caplog: pytest.LogCaptureFixture) -> None:
    """What the recipes of the networks that ship say of FER2013's faces, each face out of fold."""
    with np.load(Path(__file__).parents[2] / "dev/oof" / f"{name}.npz") as stored:
        predicted = stored["probabilities"][stored["fold"] >= 0].astype(np.float32)
    predicted /= predicted.sum(axis=1, keepdims=True)  # they are stored in half precision
    old = Bundle.open(find_bundle(name)).card.assumed_shares
    generator = np.random.default_rng(0)
    for _ in range(5):
        assert doubts(predicted[generator.choice(len(predicted), faces, replace=False)], caplog, old=old) == ""
