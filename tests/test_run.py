"""`Run`: what can be done with a training, also one whose faces were given in memory."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.errors import DataError
from mien.core.faces import FaceSet
from mien.core.scores import Scores
from mien.data.formats import open_faces
from mien.workflows.run import Run
from mien.workflows.study import study
from mien.workflows.train import resume, train

SMALL = {"recipe": "demo", "holdout": {"rows": 35}, "epochs": 1, "batch": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    return replace(open_faces("synthetic:210"), source="in memory")


@pytest.fixture(scope="module")
def given(faces: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was trained on faces in memory."""
    return train(faces, out=tmp_path_factory.mktemp("given") / "run", **SMALL)


def test_faces_in_memory_train_as_those_of_a_file(given: Run, tmp_path: Path) -> None:
    named = train("synthetic:210", out=tmp_path / "named", **SMALL)
    for name in ("metrics.csv", "model.safetensors"):
        assert (given.path / name).read_bytes() == (named.path / name).read_bytes()
    assert given.read_json("config.json")["data"]["source"] == "in memory"


def test_faces_in_memory_are_found_later_even_in_a_moved_run(given: Run, tmp_path: Path) -> None:
    moved = Run.open(shutil.copytree(given.path, tmp_path / "moved"))
    assert moved.config.data == str(tmp_path / "moved/faces.npz")
    assert moved.evaluate(split="validation").faces == 35
    assert len(resume(moved.path, epochs=2).history) == 2
    again = train(recipe=given.path / "config.json", out=tmp_path / "again")
    assert (again.path / "metrics.csv").read_bytes() == (given.path / "metrics.csv").read_bytes()


def test_votes_are_stored_as_they_were_given(faces: FaceSet, tmp_path: Path) -> None:
    votes = np.zeros((len(faces), 10), np.uint8)
    votes[np.arange(len(faces)), faces.targets] = 10
    names = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
    crowd = replace(faces, votes=votes, vote_names=names)
    run = train(crowd, out=tmp_path / "run", labels="ferplus", **SMALL)
    assert "contempt" in run.data.faces.classes
    reopened = Run.open(run.path)
    assert (reopened.data.faces.row_fingerprint, reopened.data.given) == (run.data.faces.row_fingerprint, None)


@pytest.mark.long
def test_a_study_of_faces_in_memory(faces: FaceSet, tmp_path: Path) -> None:
    run = study(faces, ablation=None, out=tmp_path / "run", **SMALL)
    assert (run.path / "report.html").exists()
    assert run.is_complete


def test_what_a_run_knows(given: Run) -> None:
    assert given.kept_epoch == given.history[0]
    right = f"{100 * given.history[0].val_accuracy:.1f}"
    assert given.summary == f"{right} % of the 35 held-out faces right, after epoch 1 of 1"
    assert given.scores("validation") == Scores.read(given.path / "eval/validation/metrics.json")
    assert len(given.data.split("test")) == 42
    assert given.report() == given.path / "report.html"


def test_a_run_without_a_model_has_no_summary(given: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(given.path, tmp_path / "copy"))
    (run.path / "model.json").unlink()
    with pytest.raises(DataError, match=r"model\.json: no such file"):
        _ = run.summary


def test_a_notebook_shows_a_run(given: Run, tmp_path: Path) -> None:
    shown = given._repr_html_()
    for text in (given.summary, "finished", str(given.path)):
        assert text in shown
    assert "<svg" not in shown  # one epoch is no curve
    copy = Run(shutil.copytree(given.path, tmp_path / "two"))
    metrics = copy.path / "metrics.csv"
    head, row = metrics.read_text().splitlines()
    metrics.write_text(f"{head}\n{row}\n2{row[1:]}\n")
    (copy.path / "model.json").unlink()
    shown = copy._repr_html_()
    assert shown.count("<polyline") == 2
    assert "held-out faces right" not in shown  # without a model nobody knows


def test_a_run_is_public() -> None:
    assert mien.Run is Run


def test_saved_faces_are_read_back(faces: FaceSet, tmp_path: Path) -> None:
    faces.save(tmp_path / "a.npz")
    for read in (FaceSet.load, open_faces):
        again = read(tmp_path / "a.npz")
        assert again.row_fingerprint == faces.row_fingerprint
        assert (again.source, again.synthetic, again.classes) == (faces.source, faces.synthetic, faces.classes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.array(["x"])}, "not a file of faces"),
        ({"targets": np.arange(3)}, "3 targets for 210 faces"),
        ({"images": np.zeros((210, 48), np.uint8)}, "not a file of faces"),
        ({"more": np.zeros(1)}, "unknown: more"),
    ],
)
def test_a_file_that_has_no_faces(faces: FaceSet, tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    faces.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as stored:
        arrays = dict(stored) | change
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        FaceSet.load(tmp_path / "a.npz")
