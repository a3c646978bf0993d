import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from mien.core.errors import DataError, UsageError
from mien.explanation.feature_maps import feature_maps
from mien.explanation.hooks import find_layer
from mien.models.classifier import Classifier
from mien.models.registry import MODELS

FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)


def classifier(model: str = "mien-n") -> Classifier:
    torch.manual_seed(0)
    return Classifier(model, ("a", "b", "c"), normalisation="none")


def test_the_first_convolutions_maps_are_scipys() -> None:
    made = classifier("course_cnn")
    result = feature_maps(made, FACE, layer="conv1")
    weight = find_layer(made, "conv1").weight.detach().numpy()[:, 0]
    for channel, found in zip(result.channels[:20], result.maps, strict=False):
        assert found == pytest.approx(correlate2d(FACE / 255, weight[channel], mode="valid"), abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv4"])
def test_every_channel_once_and_the_strongest_first(model: str, layer: str) -> None:
    result = feature_maps(classifier(model), FACE, layer=layer)
    count = find_layer(classifier(model), layer).out_channels
    assert (result.channels.dtype, result.maps.dtype, result.responses.dtype) == (np.int64, np.float32, np.float32)
    assert sorted(result.channels.tolist()) == list(range(count))
    assert (np.diff(result.responses) <= 0).all()
    assert result.responses == pytest.approx(np.abs(result.maps.astype(np.float64)).mean(axis=(1, 2)), rel=1e-4)


def test_a_channel_that_goes_down_counts_like_one_that_goes_up() -> None:
    made = classifier("course_cnn")
    with torch.no_grad():
        find_layer(made, "conv1").weight[7] = -5.0
        find_layer(made, "conv1").weight[9] = 4.0
    result = feature_maps(made, FACE, layer="conv1")
    assert result.channels[:2].tolist() == [7, 9]
    assert (result.maps[0] < 0).all()


def test_equal_channels_are_in_their_own_order() -> None:
    result = feature_maps(classifier("course_cnn"), np.zeros_like(FACE), layer="conv1")
    assert result.channels.tolist() == list(range(400))
    assert not result.maps.any()


@pytest.mark.parametrize("training", [True, False])
def test_the_classifier_is_as_it_was(training: bool) -> None:
    made = classifier().train(training)
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    feature_maps(made, FACE, layer="conv2")
    trap = find_layer(made, "conv3").register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        feature_maps(made, FACE, layer="conv2")
    trap.remove()
    assert all(tensor.equal(before[name]) for name, tensor in made.state_dict().items())
    assert {module.training for module in made.modules()} == {training}
    assert all(weight.requires_grad for weight in made.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in made.modules())


def test_wrong_calls() -> None:
    made = classifier()
    with pytest.raises(UsageError, match="no layer 'conv99'"):
        feature_maps(made, FACE, layer="conv99")
    with pytest.raises(UsageError, match=r"layer 'output' of mien-n has no maps"):
        feature_maps(made, FACE, layer="output")
    for wrong in (FACE / 255, FACE[None], FACE[:40]):
        with pytest.raises(DataError, match="expected uint8"):
            feature_maps(made, wrong, layer="conv2")
    made.network.spare = nn.Conv2d(1, 2, 3)
    with pytest.raises(UsageError, match="never runs it"):
        feature_maps(made, FACE, layer="spare")
