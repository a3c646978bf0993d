"""`mien ensemble`, and the scores with flip views."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

from mien.cli.main import run as mien
from mien.core.ensemble import Ensemble
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.evaluation.compare import compare_predictions
from mien.models.classifier import load_classifier
from mien.reporting.build import report
from mien.training.calibration import fit_temperature
from mien.training.run_data import RunData, TrainingRun
from mien.workflows.ensemble import _log_mean, ensemble
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.export import export
from mien.workflows.train import resume, train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two networks and two normalisations, which held out the same faces."""
    base = tmp_path_factory.mktemp("members")

    def run(name: str, **flags: Any) -> Path:
        settings = {"holdout": {"rows": 70}, "optimizer": {"lr": 0.005}}
        given = {"epochs": 6, "batch": 16, "device": "cpu", **settings, "out": base / name} | flags
        return train("synthetic:525", recipe="demo", **given).path

    return [run("one"), run("two", seed=1, normalisation="per-face")]


@pytest.fixture(scope="module")
def together(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return ensemble(runs, flip=True, out=tmp_path_factory.mktemp("ensemble"), device="cpu")


def mean(runs: list[Path], images: np.ndarray) -> np.ndarray:
    return np.mean([load_classifier(run).probabilities(images).astype(float) for run in runs], axis=0)


def test_the_mean_is_cooled_to_the_lowest_loss_on_the_held_out_faces(runs: list[Path], together: Ensemble) -> None:
    data = TrainingRun.open(runs[0]).data
    held_out, test = data.held_out, data.split("test")

    def cooled(images: np.ndarray, temperature: float) -> np.ndarray:
        powers = mean(runs, images) ** (1 / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    kept = together.temperature
    losses = [
        log_loss(held_out.targets, cooled(held_out.images, t), labels=range(7))
        for t in (kept, kept * 1.05, kept / 1.05)
    ]
    assert 0.11 < kept < 9
    assert min(losses) == losses[0]
    expected = cooled(test.images, kept)
    said = Predictions.load(Path(together.run) / "eval/test/predictions.npz")
    assert said.probabilities == pytest.approx(expected, abs=1e-5)
    assert together.scores.accuracy == accuracy_score(test.targets, expected.argmax(axis=1))
    views = np.sqrt(expected * cooled(test.images[:, :, ::-1], kept))  # the mean of the logits
    assert together.scores.flip.accuracy == accuracy_score(test.targets, views.argmax(axis=1))
    assert together.scores.flip.log_loss == pytest.approx(
        log_loss(test.targets, views / views.sum(axis=1, keepdims=True)), rel=1e-4
    )


def test_a_probability_of_zero_does_not_decide_the_temperature() -> None:
    targets = np.random.default_rng(0).integers(0, 3, 200)
    sharp = np.where(np.eye(3)[targets] > 0, 0.8, 0.1).astype(np.float32)
    sharp[::4] = sharp[::4, [1, 2, 0]]
    said = Predictions(sharp, ("a", "b", "c"), np.arange(200).astype(str), targets=targets)
    sharp = sharp.copy()
    sharp[0] = np.eye(3, dtype=np.float32)[(targets[0] + 1) % 3]  # surely wrong, as a softmax in float32 can be
    one = replace(said, probabilities=sharp)
    found = [fit_temperature(_log_mean([each]), torch.as_tensor(targets)) for each in (said, one)]
    assert found[0] < found[1] < 2 * found[0]


def test_its_members_are_what_they_are_alone(runs: list[Path], together: Ensemble) -> None:
    alone = [evaluate(run, device="cpu") for run in runs]
    assert [member.accuracy for member in together.members] == [each.accuracy for each in alone]
    assert [member.model for member in together.members] == [each.model for each in alone]
    assert [member.run for member in together.members] == [str(run) for run in runs]
    best = max((0, 1), key=lambda i: alone[i].accuracy)
    one, two = (Predictions.load(Path(where) / "eval/test/predictions.npz") for where in (runs[best], together.run))
    expected = compare_predictions(one, two)
    assert expected.accuracy_difference_interval == together.over_best.accuracy_difference_interval
    assert (together.over_best.a.model, together.over_best.b.model) == (alone[best].model, None)
    assert Ensemble.read(Path(together.run) / "ensemble.json") == together
    assert Scores.read(Path(together.run) / "eval/test/metrics.json") == together.scores


def test_an_ensemble_has_no_network_of_its_own(together: Ensemble) -> None:
    for verb in (evaluate, resume, export, explain):
        with pytest.raises(DataError, match="an ensemble, which has no network of its own"):
            verb(together.run)
    with pytest.raises(DataError, match="an ensemble, which has no report"):
        report(RunDir.open(together.run))


@pytest.mark.parametrize("split", ["validation", None])
def test_on_validation_it_scores_what_all_held_out(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str | None
) -> None:
    if split is None:
        monkeypatch.setattr(RunDir, "default_split", "validation")
    scores = ensemble(runs, split=split, out=tmp_path / "e", device="cpu").scores
    assert scores.split == "validation"
    assert scores.faces == 70
    assert scores.duplicates == 0
    assert scores.flip is None
    assert scores.model is None


def test_an_ensemble_does_not_replace_a_member(runs: list[Path]) -> None:
    for out in (runs[1], runs[1].parent):
        with pytest.raises(UsageError, match=r"is or holds .*, which is needed for it"):
            ensemble(runs, out=out, overwrite=True)
    assert (runs[1] / "model.safetensors").exists()


def test_faces_without_labels_replace_nothing(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "e"
    ensemble(runs, split="validation", out=out)

    def without_labels(self: RunData, name: str) -> FaceSet:
        return replace(self.faces, targets=self.faces.targets * 0 - 1)

    monkeypatch.setattr(RunData, "split", without_labels)
    with pytest.raises(DataError, match=r"none of the 525 faces of split 'test' has a label"):
        ensemble(runs, split="test", out=out, overwrite=True)
    assert (out / "eval/validation/metrics.json").exists()


def test_members_that_learned_from_each_others_held_out_faces_are_refused(runs: list[Path], tmp_path: Path) -> None:
    other = train(
        "synthetic:350",
        recipe="demo",
        epochs=1,
        batch=32,
        device="cpu",
        holdout={"rows": 60},
        out=tmp_path / "o",
    )
    with pytest.raises(UsageError, match=r"o: held out other faces"):
        ensemble([runs[0], other.path], out=tmp_path / "e")
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("count", [0, 1])
def test_one_run_is_no_ensemble(runs: list[Path], tmp_path: Path, count: int) -> None:
    for members in (runs[:count], [runs[0]] * 2):
        with pytest.raises(UsageError, match="two or more different runs"):
            ensemble(members, out=tmp_path / "e")


def test_flip_views_are_the_mean_of_the_logits_of_face_and_mirror_image(runs: list[Path]) -> None:
    scores = evaluate(runs[0], flip=True, device="cpu")
    faces = TrainingRun.open(runs[0]).data.split("test")
    classifier = load_classifier(runs[0])
    logits = (classifier.logits(faces.images) + classifier.logits(np.flip(faces.images, axis=2))) / 2
    assert scores.flip is not None
    assert scores.flip.accuracy == accuracy_score(faces.targets, logits.argmax(dim=1))
    expected = log_loss(faces.targets, logits.double().softmax(dim=1), labels=range(7))
    assert scores.flip.log_loss == pytest.approx(expected, rel=1e-4)
    assert evaluate(runs[0], device="cpu").flip is None


def test_its_command_line(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["ensemble", *map(str, runs), "--device", "cpu", "--quiet"]
    assert mien([*line, "--out", str(tmp_path / "a"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert mien([*line, "--out", str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"{100 * member['accuracy']:.2f} %   {member['run']}" for member in scores["members"]]
    assert scores["over_best"]["verdict"] in lines
    assert lines[-1] == str(tmp_path / "b")
