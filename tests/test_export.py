"""`export` and `evaluate` of the bundle on the tiny study."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.bundle import FILES, Bundle
from mien.core.card import Card, Licence
from mien.core.errors import DataError, GateError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.data.formats import open_faces
from mien.data.split import find_duplicates
from mien.evaluation.metrics import score_predictions
from mien.exporting.card import card_page, choose_default
from mien.exporting.parity import check_parity
from mien.models.classifier import Classifier, load_classifier
from mien.runtime.session import BundleModel
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import classify, evaluate
from mien.workflows.export import _abstention, _measure, export, export_faces


def test_a_bundle_says_what_its_run_says(studied: RunDir, exported: Bundle) -> None:
    faces = open_faces("synthetic:210").split("test")
    expected = classify(load_classifier(studied.path), faces)
    assert exported.classes == expected.classes
    assert BundleModel.open(exported, precision="fp32")(faces.images) == pytest.approx(expected.probabilities, abs=1e-4)
    assert np.abs(BundleModel.open(exported, precision="int8")(faces.images) - expected.probabilities).max() < 0.05


def test_the_card(studied: RunDir, exported: Bundle) -> None:
    card, config = exported.card, studied.read_json("config.json")
    assert {path.name for path in exported.path.iterdir()} == set(FILES)
    assert (card.name, card.network.model, card.synthetic) == (studied.path.name, "mien-n", True)
    assert (card.input.dtype, card.input.shape) == ("uint8", ("N", 48, 48))
    assert card.network.parameters == studied.read_json("model_info.json")["parameters"]
    assert card.training.data.fingerprint == config["data"]["fingerprint"]
    assert card.training.config["epochs"] == 1
    assert card.parity.fp32_to_network.faces == 35
    assert card.parity.fp32_to_network.max <= 1e-4
    assert any("drawn faces" in limit for limit in card.limits)
    assert any("not an emotion" in limit for limit in card.limits)


def test_the_scores_are_the_shipped_graphs_own(exported: Bundle) -> None:
    scores = exported.card.scores
    assert scores.split == "test"
    for precision in ("fp32", "int8"):
        found = evaluate(exported, "synthetic:210", precision=precision)
        assert found.model == exported.model_id(precision)
        assert (found.precision, found.published_accuracy) == (precision, scores.of(precision).accuracy)
        for key in (
            "accuracy",
            "accuracy_interval",
            "macro_f1",
            "ece",
            "log_loss",
            "without_duplicates",
            "confused_pairs",
        ):
            assert getattr(found, key) == getattr(scores.of(precision), key)
        assert [one.recall for one in found.per_class] == [one.recall for one in scores.of(precision).per_class]


def test_the_threshold_comes_from_the_held_out_faces(exported: Bundle) -> None:
    found = exported.card.abstention
    assert (found.max_risk, found.confidence, found.threshold) == (1, 0.95, 0)
    assert (found.held_out.coverage, found.held_out.risk) == (1, found.held_out_curve[-1].risk)
    assert found.curve[-1].coverage == 1
    wrong = 1 - exported.card.scores.of(exported.card.precision.default).accuracy
    assert found.curve[-1].risk == pytest.approx(wrong)


def test_graph_and_network_are_compared_on_the_faces_that_were_held_out(
    studied: RunDir, exported: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, classifier = export_faces(TrainingRun.open(studied)), load_classifier(studied.path)
    compared = []

    def record(network: np.ndarray, graph: np.ndarray) -> Any:
        compared.extend((network, graph))
        return check_parity(network, graph)

    monkeypatch.setattr("mien.workflows.export.check_parity", record)
    graphs = {"fp32": exported.read_model("fp32"), "int8": exported.read_model("int8")}
    measured = _measure(classifier, graphs, faces=faces, only=None, max_risk=None)
    assert len(compared) == 2
    expected = classifier.probabilities(faces.held_out.images)
    for probabilities in compared:
        assert probabilities == pytest.approx(expected, abs=1e-4)
    assert measured.parity.fp32_to_network.faces == len(faces.held_out) != len(faces.learned)


def test_the_threshold_is_not_chosen_by_the_judged_faces() -> None:
    def said(right: list[bool]) -> Predictions:
        sure = np.linspace(0.6, 0.9, len(right), dtype=np.float32)
        return Predictions(
            np.stack([sure, 1 - sure], axis=1),
            ("a", "b"),
            np.arange(len(right)).astype(str),
            targets=np.where(right, 0, 1),
        )

    held_out, judged = said([False] * 100 + [True] * 300), said([False] * 300 + [True] * 100)
    found = _abstention(held_out, judged, max_risk=0.1, precision="fp32")
    assert found.threshold == 0.66
    assert found.confidence == 0.95
    assert found.held_out.risk < 0.1
    assert found.held_out.coverage == found.scored.coverage
    assert found.scored.risk > 0.6


def test_a_threshold_without_other_faces_is_not_judged() -> None:
    """What it was chosen on can't say whether it holds."""
    rows = np.repeat(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32), 120, axis=0)
    said = Predictions(rows, ("a", "b"), np.arange(240).astype(str), targets=np.repeat([0, 1], 120))
    found = _abstention(said, None, max_risk=0.1, precision="int8")
    assert (found.held_out.coverage, found.threshold) == (0.5, 0.61)
    assert (found.scored, found.curve) == (None, None)


