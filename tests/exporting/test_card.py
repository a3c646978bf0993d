"""A bundle's page: names from data are escaped, and what ships repeats its card."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.bundle import Bundle, shipped, weights
from mien.core.card import Card
from mien.core.predictions import Predictions
from mien.evaluation.metrics import score_predictions
from mien.exporting.card import _weaknesses, card_page, card_scores

BAD = "<script>alert(1)</script>|[x](http://evil.example)"


def changed(values: dict[str, Any]) -> Card:
    return Card.from_dict(values, source="card.json")


@pytest.fixture
def values() -> dict[str, Any]:
    """The card of mien-n as plain values."""
    return Bundle.open(weights() / "mien-n").card.to_dict()


def test_names_are_escaped(values: dict[str, Any]) -> None:
    values |= {"classes": (BAD, "sad"), "name": BAD, "limits": (BAD,)}
    values["training"] |= {"recipe": BAD}
    values["training"]["data"] |= {"source": BAD, "shares": {BAD: 0.5, "sad": 0.5}}
    for precision in values["files"]:
        values["scores"][precision]["per_class"] = [{"name": BAD, "faces": 1, "recall": 1.0}]
    page = card_page(changed(values))
    assert page.count("&lt;script&gt;") == 6
    assert "<script" not in page
    assert "[x]" not in page
    assert "script&gt;|" not in page


@pytest.mark.parametrize(
    ("teachers", "share", "words"),
    [
        (["a", "b"], 1.0, "with the recipe mien-n, taught by 2 trained networks instead of the labels. "),
        (["a"], 0.7, "with the recipe mien-n, taught by a trained network (70 %) and the labels. "),
        ([], 1.0, "with the recipe mien-n. "),
    ],
)
def test_a_student_says_so(values: dict[str, Any], teachers: list[str], share: float, words: str) -> None:
    values["training"]["recipe"] = "mien-n"
    values["training"]["config"] |= {"teachers": teachers, "distillation": {"share": share, "views": 0}}
    assert words in card_page(changed(values))


def test_the_threshold_is_on_the_page_if_one_was_asked_for(values: dict[str, Any]) -> None:
    found = values["abstention"]
    wrong = f"{100 * found['scored']['risk']:.1f} % of them with a wrong label."
    page = card_page(changed(values))
    assert f"\nFor at most 20 % wrong labels, give no label below a probability of {found['threshold']:.3f}: " in page
    assert wrong in page
    values["abstention"] |= {"threshold": 0.0}
    assert "\nNo threshold is needed for at most 20 % wrong labels: " in card_page(changed(values))
    values["abstention"] |= {"max_risk": None, "threshold": None, "held_out": None, "scored": None}
    assert " wrong labels" not in card_page(changed(values))


@pytest.mark.parametrize("name", shipped())
def test_what_ships_is_as_it_was(name: str) -> None:
    bundle = Bundle.open(name)
    assert bundle.card.name == name
    assert (bundle.path / "CARD.md").read_text(encoding="utf-8") == card_page(bundle.card)
    assert card_page(replace(bundle.card, name="other")) != card_page(bundle.card)


def weaknesses(targets: NDArray[np.int64], labels: NDArray[np.int64]) -> list[str]:
    probabilities = 0.1 + 0.7 * np.eye(3, dtype=np.float32)[labels]
    ids = np.arange(len(targets)).astype(str)
    predictions = Predictions(probabilities=probabilities, classes=("a", "b", "c"), ids=ids, targets=targets)
    return _weaknesses(card_scores(score_predictions(predictions)))


@pytest.mark.parametrize(("right", "said"), [((0.9, 0.9, 0.2), True), ((0.5, 0.5, 0.47), False), ((1, 1, 1), False)])
def test_a_weakest_class_and_an_error_are_named_only_where_they_are_more_than_chance(
    right: tuple[float, ...], said: bool
) -> None:
    """The third class is recognised as often as the others, or less often by no more than chance."""
    targets = np.repeat(np.arange(3), 100)
    labels = targets.copy()
    for target, share in enumerate(right):
        wrong = np.flatnonzero(targets == target)[: round(100 * (1 - share))]
        labels[wrong] = (target + 1) % 3
    sentences = weaknesses(targets, labels)
    assert any("weakest class is c" in sentence for sentence in sentences) is said
    assert any("weakest" in sentence for sentence in sentences) is said
    assert any("80 % of the faces labelled c get the label a" in sentence for sentence in sentences) is said
    assert any("most frequent error" in sentence for sentence in sentences) is said


def test_of_a_network_that_may_be_guessing_a_card_names_neither_class_nor_error() -> None:
    targets = np.repeat(np.arange(3), [160, 90, 50])
    constant = np.zeros(300, dtype=np.int64)
    shuffled = np.random.default_rng(0).permutation(targets)
    for labels in (constant, shuffled):
        (sentence,) = weaknesses(targets, labels)
        assert "no better than always naming the most frequent class, which would be right for 53.3 %" in sentence
