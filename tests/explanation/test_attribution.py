"""The five methods against finite differences, closed forms and theorems; and what they must leave as it was."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from mien.core.errors import DataError, UsageError
from mien.explanation import attribution
from mien.explanation.attribution import METHODS, STRIDE_PX, WINDOW_PX, attribute
from mien.models.registry import MODELS

from .networks import CLASSES, faces, known_networks, made, state, weights  # noqa: F401 - known_networks makes them so

FACES = faces(3)
LABELS = np.array([2, 0, 1])
PAIRS = [(method, model) for method in METHODS for model in MODELS]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer passes for each method: what is tested does not depend on their number."""
    for name, value in {"STEPS": 3, "NOISE_SAMPLES": 2, "WINDOW_PX": 16, "STRIDE_PX": 16}.items():
        monkeypatch.setattr(attribution, name, value)


def logits(classifier: Callable[[torch.Tensor], torch.Tensor], pictures: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return classifier(torch.tensor(pictures, dtype=torch.float32)[:, None]).double().numpy()


@pytest.mark.parametrize("model", ["mien-n", "mien-s"])
def test_saliency_is_the_size_of_the_finite_difference(model: str) -> None:
    classifier, step = made(model), 0.05
    maps = attribute(classifier, FACES[:1], classes=LABELS[:1], method="saliency").maps[0]
    for row, column in zip(*np.unravel_index(np.argsort(maps.ravel())[-12:], maps.shape), strict=True):
        pair = np.repeat(FACES[:1].astype(np.float64), 2, axis=0)
        pair[:, row, column] += (step, -step)
        up, down = logits(classifier.double(), pair)[:, LABELS[0]]
        assert maps[row, column] == pytest.approx(abs(up - down) / (2 * step), rel=0.02)


@pytest.mark.parametrize("method", ["saliency", "smoothgrad"])
def test_gradients_of_a_linear_network_are_its_weights(method: str) -> None:
    classifier = made("linear")
    found = attribute(classifier, FACES, classes=LABELS, method=method).maps
    assert found == pytest.approx(np.abs(weights(classifier))[LABELS], rel=1e-4, abs=1e-9)


def contributions() -> np.ndarray:
    """What each pixel adds to a linear network's logit, compared with the face's mean grey."""
    return weights(made("linear"))[LABELS] * (FACES - FACES.mean(axis=(1, 2), keepdims=True))


def test_integrated_gradients_of_a_linear_network_are_contributions() -> None:
    found = attribute(made("linear"), FACES, classes=LABELS, method="integrated-gradients")
    assert found.maps == pytest.approx(contributions(), rel=1e-3, abs=1e-7)
    assert found.convergence_delta == pytest.approx(np.zeros(3), abs=1e-4)


def test_occlusion_of_a_linear_network_is_the_mean_sum_of_the_windows_over_a_pixel() -> None:
    whole = contributions()
    total, windows = np.zeros_like(whole), np.zeros(whole.shape[1:])
    for top in range(0, 48 - WINDOW_PX + 1, STRIDE_PX):
        for left in range(0, 48 - WINDOW_PX + 1, STRIDE_PX):
            at = np.s_[..., top : top + WINDOW_PX, left : left + WINDOW_PX]
            total[at] += whole[at].sum(axis=(1, 2), keepdims=True)
            windows[at] += 1
    assert windows.min() == 1
    found = attribute(made("linear"), FACES, classes=LABELS, method="occlusion").maps
    assert found == pytest.approx(total / windows, rel=1e-3, abs=1e-5)


def test_grad_cam_of_one_convolution_is_the_weighted_sum_of_its_maps() -> None:
    """The gradient of a mean over 11×11 places is the same everywhere: a 121st of the output's weight."""
    classifier = made("one-conv")
    conv, output = classifier.network.conv, classifier.network.output
    maps = functional.conv2d(torch.tensor(FACES)[:, None] / 255, conv.weight, conv.bias, stride=4).detach()
    small = torch.einsum("nkhw,nk->nhw", maps, output.weight[torch.tensor(LABELS)].detach() / 121).relu()
    large = functional.interpolate(small[:, None], size=(48, 48), mode="bilinear", align_corners=False)
    found = attribute(classifier, FACES, classes=LABELS, method="grad-cam", layer="conv1").maps
    assert small.max() > 0
    assert found == pytest.approx(large[:, 0].numpy(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("model", ["mien-n", "mien-s"])
def test_integrated_gradients_sum_to_the_logits_difference(model: str) -> None:
    classifier = made(model)
    found = attribute(classifier, FACES, classes=LABELS, method="integrated-gradients")
    blank = np.broadcast_to(FACES.mean(axis=(1, 2), keepdims=True), FACES.shape)
    rows = np.arange(3)
    difference = logits(classifier, FACES)[rows, LABELS] - logits(classifier, blank)[rows, LABELS]
    assert found.convergence_delta is not None
    assert found.maps.sum(axis=(1, 2)) == pytest.approx(difference + found.convergence_delta, abs=1e-3)
    assert np.abs(found.convergence_delta).max() < 0.1 * np.abs(difference).max()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("method", "model"), PAIRS)
def test_a_map_is_the_same_whatever_lies_beside_its_face(method: str, model: str) -> None:
    classifier, images = made(model), FACES[:2].copy()
    for array in (images, LABELS):
        array.setflags(write=False)
    before, generator = state(classifier), torch.get_rng_state()
    ways = [
        attribute(classifier, images, classes=LABELS[:2], method=method, seed=3, batch=size).maps for size in (2, 2, 1)
    ]
    assert (ways[0].dtype, ways[0].shape) == (np.float32, (2, 48, 48))
    assert np.isfinite(ways[0]).all()
    assert ways[0].any()
    assert ways[0].tobytes() == ways[1].tobytes()
    assert ways[2] == pytest.approx(ways[0], rel=1e-3, abs=1e-2 * float(np.abs(ways[0]).max()))
    assert state(classifier) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert np.array_equal(images, FACES[:2])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_nothing_stays_behind_when_the_network_fails(method: str, model: str) -> None:
    classifier = made(model)
    classifier.train()
    classifier.network.get_submodule("stages.0.norm" if model != "course_cnn" else "layers.norm1").eval()
    next(classifier.parameters()).requires_grad_(False)
    before, generator = state(classifier), torch.get_rng_state()

    def fail(*_: object) -> None:
        raise MemoryError

    layer = list(classifier.network.modules())[-1]
    hook = layer.register_forward_pre_hook(fail)
    with pytest.raises(MemoryError):
        attribute(classifier, FACES, classes=LABELS, method=method, layer="conv3")
    hook.remove()
    assert state(classifier) == before
    assert torch.equal(torch.get_rng_state(), generator)


def test_another_seed_is_another_noise_and_smaller_noise_nears_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = made("mien-n")
    one, two = (attribute(classifier, FACES, classes=LABELS, method="smoothgrad", seed=seed).maps for seed in (0, 1))
    assert not np.array_equal(one, two)
    monkeypatch.setattr(attribution, "NOISE_SD", 1e-4)
    still = attribute(classifier, FACES, classes=LABELS, method="smoothgrad").maps
    plain = attribute(classifier, FACES, classes=LABELS, method="saliency").maps
    assert np.corrcoef(still.ravel(), plain.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("normalisation", ["none", "per-face"])
def test_a_blank_face_has_finite_maps(method: str, normalisation: str) -> None:
    classifier = made("mien-n")
    classifier.normalise.kind = normalisation  # type: ignore[assignment]
    blank = np.full((1, 48, 48), 90, np.uint8)
    assert np.isfinite(attribute(classifier, blank, classes=LABELS[:1], method=method).maps).all()


@pytest.mark.parametrize("method", METHODS)
def test_no_faces_have_no_maps(method: str) -> None:
    found = attribute(made("mien-n"), FACES[:0], classes=LABELS[:0], method=method)
    assert (found.maps.shape, found.maps.dtype) == ((0, 48, 48), np.float32)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "salience"}, "no attribution method 'salience', did you mean saliency"),
        ({"method": "grad-cam", "layer": "stages.0.nrm"}, r"no layer 'stages.0.nrm', did you mean stages\.0\.norm"),
        ({"method": "grad-cam", "layer": "output"}, "needs a layer whose output is maps"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_the_nearest(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        attribute(made("mien-n"), FACES, classes=LABELS, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "classes", "said"),
    [
        (FACES[:, :47], LABELS, r"uint8 \(3, 47, 48\), expected uint8 \(3, 48, 48\)"),
        (FACES.astype(np.float32), LABELS, "faces are float32"),
        (FACES[:2], LABELS, r"\(2, 48, 48\), expected uint8 \(3, 48, 48\)"),
        (FACES, LABELS + 1, f"classes 1 to 3 to explain, expected 0 to {len(CLASSES) - 1}"),
        (FACES, LABELS - 1, "classes -1 to 1 to explain"),
    ],
)
def test_bad_faces_and_classes_are_data_errors(images: np.ndarray, classes: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        attribute(made("mien-n"), images, classes=classes, method="saliency")
