"""The bundles that ship: whole, small, honest about their accuracy."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import mien
from mien.core.bundle import Bundle, shipped
from mien.core.corruptions import corrupt
from mien.core.faces import FaceSet
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.models.classifier import classifier_of
from mien.runtime.session import BundleModel

LARGEST_BYTES = 24_000_000


def test_some_ship_and_together_they_are_small() -> None:
    folders = [Bundle.open(name).path for name in shipped()]
    assert folders
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) <= LARGEST_BYTES


@pytest.mark.parametrize(
    ("name", "precision"), [(name, precision) for name in shipped() for precision in Bundle.open(name).card.files]
)
def test_each_runs_and_tells_faces_from_none(name: str, precision: str) -> None:
    bundle = Bundle.open(name)
    said = BundleModel.open(bundle, precision=precision)(np.full((2, 48, 48), 128, np.uint8))
    assert said.shape == (2, len(bundle.classes))
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert not bundle.card.synthetic
    assert math.isclose(bundle.card.scores.of(precision).accuracy, 0.7, abs_tol=0.2)


@pytest.mark.parametrize("name", shipped())
def test_the_weights_are_those_of_the_graph(name: str, data_dir: Path) -> None:
    """The 8-bit graph differs from its own network as much; the card of mien-s says so."""
    bundle = Bundle.open(name)
    learned, _ = hold_out(open_faces(data_dir / "fer2013_public.parquet"), method="stratified", rows=2000)
    images = learned.images[:200]
    precision = "fp32" if "fp32" in bundle.card.files else "int8"
    expected = BundleModel.open(bundle, precision=precision)(images)
    difference = np.abs(classifier_of(bundle).probabilities(images) - expected)
    assert difference.max() < (0.01 if precision == "fp32" else 0.1)
    assert difference.mean() < (0.0005 if precision == "fp32" else 0.005)


@pytest.mark.parametrize("name", shipped())
def test_training_begins_with_what_the_network_knows(name: str, data_dir: Path) -> None:
    """Also with the statistics of batches: folded norms got means and variances that fit."""
    bundle = Bundle.open(name)
    learned, _ = hold_out(open_faces(data_dir / "fer2013_public.parquet"), method="stratified", rows=2000)
    classifier = classifier_of(bundle)
    images = torch.tensor(learned.images[:256])[:, None]
    with torch.no_grad():
        expected = classifier(images).softmax(dim=1)
        for module in classifier.modules():
            module.training = isinstance(module, torch.nn.BatchNorm2d)
        found = classifier(images).softmax(dim=1)
    assert (expected.argmax(dim=1) == found.argmax(dim=1)).float().mean() > 0.85


@pytest.mark.parametrize("name", shipped())
def test_the_published_accuracy_is_found_again(name: str, data_dir: Path) -> None:
    """Another processor may round an 8-bit sum otherwise: a face or two."""
    scores = mien.evaluate(name, data_dir / "fer2013_public.parquet")
    assert scores.published_accuracy is not None
    assert scores.accuracy == pytest.approx(scores.published_accuracy, abs=0.002)


@pytest.mark.parametrize("name", shipped())
def test_each_card_says_what_corrupted_faces_cost(name: str) -> None:
    card = Bundle.open(name).card
    scores = card.scores.of(card.precision.default)
    assert scores.robustness is not None
    assert scores.robustness.faces == scores.faces
    assert scores.robustness.baseline is not None
    for one in scores.robustness.corruptions:
        assert one.severities[-1].accuracy < scores.accuracy


def test_the_published_accuracy_in_noise_is_found_again(real: FaceSet) -> None:
    model = BundleModel.open("mien-n")
    faces = real.split("test")
    labels = model(corrupt(faces.images, "noise", 3)).argmax(axis=1)
    measured = model.bundle.card.scores.int8.robustness
    assert measured is not None
    published = next(one for one in measured.corruptions if one.name == "noise").severities[2]
    assert (labels == faces.targets).mean() == pytest.approx(published.accuracy, abs=0.005)