def test_one_graph_alone(studied: RunDir, exported: Bundle, tmp_path: Path) -> None:
    alone = export(studied, out=tmp_path / "b", only="int8")
    assert {path.name for path in alone.path.iterdir()} == set(FILES) - {"model.onnx"}
    assert alone.card.files == {"int8": exported.card.files["int8"]}
    assert alone.card.scores == exported.card.scores
    assert alone.card.precision.default == "int8"
    assert "accuracy on the held-out faces; the bundle holds only int8" in alone.card.precision.reason
    assert "`model.onnx`" not in (alone.path / "CARD.md").read_text()
    assert evaluate(alone, "synthetic:210").accuracy == alone.card.scores.int8.accuracy
    with pytest.raises(UsageError, match="no precision 'int4', did you mean int8"):
        export(studied, out=tmp_path / "c", only="int4")  # type: ignore[arg-type]
    assert export(studied, out=alone.path, overwrite=True, only="fp32").card.precision.default == "fp32"
    assert not (alone.path / "model.int8.onnx").exists()
    assert "8-bit" not in (alone.path / "CARD.md").read_text()


def test_who_trained_says_the_licence(studied: RunDir, exported: Bundle, tmp_path: Path) -> None:
    assert exported.card.licence == Licence(weights="not stated", data="Drawn by mien.")
    said = export(studied, out=str(tmp_path / "b"), licence="CC0-1.0")
    assert said.card.licence.weights == "CC0-1.0"
    assert "CC0-1.0" in (said.path / "CARD.md").read_text()


def test_a_bundle_holds_no_path_and_no_date(studied: RunDir, exported: Bundle) -> None:
    places = {str(Path.home()), str(studied.path), str(exported.path), str(Path(__file__).parent), os.sep + "tmp"}
    for file in FILES:
        content = (exported.path / file).read_bytes()
        assert not [place for place in places if place.encode() in content]
    training = exported.card.training
    assert (training.data.source, training.recipe) == ("synthetic:210", "demo")


def test_the_same_run_gives_the_same_bytes(studied: RunDir, exported: Bundle, tmp_path: Path) -> None:
    again = export(studied.path, out=tmp_path / "again", max_risk=1.0)
    for file in FILES:
        assert (again.path / file).read_bytes() == (exported.path / file).read_bytes()
    assert again.path.parent == tmp_path


