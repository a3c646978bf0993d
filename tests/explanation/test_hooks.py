"""Layers by name; nothing stays behind."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import UsageError
from mien.explanation.hooks import capture_activations, conv_layers, eval_mode, find_layer, last_map_layer
from mien.models.registry import MODELS

from .networks import known_networks, made, state  # noqa: F401 - known_networks makes them so

LAST = {"course_cnn": ("layers.drop3", (4, 4)), **dict.fromkeys(("mien-n", "mien-s", "mien-m"), ("stages.3", (3, 3)))}
"""The last layers of the published tables with maps of 3×3 or more, and their maps."""


@pytest.mark.parametrize("model", MODELS)
def test_convolutions_are_counted_and_gates_are_not(model: str) -> None:
    classifier = made(model)
    convs = conv_layers(classifier)
    assert list(convs) == [f"conv{number}" for number in range(1, len(convs) + 1)]
    assert len(convs) == (4 if model == "course_cnn" else 12)
    assert all(isinstance(each, nn.Conv2d) and each.kernel_size == (3, 3) for each in convs.values())


@pytest.mark.parametrize(
    ("model", "alias", "name"),
    [
        ("course_cnn", "conv2", "layers.conv2"),
        ("mien-n", "conv1", "stages.0.widen"),
        ("mien-n", "conv2", "stages.0.residual.0"),
    ],
)
def test_an_alias_and_a_dotted_name_are_the_same_layer(model: str, alias: str, name: str) -> None:
    classifier = made(model)
    assert find_layer(classifier, alias) is find_layer(classifier, name) is classifier.network.get_submodule(name)


@pytest.mark.parametrize(
    ("name", "said"), [("conv22", "did you mean .*conv2"), ("", "has no layer ''"), ("network", "no")]
)
def test_an_unknown_layer_is_a_usage_error(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_layer(made("mien-n"), name)


@pytest.mark.parametrize("model", MODELS)
def test_the_last_layer_with_maps(model: str) -> None:
    classifier = made(model).train()
    before = state(classifier)
    name, side = LAST[model]
    assert last_map_layer(classifier) == name
    assert state(classifier) == before
    with eval_mode(classifier), capture_activations(find_layer(classifier, name)) as answers:
        classifier(torch.zeros(2, 1, 48, 48))
    assert answers[0].shape[2:] == side


def test_without_maps_there_is_no_last_layer() -> None:
    with pytest.raises(UsageError, match="linear: no layer has maps of 3×3"):
        last_map_layer(made("linear"))
    assert last_map_layer(made("one-conv"), at_least=11) == "conv"
    with pytest.raises(UsageError, match="maps of 12×12"):
        last_map_layer(made("one-conv"), at_least=12)


def test_what_is_recorded_is_what_the_layer_answers() -> None:
    classifier = made("one-conv")
    pictures = torch.tensor(np.random.default_rng(0).uniform(0, 255, (2, 1, 48, 48)), dtype=torch.float32)
    with capture_activations(find_layer(classifier, "conv1")) as answers:
        said = classifier(pictures)
        classifier(pictures[:1])
    assert [len(answer) for answer in answers] == [2, 1]
    assert torch.allclose(classifier.network.output(answers[0].mean(dim=(2, 3))), said)


def test_hooks_are_gone_after_an_exception() -> None:
    classifier = made("mien-n")
    before = state(classifier)
    with pytest.raises(RuntimeError), capture_activations(find_layer(classifier, "conv1")):
        classifier(torch.zeros(1, 2, 7))
    assert state(classifier) == before


@pytest.mark.parametrize("fails", [False, True])
def test_evaluating_gives_back_modes_and_gradients(fails: bool) -> None:
    """Also where some layers were frozen and others not."""
    classifier = made("mien-n").train()
    classifier.network.get_submodule("stages.1.norm").eval()
    frozen = list(classifier.parameters())[3]
    frozen.requires_grad_(False)
    before = state(classifier)
    try:
        with eval_mode(classifier) as same:
            assert same is classifier
            assert not any(module.training for module in classifier.modules())
            assert not any(weight.requires_grad for weight in classifier.parameters())
            if fails:
                raise MemoryError
    except MemoryError:
        pass
    assert state(classifier) == before
