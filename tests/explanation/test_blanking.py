"""Faces without their features, for networks that read these, something else, or nothing."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mien.core.explanations import LEAST_LEAD
from mien.core.faces import FaceSet
from mien.core.labels import FER2013
from mien.data.split import hold_out
from mien.explanation import blanking
from mien.explanation.blanking import blank_features
from mien.explanation.regions import edge_maps, feature_mask
from mien.models.classifier import Classifier
from mien.synthetic.faces import draw_faces
from mien.training.initial import Pretrained

from .networks import faces

FACES = faces(60)
FACES[:, ::2] //= 4  # so that edges are stronger in some places than in others
TARGETS = np.arange(len(FACES)) % 2
FEATURES = feature_mask()
AREA = int(FEATURES.sum())
PLACES = ["in the middle of the picture", "where its edges are strongest", "in the same shape upside down"]

CORNER = np.zeros((48, 48), np.bool_)
CORNER[40:, :8] = True


@dataclass
class Reader:
    """Is as sure of the right one of two classes as pixels of a mask `(H, W)` or `(N, H, W)` are left as they were."""

    mask: NDArray[np.bool_]
    strength: float = 1.0

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        mask = np.broadcast_to(self.mask, FACES.shape)
        left = ((images == FACES) & mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))
        rows = np.full((len(images), 2), 0.5)
        rows[np.arange(len(rows)), TARGETS] = 0.5 + 0.5 * self.strength * left
        rows[np.arange(len(rows)), 1 - TARGETS] = 0.5 - 0.5 * self.strength * left
        return rows.astype(np.float32)


def beaten(found: blanking.BlankedFeatures) -> list[str]:
    return [name for name, other in found.elsewhere.items() if other.lead.is_sure]


def test_who_reads_the_features_needs_them_more_than_anything_else() -> None:
    found = blank_features(Reader(FEATURES), FACES, targets=TARGETS)
    assert beaten(found) == PLACES
    assert (found.faces, found.whole, found.area) == (60, 1, AREA / 48**2)
    assert found.blanked == pytest.approx(0.5, abs=0.01)
    for other in found.elsewhere.values():
        assert other.lead.difference == pytest.approx(other.probability - found.blanked, abs=1e-5)
    overlap = (FEATURES & FEATURES[::-1]).sum() / AREA
    upside_down = found.elsewhere["in the same shape upside down"]
    assert upside_down.probability == pytest.approx(1 - overlap / 2, abs=0.01)


@pytest.mark.parametrize(
    ("mask", "place"),
    [
        (blanking._middle(AREA), "in the middle of the picture"),
        (blanking._edges(FACES, AREA), "where its edges are strongest"),
        (FEATURES[::-1], "in the same shape upside down"),
    ],
    ids=["middle", "edges", "upside down"],
)
def test_who_reads_another_place_is_not_said_to_need_the_features(mask: NDArray[np.bool_], place: str) -> None:
    found = blank_features(Reader(mask), FACES, targets=TARGETS)
    assert place not in beaten(found)
    assert found.elsewhere[place].lead.difference < 0


@pytest.mark.parametrize("mask", [CORNER, np.ones((48, 48), np.bool_)], ids=["a mark in the corner", "all alike"])
def test_who_reads_no_part_of_the_face_needs_none(mask: NDArray[np.bool_]) -> None:
    assert beaten(blank_features(Reader(mask), FACES, targets=TARGETS)) == []


def test_a_lead_below_two_points_is_none() -> None:
    found = blank_features(Reader(FEATURES, strength=LEAST_LEAD), FACES, targets=TARGETS)
    assert all(0 < other.lead.interval[0] < LEAST_LEAD for other in found.elsewhere.values())
    assert beaten(found) == []


def test_one_face_shows_nothing() -> None:
    found = blank_features(made_up(), FACES[:1], targets=TARGETS[:1])
    assert [other.lead.interval for other in found.elsewhere.values()] == [None] * 3
    assert beaten(found) == []


def made_up(seed: int = 0, *, sharp: float = 1.0) -> Classifier:
    """An untrained network; `sharp` makes it as sure as a trained one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier("mien-n", FER2013, normalisation="global").eval()
    classifier.temperature = 1 / sharp
    return classifier


@pytest.mark.parametrize("sharp", [1, 30])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_untrained_network_does_not_need_the_features(seed: int, sharp: float) -> None:
    """Not even where it is very sure of its labels."""
    drawn, _ = draw_faces(210)
    classifier = made_up(seed, sharp=sharp)
    classifier.normalise.fit(drawn.images)
    assert drawn.targets is not None
    assert len(beaten(blank_features(classifier, drawn.images, targets=drawn.targets))) < 3


def test_as_much_is_blanked_in_every_place() -> None:
    edges = blanking._edges(FACES, AREA)
    assert blanking._middle(AREA).sum() == AREA
    assert set(edges.sum(axis=(1, 2))) == {16 * round(AREA / 16)}
    strong = edge_maps(FACES)
    assert strong[edges].mean() > strong[~edges].mean()
    rows, columns = np.nonzero(blanking._middle(AREA))
    assert np.hypot(rows - 23.5, columns - 23.5).max() < np.sqrt(AREA / np.pi) + 1


def test_what_is_blanked_has_the_mean_grey_of_the_face() -> None:
    found = blanking._blank(FACES, FEATURES)
    assert found.dtype == np.uint8
    assert np.array_equal(found[:, ~FEATURES], FACES[:, ~FEATURES])
    assert np.array_equal(found[:, 20, 10], np.rint(FACES.mean(axis=(1, 2))))


@pytest.mark.long
def test_a_trained_network_needs_the_features_of_real_faces(real: FaceSet) -> None:
    """On the faces that the recipes hold out; it learned from covered faces, so it needs the middle almost as much."""
    held = hold_out(real, method="stratified")[1]
    assert held.targets is not None
    found = blank_features(Pretrained.open("mien-n").classifier, held.images, targets=held.targets)
    assert beaten(found) == PLACES[1:]  # all but the middle of the picture