def test_a_config_that_lacks_what_the_card_says(studied: RunDir, tmp_path: Path) -> None:
    run = RunDir(shutil.copytree(studied.path, tmp_path / "run"))
    write_json(run.path / "config.json", run.read_json("config.json") | {"versions": []})
    with pytest.raises(DataError, match=r"config\.json: damaged \(TypeError"):
        export(run, out=tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_graph_that_is_not_the_network_is_not_written(
    studied: RunDir, exported: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = exported.read_model("fp32")
    monkeypatch.setattr("mien.workflows.export.to_onnx", lambda _: content)
    monkeypatch.setattr("mien.workflows.export.quantise", lambda *_: exported.read_model("int8"))
    plain = Classifier.probabilities
    monkeypatch.setattr(Classifier, "probabilities", lambda *given: np.roll(plain(*given), 1, axis=1))
    monkeypatch.chdir(tmp_path)
    for place in ({"out": tmp_path / "out"}, {"name": "a"}):
        with pytest.raises(GateError, match="the exported graph differs from the network"):
            export(studied, **place)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_before_anything_is_done(studied: RunDir, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").touch()
    with pytest.raises(UsageError, match="not empty; choose another --out or add --overwrite"):
        export(studied, out=tmp_path / "full")
    with pytest.raises(UsageError, match="max_risk 2: expected a share"):
        export(studied, max_risk=2)
    with pytest.raises(UsageError, match="'a b' is no name for a run"):
        export(tmp_path / "none", name="a b")
    with pytest.raises(DataError, match="no run folder"):
        export(tmp_path / "full")


@pytest.mark.parametrize(("lost", "default"), [(0.0031, "fp32"), (0.003 + 1e-15, "int8"), (-0.01, "int8")])
def test_which_precision_is_the_default(lost: float, default: str) -> None:
    found = choose_default(lost)
    assert found.default == default
    assert found.reason.startswith("int8 gains 1.00 points" if lost < 0 else "int8 loses 0.")


def test_a_precision_that_loses_nothing() -> None:
    assert choose_default(0).reason.startswith("int8 has the same accuracy on")


def test_other_faces_than_the_card_s(exported: Bundle) -> None:
    found = evaluate(exported.path, "synthetic:140")
    assert (found.faces, found.duplicates, found.published_accuracy) == (28, None, None)
    assert evaluate(exported, "synthetic:210", split="validation,test").published_accuracy is None
    with pytest.raises(DataError, match="no faces in split 'exam'"):
        evaluate(exported, "synthetic:140", split="exam")


def test_labels_are_those_that_the_bundle_learned(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    card = bundle.card.to_dict()
    card["training"]["data"]["labels"] = "ferplus"
    bundle = replace(bundle, card=Card.from_dict(card, source="card.json"))
    with pytest.raises(UsageError, match=r"--votes fer2013new\.csv"):
        evaluate(bundle, "synthetic:140")
    asked: list[dict[str, Any]] = []

    def opened(path: str, **given: Any) -> FaceSet:
        asked.append(given)
        return open_faces("synthetic:140")

    monkeypatch.setattr("mien.workflows.evaluate.open_faces", opened)
    evaluate(bundle, "a.csv", votes="v.csv", targets="t.csv", skip_bad=True)
    assert asked == [
        {"votes": "v.csv", "targets": "t.csv", "labels": "ferplus", "skip_bad": True}
        | {"classes": None, "find_face": None}
    ]


def test_a_class_that_the_bundle_has_not(bundle: Bundle) -> None:
    card = replace(bundle.card, classes=("cross", *bundle.card.classes[1:]))
    with pytest.raises(DataError, match="class 'angry' is none of the classifier's"):
        evaluate(replace(bundle, card=card), "synthetic:140")


def test_the_page_repeats_the_card(exported: Bundle) -> None:
    page = (exported.path / "CARD.md").read_text(encoding="utf-8")
    assert page == card_page(exported.card)
    assert page.startswith(f"# {exported.card.name} (synthetic)\n")
    assert f"{100 * exported.card.scores.fp32.accuracy:.2f} %" in page


def test_a_run_and_its_bundle_count_the_same_duplicates(studied: RunDir, tmp_path: Path) -> None:
    """Copies of held-out faces are some too."""
    run = TrainingRun(shutil.copytree(studied.path, tmp_path / "copy"))
    held_out, faces = run.data.held_out, run.data.faces
    images = faces.images.copy()
    images[np.flatnonzero(faces.splits == "test")[:3]] = held_out.images[:3]
    run.__dict__["data"] = replace(run.data, faces=replace(faces, images=images))
    exported = export_faces(run)
    assert find_duplicates(exported.scored, exported.training).sum() == 3
    assert evaluate(run).duplicates == 3


def test_a_split_of_the_run_is_scored_alike(studied: RunDir, exported: Bundle) -> None:
    expected = score_predictions(classify(load_classifier(studied.path), open_faces("synthetic:210").split("test")))
    assert expected.accuracy == exported.card.scores.fp32.accuracy
    assert expected.per_class[0].recall == exported.card.scores.fp32.per_class[0].recall
