"""`mien predict` in every format, `eval` and `compare` on its results."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.cli.records import FORMATS
from mien.core.predictions import Predictions
from mien.core.rundir import RunDir
from mien.data.sniff import open_faces

from .conftest import Mien

TWO = Predictions(
    np.array([[0.75, 0.25], [0.125, 0.875]], np.float32), ("smile", "frown, a bit"), np.array(["0", "b/2.png"])
)

GOLDEN = {
    "table": "face     probability  expression\n0              0.750  smile\nb/2.png        0.875  frown, a bit\n",
    "csv": 'schema_version,source,face,label,probability,smile,"frown, a bit"\n1,,0,smile,0.75,0.75,0.25\n'
    '1,,b/2.png,"frown, a bit",0.875,0.125,0.875\n',
    "submission": "id,label\n0,0\nb/2.png,1\n",
    "jsonl": '{"schema_version": 1, "source": "", "face": "0", "label": "smile", "probability": 0.75, "probabilities": '
    '{"smile": 0.75, "frown, a bit": 0.25}}\n{"schema_version": 1, "source": "", "face": "b/2.png", "label": '
    '"frown, a bit", "probability": 0.875, "probabilities": {"smile": 0.125, "frown, a bit": 0.875}}\n',
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_formats(mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    assert FORMATS[name](TWO) == GOLDEN[name]
    monkeypatch.setattr("mien.verbs.score.predict", lambda *_, **__: TWO)
    assert mien("predict", "run", "data", "--format", name) == (0, GOLDEN[name], "")
    path = tmp_path / "deep" / "out.txt"
    assert mien("predict", "run", "data", "--format", name, "-o", "deep/out.txt") == (0, "", f"written: {path}\n")
    assert path.read_text(encoding="utf-8") == GOLDEN[name]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run folder made by hand: a network that learned nothing, and an empty config."""
    import torch

    from mien.models.classifier import Classifier, save_classifier

    torch.manual_seed(0)
    made = RunDir.create("train", name="by-hand", out=tmp_path / "by-hand")
    save_classifier(Classifier("mien-n", ("smile", "frown"), normalisation="per-face"), made.path)
    (made.path / "config.json").write_text("{}")
    return made


def test_a_run_made_by_hand(mien: Mien, run: RunDir) -> None:
    from mien.models.classifier import load_classifier

    done = mien("predict", "by-hand", "synthetic:70", "--split", "test", "--format", "jsonl")
    faces = [json.loads(line) for line in done.out.splitlines()]
    shown = open_faces("synthetic:70").split("test")
    assert [face["face"] for face in faces] == shown.ids.tolist()
    assert len(faces) == 14
    expected = load_classifier(run.path).probabilities(shown.images)
    assert np.array([list(face["probabilities"].values()) for face in faces]) == pytest.approx(expected, abs=1e-6)
    assert [face["label"] for face in faces] == [("smile", "frown")[i] for i in expected.argmax(axis=1)]
    assert {(face["schema_version"], face["source"]) for face in faces} == {(1, "synthetic")}


def test_splits_of_predict(mien: Mien, run: RunDir) -> None:
    def count(*more: str) -> int:
        return len(mien("predict", "by-hand", "synthetic:70", "--format", "jsonl", *more).out.splitlines())

    assert (count(), count("--split", "train"), count("--split", "test,train")) == (70, 49, 63)
    done = mien("predict", "by-hand", "synthetic:70", "--split", "exam", "-o", "out.csv")
    assert (done.code, done.out) == (3, "")
    assert "no faces in split 'exam'; it has test (14), train (49), validation (7)" in done.err
    assert not Path("out.csv").exists()


