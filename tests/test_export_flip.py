"""`mien export --flip`: graphs that average each face and its mirror image, and what their card says of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.bundle import Bundle, Precision
from mien.core.card import Card
from mien.core.errors import DataError, UsageError
from mien.core.summaries import summarise
from mien.data.formats import open_faces
from mien.exporting.card import card_page
from mien.models.classifier import classifier_of, load_classifier
from mien.runtime.session import BundleModel
from mien.training.calibration import calibrate
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import evaluate
from mien.workflows.export import export
from mien.workflows.hub import export_hub
from mien.workflows.run import Run

FACES = open_faces("synthetic:210").split("test")
MIRRORED = np.ascontiguousarray(FACES.images[:, :, ::-1])


@pytest.fixture(scope="module")
def flipped(studied: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    def refuse(*_: object) -> None:
        raise AssertionError("a run's figures on corrupted faces are those of the face alone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mien.workflows.export._with_robustness", refuse)
        return export(studied, flip=True, weights=True, out=tmp_path_factory.mktemp("flipped") / "bundle")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_face_and_its_mirror_image_get_the_same_probabilities(flipped: Bundle, precision: Precision) -> None:
    model = BundleModel.open(flipped, precision=precision, threads=1)
    assert model(MIRRORED) == pytest.approx(model(FACES.images), abs=1e-6)


def test_the_logits_are_averaged_and_calibrated_anew(studied: Run, flipped: Bundle) -> None:
    network = load_classifier(studied.path)
    network.temperature, network.bias = 1.0, None
    held_out = TrainingRun.open(studied).data.held_out

    def averaged(images: np.ndarray) -> torch.Tensor:
        return (network.logits(images) + network.logits(np.ascontiguousarray(images[:, :, ::-1]))) / 2

    found = calibrate(averaged(held_out.images), torch.as_tensor(held_out.targets))
    assert flipped.card.temperature == pytest.approx(found.temperature, rel=1e-3)
    expected = (averaged(FACES.images) / flipped.card.temperature).softmax(dim=1).numpy()
    assert BundleModel.open(flipped, precision="fp32", threads=1)(FACES.images) == pytest.approx(expected, abs=1e-4)
    assert classifier_of(flipped).probabilities(FACES.images) == pytest.approx(expected, abs=1e-2)  # 16 bits


def test_the_card_has_both_figures(studied: Run, exported: Bundle, flipped: Bundle) -> None:
    card, alone = flipped.card, exported.card
    assert set(card.flip) == {"fp32", "int8"}
    for precision, gain in card.flip.items():
        assert gain.alone_accuracy == alone.scores.of(precision).accuracy
        assert gain.alone_held_out_accuracy == alone.held_out_accuracy.of(precision)
        assert gain.gain == pytest.approx(card.scores.of(precision).accuracy - gain.alone_accuracy)
        assert gain.gain_interval[0] <= gain.gain <= gain.gain_interval[1]
        assert gain.alone_milliseconds > 0
        assert gain.milliseconds > 0
        assert evaluate(flipped, FACES, precision=precision).accuracy == card.scores.of(precision).accuracy
    assert card.network.macs == 2 * alone.network.macs
    assert card.network.parameters == alone.network.parameters
    assert card.parity.fp32_to_network.max <= 1e-4
    assert Card.from_dict(card.to_dict(), source="card.json") == card


def test_only_cards_of_such_graphs_speak_of_the_mirror_image(exported: Bundle, flipped: Bundle) -> None:
    assert exported.card.flip == {}
    assert "mirror" not in (exported.path / "CARD.md").read_text(encoding="utf-8")
    assert not any("mirror" in str(part) for part in summarise(exported.card))
    page = (flipped.path / "CARD.md").read_text(encoding="utf-8")
    assert "average the logits of each face and of its mirror image" in page
    assert sum("mirror" in str(part) for part in summarise(flipped.card)) == 1
    other = replace(flipped.card.flip["fp32"], gain=0.0123, gain_interval=(-0.004, 0.0286), alone_milliseconds=1.5)
    page = card_page(replace(flipped.card, flip=flipped.card.flip | {"fp32": other}))
    assert "+1.23 (-0.40 to +2.86)" in page
    assert "1.50 |" in page


def test_it_is_not_done_twice(flipped: Bundle, exported: Bundle) -> None:
    with pytest.raises(UsageError, match="averages each face and its mirror image already, inside its graphs; leave"):
        evaluate(flipped, FACES, flip=True)
    assert evaluate(exported, FACES, flip=True).flip is not None


def test_what_eval_promises_the_bundle_keeps(studied: Run, flipped: Bundle, tmp_path: Path) -> None:
    """But for the calibration, which has no say in the label where it is a temperature alone."""
    assert not flipped.card.bias
    copy = shutil.copytree(studied.path, tmp_path / "run")
    promised = evaluate(copy, FACES, flip=True, device="cpu").flip
    assert promised is not None
    assert promised.accuracy == flipped.card.scores.fp32.accuracy


def test_a_card_that_lacks_a_graph_is_damaged(flipped: Bundle, tmp_path: Path) -> None:
    copy = shutil.copytree(flipped.path, tmp_path / "b")
    values = json.loads((copy / "card.json").read_text())
    del values["flip"]["int8"]
    (copy / "card.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match=r"damaged \(flip has figures of fp32"):
        Bundle.open(copy)


@pytest.mark.long
def test_a_prior_stays_what_it_is(studied: Run, flipped: Bundle, tmp_path: Path) -> None:
    given = export(studied, flip=True, prior="uniform", out=tmp_path / "b")
    found = BundleModel.open(given, precision="fp32", threads=1)(FACES.images)
    expected = BundleModel.open(flipped, precision="fp32", threads=1).with_prior("uniform")(FACES.images)
    assert found == pytest.approx(expected, abs=1e-5)
    assert given.card.temperature == flipped.card.temperature


def test_a_folder_for_a_hub_says_so(flipped: Bundle, exported: Bundle, tmp_path: Path) -> None:
    for bundle, said in ((flipped, True), (exported, False)):
        folder = export_hub(bundle, tmp_path / bundle.path.name)
        assert json.loads((folder / "config.json").read_text())["flip"] is said
        shutil.rmtree(folder)
