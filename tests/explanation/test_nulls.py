"""Maps that know nothing of expressions, and networks that don't."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor

from mien.core.explanations import LEAST_LEAD, NullShare
from mien.core.labels import FER2013
from mien.explanation.attribution import METHODS, attribute
from mien.explanation.method_comparison import compare_methods
from mien.explanation.nulls import DRAWS, NULLS, feature_nulls
from mien.explanation.regions import attribution_shares, edge_maps, feature_mask, gaussian_shares
from mien.explanation.sanity import randomise_weights
from mien.models.classifier import Classifier
from mien.synthetic.faces import draw_faces

from .networks import faces, known_networks, made  # noqa: F401 - known_networks makes them so

FACES = faces(6)
LABELS = np.array([0, 1, 2, 0, 1, 2])
ROWS, COLUMNS = np.indices((48, 48)) - 23.5


def gaussian(sd: float) -> np.ndarray:
    return np.exp(-(ROWS**2 + COLUMNS**2) / (2 * sd**2)).astype(np.float32)


def nulls(monkeypatch: pytest.MonkeyPatch, method: Callable[[Classifier, Tensor], Tensor]) -> dict[str, NullShare]:
    """The nulls of a method that is made up."""
    monkeypatch.setitem(METHODS, "made up", lambda classifier, images, asked: (method(classifier, images), None))
    maps = attribute(OWN, FACES, classes=LABELS, method="made up").maps
    return feature_nulls(OWN, FACES, method="made up", maps=maps, randomised=4)


OWN = made("mien-n")


def is_own(classifier: Classifier) -> bool:
    return all(torch.equal(a, b) for a, b in zip(classifier.parameters(), OWN.parameters(), strict=True))


def test_edges_are_sobels() -> None:
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    for face, found in zip(FACES.astype(float), edge_maps(FACES), strict=True):
        across, down = (convolve(face, each, mode="nearest") for each in (kernel, kernel.T))
        assert found[1:-1, 1:-1] == pytest.approx(np.sqrt(across**2 + down**2)[1:-1, 1:-1], rel=1e-4)
    assert edge_maps(FACES).dtype == np.float32
    assert not edge_maps(np.full((1, 48, 48), 7, np.uint8)).any()


@pytest.mark.parametrize("sd", [1, 4, 9, 15, 40])
def test_a_centred_gaussian_is_its_own_null(sd: float) -> None:
    maps = np.stack([gaussian(sd), 3 * gaussian(sd) - 1e-9])
    expected = attribution_shares(maps, feature_mask()[None])[:, 0]
    assert gaussian_shares(maps, feature_mask()) == pytest.approx(expected, abs=0.005)


def test_a_map_without_a_middle_counts_as_constant() -> None:
    maps = np.ones((3, 48, 48), np.float32)
    maps[1, 1:-1, 1:-1] = 0
    maps[2] = -1
    found = gaussian_shares(maps, feature_mask())
    assert found[:2] == pytest.approx(feature_mask().mean(), abs=1e-3)
    assert np.isnan(found[2])


@pytest.mark.parametrize("sd", [3, 8, 12])
def test_a_centred_gaussian_map_has_no_lead(monkeypatch: pytest.MonkeyPatch, sd: float) -> None:
    """Not even where it is the network's own and random weights give a constant map."""
    blob, constant = torch.from_numpy(gaussian(sd)), torch.ones(48, 48)
    found = nulls(monkeypatch, lambda classifier, images: (blob if is_own(classifier) else constant).expand_as(images))
    assert found["random weights"].lead.is_sure
    assert not found["centred Gaussian"].lead.is_sure
    assert found["centred Gaussian"].lead.difference == pytest.approx(0, abs=0.005)


def test_edges_have_no_lead_over_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = torch.from_numpy(edge_maps(FACES))[:, None]
    found = nulls(monkeypatch, lambda _, images: edges[: len(images)])
    assert found["edges of the face"].lead.difference == pytest.approx(0)
    assert not found["edges of the face"].lead.is_sure


def test_what_every_network_shows_has_no_lead_over_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.from_numpy(feature_mask().astype(np.float32))
    found = nulls(monkeypatch, lambda _, images: features.expand_as(images))
    assert found["random weights"].lead.interval == pytest.approx((0, 0))
    assert [name for name in NULLS if not found[name].lead.is_sure] == ["random weights"]


def test_the_features_alone_beat_every_null(monkeypatch: pytest.MonkeyPatch) -> None:
    features, constant = torch.from_numpy(feature_mask().astype(np.float32)), torch.ones(48, 48)
    found = nulls(
        monkeypatch, lambda classifier, images: (features if is_own(classifier) else constant).expand_as(images)
    )
    assert all(null.lead.is_sure for null in found.values())
    assert found["random weights"].share == pytest.approx(feature_mask().mean())


def test_a_lead_within_what_a_shifted_template_changes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth more of the map on the features, in every face."""
    features, constant = torch.from_numpy(feature_mask().astype(np.float32)), torch.ones(48, 48)
    area = float(feature_mask().mean())
    weak = constant + features * (1 / (1 - (LEAST_LEAD / 2) / (1 - area)) - 1) / area
    found = nulls(monkeypatch, lambda classifier, images: (weak if is_own(classifier) else constant).expand_as(images))
    assert 0 < found["random weights"].lead.interval[0] < LEAST_LEAD
    assert not found["random weights"].lead.is_sure


def test_empty_maps_have_no_nulls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nulls(monkeypatch, lambda _, images: -torch.ones_like(images)) == {}
    found = nulls(monkeypatch, lambda classifier, images: torch.full_like(images, 1 if is_own(classifier) else -1))
    assert found["random weights"] == NullShare(share=None, lead=found["random weights"].lead)
    assert found["random weights"].lead.interval is None
    assert not found["random weights"].lead.is_sure


def test_random_weights_are_several_networks() -> None:
    drawn = {randomise_weights(OWN, share=1, seed=seed).network.output.weight[0, 0].item() for seed in range(DRAWS)}
    assert len(drawn) == DRAWS


@pytest.mark.long
@pytest.mark.parametrize("seed", [11, 12])
def test_an_untrained_network_is_not_said_to_look_at_the_features(seed: int) -> None:
    """By the nulls alone, whatever its accuracy."""
    torch.manual_seed(seed)
    drawn, _ = draw_faces(28)
    classifier = Classifier("mien-n", FER2013, normalisation="global").eval()
    classifier.normalise.fit(drawn.images)
    labels = classifier.probabilities(drawn.images).argmax(axis=1)
    table = compare_methods(classifier, drawn.images, labels=labels, methods=["occlusion", "saliency"]).comparison
    assert not table.nulls or not all(null.lead.is_sure for null in table.nulls.values())