def test_a_place_that_cannot_be_written(mien: Mien, run: RunDir, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = mien("predict", "by-hand", "synthetic:70", "-o", "file/out.csv")
    assert (done.code, done.out) == (1, "")
    assert f"{Path('file/out.csv')}: could not be written" in done.err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_refusal_comes_before_the_work(mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mien.verbs.score.predict", lambda *_, **__: pytest.fail("it was predicted"))
    (tmp_path / "out.csv").write_text("mine")
    done = mien("predict", "run", "data", "-o", "out.csv")
    assert (done.code, done.out) == (2, "")
    assert "out.csv: exists" in done.err
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert mien("predict", "run", "data", "--format", "exel").code == 2


@pytest.mark.parametrize(("share", "code"), [(0.5, 0), (0.51, 4)])
def test_the_gate_is_at_the_number(mien: Mien, tmp_path: Path, share: float, code: int) -> None:
    replace(TWO, targets=np.array([0, 0])).save(tmp_path / "p.npz")
    done = mien("eval", "p.npz", "--min-accuracy", share)
    assert done.code == code
    assert "accuracy           0.5000" in done.out
    assert done.err == ("" if code == 0 else "mien: accuracy 0.5000 is below --min-accuracy 0.51\n")


@pytest.mark.parametrize("content", [b"", b"id,label\n", None])
@pytest.mark.parametrize("verb", ["eval p.npz", "compare p.npz p.npz"])
def test_a_damaged_file_of_predictions(mien: Mien, tmp_path: Path, verb: str, content: bytes | None) -> None:
    if content is None:
        np.savez(tmp_path / "p.npz", probabilities=np.eye(2), classes=["a", "b"], ids=["0", "1"], targets=[[0], [1]])
    else:
        (tmp_path / "p.npz").write_bytes(content)
    done = mien(*verb.split())
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("mien: p.npz: ")
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]


def test_json_is_one_object() -> None:
    value = json.loads(FORMATS["json"](TWO))
    assert [face["label"] for face in value["faces"]] == ["smile", "frown, a bit"]
    assert set(value) == {"schema_version", "source", "synthetic", "classes", "faces"}


def test_every_format_has_a_test() -> None:
    assert set(FORMATS) == {*GOLDEN, "json"}


def test_submission(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    rows = [f"{i + 5},{' '.join([str(i)] * 2304)}" for i in range(3)]
    (tmp_path / "test.csv").write_text("\n".join(["id,feature", *rows]) + "\n")
    done = mien("predict", studied.path, "test.csv", "--format", "submission", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    written = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["id"] for row in written] == ["5", "6", "7"]
    assert {row["label"] for row in written} <= set("0123456")
    again = mien("predict", studied.path, "test.csv", "--format", "submission", "-o", "out.csv")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert mien("predict", studied.path, "test.csv", "-o", "out.csv", "--overwrite").code == 0


def test_predictions_are_the_evaluations(mien: Mien, studied: RunDir) -> None:
    faces = json.loads(mien("predict", studied.path, "synthetic:210", "--split", "test", "--json").out)["faces"]
    stored = Predictions.load(studied.path / "eval/test/predictions.npz")
    assert [face["face"] for face in faces] == stored.ids.tolist()
    said = np.array([list(face["probabilities"].values()) for face in faces])
    assert said == pytest.approx(stored.probabilities, abs=1e-6)


def test_eval_writes_what_it_says(mien: Mien, studied: RunDir) -> None:
    said = json.loads(mien("eval", studied.path, "--json").out)
    assert said == studied.read_json("eval/test/metrics.json")
    table = mien("eval", studied.path / "eval/test/predictions.npz").out
    assert f"{said['accuracy']:.4f}" in table
    assert "says nothing of real faces" in table


def test_compare(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    stored = Predictions.load(studied.path / "eval/test/predictions.npz")
    targets = stored.targets
    assert targets is not None
    perfect = np.eye(7, dtype=np.float32)[targets]
    Predictions(perfect, stored.classes, stored.ids, targets=targets).save(tmp_path / "perfect.npz")
    done = mien("compare", studied.path, "perfect.npz")
    assert done.code == 0
    assert "1.0000" in done.out
    result = json.loads(mien("compare", studied.path, "perfect.npz", "--json").out)
    assert result["b"]["accuracy"] == 1
    assert result["mcnemar_p"] < 0.05
    assert mien("compare", studied.path, "no.npz").code == 3
