"""Fresh weights from the output down, and what that does to maps."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from mien.explanation.attribution import METHODS, attribute
from mien.explanation.sanity import STAGES, randomisation, randomise_weights, rank_correlations
from mien.models.classifier import Classifier
from mien.models.registry import MODELS

from .networks import CLASSES, faces, known_networks, made, state  # noqa: F401 - known_networks makes them so

FACES = faces(3)
LABELS = np.array([2, 0, 1])


def weighty(classifier: Classifier) -> dict[str, nn.Module]:
    """The layers with weights of their own, from input to output."""
    return {name: each for name, each in classifier.network.named_modules() if hasattr(each, "weight")}


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_rank_correlations_are_scipys() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 4, 6, 8)).astype(np.float32)
    b[1], b[2] = np.exp(a[1]), -a[2]
    a[3] = a[3].round()  # many ties
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(a, b, strict=True)]
    assert rank_correlations(a, b) == pytest.approx(expected)
    assert rank_correlations(a, b)[1:3] == pytest.approx([1, -1])


def test_a_constant_map_correlates_with_nothing() -> None:
    assert rank_correlations(np.ones((1, 4, 4), np.float32), FACES[:1, :4, :4]).tolist() == [0]
    assert rank_correlations(np.ones((0, 4, 4), np.float32), np.ones((0, 4, 4), np.float32)).shape == (0,)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("share", STAGES.values())
def test_layers_are_forgotten_from_the_output_down(model: str, share: float) -> None:
    classifier = made(model)
    classifier.normalise.mean += 3
    before, generator = state(classifier), torch.get_rng_state()
    forgotten = randomise_weights(classifier, share=share, seed=7)
    assert state(classifier) == before
    assert torch.equal(torch.get_rng_state(), generator)
    fresh = randomise_weights(classifier, share=1, seed=7)
    layers, copied, others = weighty(classifier), weighty(forgotten), weighty(fresh)
    first = len(layers) - max(1, round(share * len(layers)))
    for place, name in enumerate(layers):
        assert same(copied[name], (layers if place < first else others)[name])
        assert not same(layers[name], others[name])
    assert same(forgotten.normalise, classifier.normalise)
    assert not forgotten.training


@pytest.mark.parametrize("model", MODELS)
def test_random_weights_are_not_those_that_a_training_of_the_same_seed_began_with(model: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = Classifier(model, CLASSES, normalisation="none")
    others = weighty(randomise_weights(first, share=1, seed=0))
    drawn = {name: layer for name, layer in weighty(first).items() if layer.weight.dim() > 1}
    assert drawn
    for name, layer in drawn.items():
        assert not same(layer, others[name]), name


def test_seeds_forget_differently() -> None:
    one, two = (randomise_weights(made("mien-n"), share=1, seed=seed) for seed in (0, 1))
    assert not same(one, two)


def test_a_method_that_ignores_the_network_correlates_fully(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        METHODS, "edges", lambda _, pictures, asked: (pictures.diff(dim=3, prepend=pictures[..., :1]), None)
    )
    classifier = made("mien-n")
    maps = attribute(classifier, FACES, classes=LABELS, method="edges").maps
    found = randomisation(classifier, FACES, classes=LABELS, method="edges", maps=maps)
    assert found == {name: pytest.approx(np.ones(3)) for name in STAGES}


def test_a_linear_networks_gradient_is_forgotten_at_once() -> None:
    """Two unrelated maps of 2,304 pixels correlate by 0 ± 1/48."""
    classifier = made("linear")
    maps = attribute(classifier, FACES, classes=LABELS, method="saliency").maps
    found = randomisation(classifier, FACES, classes=LABELS, method="saliency", maps=maps, seed=5)
    assert found == {name: pytest.approx(np.zeros(3), abs=4 / 48) for name in STAGES}


def test_there_is_a_figure_for_each_face() -> None:
    classifier = made("mien-n")
    maps = attribute(classifier, FACES, classes=LABELS, method="saliency").maps
    found = randomisation(classifier, FACES, classes=LABELS, method="saliency", maps=maps, seed=2)
    others = attribute(randomise_weights(classifier, share=0.5, seed=2), FACES, classes=LABELS, method="saliency").maps
    by_hand = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(maps, others, strict=True)]
    assert found["upper half"] == pytest.approx(by_hand)
