"""`mien eval` and `mien compare` on runs and on stored predictions."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.bundle import Bundle
from mien.core.labels import FER2013, FERPLUS
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.evaluation.metrics import score_predictions

from .conftest import Mien
from .test_predict_terminal import run_in_terminal, screen

TWO = Predictions(
    np.array([[0.75, 0.25], [0.125, 0.875]], np.float32), ("smile", "frown, a bit"), np.array(["0", "b/2.png"])
)


@pytest.mark.parametrize(("share", "code"), [(0.5, 0), (0.51, 4)])
def test_the_gate_is_at_the_number(mien: Mien, tmp_path: Path, share: float, code: int) -> None:
    replace(TWO, targets=np.array([0, 0])).save(tmp_path / "p.npz")
    done = mien("eval", "p.npz", "--min-accuracy", share)
    assert done.code == code
    assert "accuracy            50.00 %" in done.out
    assert done.err == ("" if code == 0 else "mien: accuracy 0.5000 is below --min-accuracy 0.51\n")


@pytest.mark.parametrize("classes", [50, 51, 1000])
def test_a_confusion_matrix_that_nobody_reads_is_not_printed(mien: Mien, tmp_path: Path, classes: int) -> None:
    names = tuple(f"c{number}" for number in range(classes))
    probabilities = np.eye(classes, dtype=np.float32)
    predictions = Predictions(probabilities, names, np.arange(classes).astype(str), targets=np.arange(classes))
    predictions.save(tmp_path / "p.npz")
    done = mien("eval", "p.npz")
    sentence = f"Confusion matrix: too wide to print with {classes:,} classes; --json and metrics.json have it"
    assert (sentence in done.out) == (classes > 50)
    assert ("a row for each label" in done.out) == (classes == 50)
    assert len(json.loads(mien("eval", "p.npz", "--json").out)["confusion"]["counts"]) == classes


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


def test_eval_writes_what_it_says(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    said = json.loads(mien("eval", studied.path, "--json").out)
    assert said == studied.read_json("eval/test/metrics.json")
    table = mien("eval", studied.path / "eval/test/predictions.npz").out
    assert f"{100 * said['accuracy']:.2f} %" in table
    assert "faces of split 'test' (synthetic" in mien("eval", studied.path).out
    copy = shutil.copytree(studied.path, tmp_path / "copy")
    held_out = mien("eval", copy, "--split", "validation").out
    assert "faces of split 'validation', held out and tuned on in training (synthetic" in held_out
    assert "says nothing of real faces" in table
    (tmp_path / "set/validation/happy").mkdir(parents=True)
    Image.new("L", (48, 48)).save(tmp_path / "set/validation/happy/a.png")
    other = mien("eval", copy, "--data", "set", "--split", "validation").out
    assert "1 faces of split 'validation'\n" in other


def test_intervals_by_groups_of_a_run_a_bundle_and_predictions(
    mien: Mien, studied: RunDir, exported: Bundle, tmp_path: Path
) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "copy")
    predictions = Predictions.load(copy / "eval/test/predictions.npz")
    lines = [f"{face},{row % 6}" for row, face in enumerate(predictions.ids.tolist())]
    (tmp_path / "subjects.csv").write_text("\n".join(["id,subject", *lines]) + "\n")
    run = json.loads(mien("eval", copy, "--group", "subjects.csv", "--robustness", "--flip", "--json").out)
    alone = studied.read_json("eval/test/metrics.json")
    assert (run["groups"], alone["groups"]) == (6, None)
    assert run["accuracy"] == alone["accuracy"]
    assert run["accuracy_interval_method"] == "wilson"
    by_groups = score_predictions(predictions, groups=np.arange(len(predictions)) % 6)
    assert run["accuracy_interval"] == list(by_groups.accuracy_interval)
    assert run["flip"]["accuracy_interval"] != list(score_predictions(predictions).accuracy_interval)
    low, high = run["robustness"]["accuracy_interval"]
    assert low < run["robustness"]["accuracy"] < high
    bundle = mien("eval", exported.path, "--data", "synthetic:210", "--group", "subjects.csv").out
    assert "; intervals by 6 groups of faces" in bundle
    stored = mien("eval", copy / "eval/test/predictions.npz", "--group", "subjects.csv", "--json").out
    assert json.loads(stored)["accuracy_interval"] == run["accuracy_interval"]
    assert "groups of faces" not in mien("eval", copy).out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\n0,a\n", "no group for 1 of 2 faces, such as id 'b/2.png'; add a line for each"),
        ("face,subject\n0,a\n", "line 1: no column 'id'"),
        ("id,subject\n0,a\nb/2.png,a\n", "all faces are of one group; intervals by groups need two or more"),
    ],
)
def test_groups_that_do_not_fit(mien: Mien, tmp_path: Path, text: str, message: str) -> None:
    replace(TWO, targets=np.array([0, 0])).save(tmp_path / "p.npz")
    (tmp_path / "groups.csv").write_text(text)
    done = mien("eval", "p.npz", "--group", "groups.csv")
    assert (done.code, done.out) == (3, "")
    assert message in done.err


def test_a_name_of_a_run_and_a_bundle(mien: Mien, studied: RunDir, exported: Bundle) -> None:
    shutil.copytree(studied.path, "runs/train/x")
    shutil.copytree(exported.path, "runs/export/x")
    done = mien("eval", "x")
    assert done.code == 2
    assert "'x' names a bundle and a run: " in done.err
    assert mien("eval", "runs/train/x").code == 0
    shutil.copytree(studied.path, "x")
    done = mien("eval", "x")
    assert done.code == 0
    assert f"'x': the run in this folder, not the bundle {Path.cwd() / 'runs/export/x'}" in done.err
    shutil.copytree(exported.path, "runs/train/x", dirs_exist_ok=True)
    assert "is a bundle, which has no faces of its own" in mien("eval", "runs/train/x").err
    assert mien("eval", "a" * 300).code == 3


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
    done = mien("compare", studied.path, "perfect.npz", "--split", "exam")
    assert (done.code, done.out) == (3, "")
    assert f"not scored on 'exam' yet; first: mien eval {studied.path} --split exam" in done.err


@pytest.mark.parametrize("flag", ["--data x.csv", "--split test", "--votes v.csv", "--precision int8", "--device cpu"])
def test_predictions_have_nothing_but_themselves(mien: Mien, tmp_path: Path, flag: str) -> None:
    replace(TWO, targets=np.array([0, 0])).save(tmp_path / "p.npz")
    done = mien("eval", "p.npz", *flag.split())
    assert (done.code, done.out) == (2, "")
    assert f"{flag.split(maxsplit=1)[0]} can't be given" in done.err


@pytest.mark.parametrize("labels", [FER2013, FERPLUS])
def test_class_names_are_whole_in_a_terminal_of_80_columns(
    labels: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = len(labels)
    ids = np.array([str(i) for i in range(number)])
    Predictions(np.eye(number, dtype=np.float32), labels, ids, targets=np.arange(number)).save(tmp_path / "p.npz")
    monkeypatch.setenv("TERM", "dumb")  # 80 columns, no colours
    code, output = run_in_terminal("eval", "p.npz", cwd=tmp_path)
    lines = screen(output)
    assert code == 0
    assert "…" not in output
    assert max(map(len, lines)) <= 80
    assert lines[lines.index("Confusion matrix: a row for each label, a column for each prediction") + 1].split() == [
        *labels
    ]
