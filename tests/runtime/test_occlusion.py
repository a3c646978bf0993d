"""Maps from probabilities against Captum's, of the same function of the same network."""

import copy

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from mien.core.bundle import Bundle
from mien.core.errors import DataError
from mien.explanation.attribution import attribute
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier
from mien.runtime.occlusion import STRIDE_PX, WINDOW_PX, centred_logits, occlude
from mien.runtime.session import BundleModel, Graph
from mien.synthetic.faces import draw_faces

FACES = draw_faces(4)[0].images
CLASSES = ("angry", "happy", "sad")


def whole_means(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Brighten the first pixels by one level, until a face's mean is a whole number."""
    flat = images.reshape(len(images), -1).copy()
    for face in flat:
        face[np.flatnonzero(face < 255)[: -int(face.sum(dtype=int)) % face.size]] += 1
    return flat.reshape(images.shape)


@pytest.fixture(scope="module")
def network() -> Classifier:
    """A network with fresh weights whose probabilities differ from face to face."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = Classifier("mien-n", CLASSES, normalisation="global").eval()
    classifier.normalise.fit(FACES)
    classifier.temperature = float(classifier.logits(FACES).std(dim=0).max()) / 2
    return classifier


def captum(classifier: Classifier, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.float32]:
    def centred(faces: Tensor) -> Tensor:
        logits = classifier(faces).double()
        return logits - logits.mean(dim=1, keepdim=True)

    faces = torch.tensor(images, dtype=torch.float32)[:, None]
    with torch.no_grad():
        maps = Occlusion(centred).attribute(
            faces,
            sliding_window_shapes=(1, WINDOW_PX, WINDOW_PX),
            strides=(1, STRIDE_PX, STRIDE_PX),
            baselines=faces.mean(dim=(2, 3), keepdim=True).expand_as(faces),
            target=torch.tensor(classes),
            perturbations_per_eval=32,
        )
    return maps[:, 0].float().numpy()


def test_maps_are_captums(network: Classifier) -> None:
    images = whole_means(FACES)
    assert (images.mean(axis=(1, 2)) % 1 == 0).all()
    assert int((images.astype(int) - FACES).max()) == 1
    classes = np.arange(4) % 3
    expected = captum(network, images, classes)
    assert np.abs(expected).max(axis=(1, 2)).min() > 0.05
    for model in (network.probabilities, Graph(to_onnx(network), threads=1)):
        found = occlude(model, images, classes=classes)
        assert (found.dtype, found.shape) == (np.float32, (4, 48, 48))
        assert found == pytest.approx(expected, abs=1e-4)


def test_the_mean_is_rounded_to_a_grey_level_which_hardly_matters(network: Classifier) -> None:
    classes = np.arange(4) % 3
    found, expected = occlude(network.probabilities, FACES, classes=classes), captum(network, FACES, classes)
    assert 1e-4 < np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_the_class_is_the_most_probable_one_unless_it_is_named(network: Classifier) -> None:
    said = network.probabilities(FACES).argmax(axis=1)
    maps = occlude(network.probabilities, FACES)
    assert np.array_equal(maps, occlude(network.probabilities, FACES, classes=said))
    assert not np.array_equal(maps, occlude(network.probabilities, FACES, classes=(said + 1) % 3))


def test_where_the_logits_sum_to_0_maps_are_those_of_mien_explain(network: Classifier) -> None:
    centred = copy.deepcopy(network)
    output = [module for module in centred.modules() if isinstance(module, torch.nn.Linear)][-1]
    for parameter in output.parameters():
        parameter.data -= parameter.data.mean(dim=0)
    images, classes = whole_means(FACES), np.arange(4) % 3
    expected = attribute(centred, images, classes=classes, method="occlusion").maps
    assert occlude(centred.probabilities, images, classes=classes) == pytest.approx(expected, abs=1e-4)
    assert np.abs(expected).max(axis=(1, 2)).min() > 0.05


def test_centred_logits_are_those_behind_scipys_softmax() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 7)) * 4
    found = centred_logits(softmax(logits, axis=1).astype(np.float32))
    assert found == pytest.approx(logits - logits.mean(axis=1, keepdims=True), abs=1e-5)


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_probabilities_rounded_to_0_or_1_give_finite_maps(answer: float) -> None:
    def model(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        p = np.full(len(faces), answer, np.float32)
        p[1] = 0.5  # the first square's picture
        return np.stack([p, 1 - p], axis=1)

    (found,) = occlude(model, FACES[:1], classes=np.zeros(1, np.int64))
    assert np.isfinite(found).all()
    assert np.abs(found).max() == pytest.approx(6 * np.log(10), rel=0.01)
    assert np.argwhere(found).max(axis=0).tolist() == [WINDOW_PX - 1, WINDOW_PX - 1]


def test_the_shipped_8_bit_graph_ranks_the_parts_as_the_full_one_does() -> None:
    from scipy.stats import spearmanr

    bundle = Bundle.open("mien-n")
    full, small = (
        occlude(BundleModel.open(bundle, precision=precision, threads=1), FACES) for precision in ("fp32", "int8")
    )
    assert np.median([spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(full, small, strict=True)]) > 0.9


@pytest.mark.parametrize("wrong", [FACES[0], FACES.astype(float), FACES[:, :40]])
def test_other_arrays_are_refused(wrong: NDArray[np.uint8]) -> None:
    def model(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AssertionError("asked nevertheless")

    with pytest.raises(DataError, match=r"expected uint8 \(N, 48, 48\)"):
        occlude(model, wrong)


def test_no_face_no_map(network: Classifier) -> None:
    assert occlude(network.probabilities, FACES[:0]).shape == (0, 48, 48)
