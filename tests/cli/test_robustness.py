"""`mien eval --robustness` on the tiny study: of a run, of its bundle, in the card and in the report."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.bundle import Bundle
from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.predictions import Predictions
from mien.core.progress import Progress
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.data.formats import open_faces
from mien.runtime.session import BundleModel
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import evaluate
from mien.workflows.export import _with_robustness, export

from .conftest import Mien


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    return open_faces("synthetic:210").split("test")


@pytest.fixture(scope="module")
def measured(exported: Bundle, faces: FaceSet) -> Scores:
    return evaluate(exported, faces, robustness=True)


def test_a_bundle_is_scored_on_corrupted_faces(exported: Bundle, faces: FaceSet, measured: Scores) -> None:
    assert measured.robustness is not None
    assert measured.robustness.faces == len(faces)
    model = BundleModel.open(exported)
    for name in ("noise", "mask"):
        found = next(one for one in measured.robustness.corruptions if one.name == name)
        for severity in SEVERITIES:
            labels = model(corrupt(faces.images, name, severity)).argmax(axis=1)
            assert found.severities[severity - 1].accuracy == (labels == faces.targets).mean()
    assert evaluate(exported, faces).robustness is None


def test_a_prior_holds_for_corrupted_faces_too(exported: Bundle, faces: FaceSet) -> None:
    scores = evaluate(exported, faces, robustness=True, prior="uniform")
    assert scores.robustness is not None
    probabilities = BundleModel.open(exported)(corrupt(faces.images, "noise", 1))
    shares = np.array([exported.card.assumed_shares[name] for name in exported.classes])
    weighted = probabilities / shares
    labels = weighted.argmax(axis=1)
    assert scores.robustness.corruptions[0].severities[0].accuracy == (labels == faces.targets).mean()
    confidence = (weighted.max(axis=1) / weighted.sum(axis=1)).mean()
    assert scores.robustness.corruptions[0].severities[0].confidence == pytest.approx(confidence, abs=1e-4)


def test_the_order_of_faces_does_not_matter(exported: Bundle, faces: FaceSet, measured: Scores) -> None:
    turned = evaluate(exported, faces.select(np.arange(len(faces))[::-1]), robustness=True).robustness
    assert turned is not None
    assert measured.robustness is not None
    for one, other in zip(turned.corruptions, measured.robustness.corruptions, strict=True):
        assert [scores.accuracy for scores in one.severities] == [scores.accuracy for scores in other.severities]


def test_faces_without_a_label_are_left_out(exported: Bundle, faces: FaceSet) -> None:
    some = replace(faces, targets=np.where(np.arange(len(faces)) < 7, faces.targets, UNLABELLED))
    seen: list[Progress] = []
    scores = evaluate(exported, some, robustness=True, progress=seen.append)
    assert scores.robustness is not None
    assert scores.robustness.faces == 7
    assert seen[-1] == Progress("robustness", 7 * 75, 7 * 75, "faces")
    none = replace(faces, targets=np.full(len(faces), UNLABELLED))
    with pytest.raises(DataError, match="has a target"):
        evaluate(exported, none, robustness=True)


def test_a_run_keeps_the_scores_for_its_report_and_its_card(studied: RunDir, mien: Mien, tmp_path: Path) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "copy")
    line = "No scores of corrupted faces yet: "
    mien("report", copy)
    assert line in (copy / "report.html").read_text(encoding="utf-8")
    done = mien("eval", copy, "--robustness")
    assert "corrupted faces (docs/robustness.md): accuracy in % at severity 1 to 5" in done.out
    assert "Gaussian noise" in done.out
    stored = Scores.read(copy / "eval/test/metrics.json").robustness
    assert stored is not None
    mien("report", copy)
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert line not in page
    for one in CORRUPTIONS.values():
        assert f'<th scope="row">{one.title}</th>' in page
    bundle = export(copy, out=tmp_path / "bundle")
    assert bundle.card.scores.fp32.robustness == stored
    assert bundle.card.scores.int8.robustness is None
    card = (bundle.path / "CARD.md").read_text(encoding="utf-8")
    assert "## `model.onnx` on corrupted faces" in card
    assert f"{stored.faces:,} corrupted faces (docs/robustness.md)" in card
    assert f"| {CORRUPTIONS['noise'].title} | " in card


def test_figures_of_corrupted_faces_stay_until_the_predictions_change(
    studied: RunDir, measured: Scores, mien: Mien, tmp_path: Path
) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "copy")
    folder = copy / "eval/test"
    before = replace(Scores.read(folder / "metrics.json"), robustness=measured.robustness)
    before.write(folder / "metrics.json")
    again = mien("eval", copy, "--json")
    for scores in (Scores.from_dict(json.loads(again.out), source="stdout"), Scores.read(folder / "metrics.json")):
        assert scores.robustness == before.robustness
    assert "corrupted" not in again.err
    assert before.model is not None
    predictions = Predictions.load(folder / "predictions.npz")
    assert predictions.targets is not None
    others = [
        (replace(before, model=replace(before.model, sha256="0" * 64)), predictions),
        (replace(before, groups=7), predictions),
        (before, replace(predictions, targets=predictions.targets[::-1])),
        (before, replace(predictions, probabilities=np.eye(7, dtype=np.float32)[predictions.labels])),
    ]
    for scores, said in others:
        scores.write(folder / "metrics.json")
        said.save(folder / "predictions.npz")
        done = mien("eval", copy)
        assert "had figures of corrupted faces for other predictions or groups; --robustness makes new ones" in done.err
        assert Scores.read(folder / "metrics.json").robustness is None
    (folder / "metrics.json").write_text("damaged")
    assert mien("eval", copy).code == 0


def test_a_card_has_no_scores_of_another_network(
    studied: RunDir, exported: Bundle, measured: Scores, tmp_path: Path
) -> None:
    assert "corrupted" not in (exported.path / "CARD.md").read_text(encoding="utf-8")
    run = TrainingRun.open(shutil.copytree(studied.path, tmp_path / "copy"))
    path = run.path / "eval/test/metrics.json"
    scores = replace(Scores.read(path), robustness=measured.robustness)
    scores.write(path)
    assert _with_robustness(exported.card.scores, run).fp32.robustness == measured.robustness
    assert scores.model is not None
    replace(scores, model=replace(scores.model, sha256="0" * 64)).write(path)
    assert _with_robustness(exported.card.scores, run).fp32.robustness is None


def test_predictions_alone_can_not_be_corrupted(mien: Mien, studied: RunDir) -> None:
    done = mien("eval", studied.path / "eval/test/predictions.npz", "--robustness")
    assert (done.code, done.out) == (2, "")
    assert "predictions without their faces; --robustness can't be given with them" in done.err


def test_scores_stored_before_there_was_robustness_are_read(studied: RunDir, tmp_path: Path) -> None:
    values = json.loads((studied.path / "eval/test/metrics.json").read_text(encoding="utf-8"))
    values.pop("robustness")
    (tmp_path / "metrics.json").write_text(json.dumps(values), encoding="utf-8")
    assert Scores.read(tmp_path / "metrics.json").robustness is None
