"""What `mien.explain` refuses, before it writes anything; and odd faces that it takes."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.core.arrays import read_arrays
from mien.core.errors import DataError, MienError, UsageError
from mien.core.explanations import Explanation
from mien.core.runs import RunDir
from mien.training.run_data import RunData, TrainingRun
from mien.workflows import explain as verb

SMALL: dict[str, Any] = {"methods": ("saliency",), "count": 1, "device": "cpu"}


@pytest.fixture
def run(studied: RunDir, tmp_path: Path) -> RunDir:
    shutil.copytree(studied.path, tmp_path / "run", ignore=shutil.ignore_patterns("explain"))
    return RunDir(tmp_path / "run")


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"methods": ["saliency", "gradcam"]}, UsageError, "no attribution method 'gradcam', did you mean grad-cam"),
        ({"methods": []}, UsageError, "at least one method"),
        ({"faces": 0}, UsageError, "1 to 1000 faces"),
        ({"count": 0}, UsageError, "at least one method and filter"),
        ({"share": 1.5}, UsageError, "from 0 to 1"),
        ({"share": float("nan")}, UsageError, "from 0 to 1"),
        ({"layer": "conv99"}, UsageError, "no layer 'conv99', did you mean conv"),
        ({"layer": "output"}, UsageError, "layer 'output' of mien-n has no maps"),
        ({"filters": "covn2"}, UsageError, "no layer 'covn2', did you mean conv2"),
        ({"filters": "output"}, UsageError, "layer 'output' of mien-n has no maps"),
        ({"device": "gpu"}, UsageError, "gpu"),
        ({"split": "tset"}, DataError, "no faces in split 'tset'"),
        ({"face": "nobody"}, DataError, "no face 'nobody' in this split; its ids go from "),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    run: RunDir, given: dict[str, Any], error: type[MienError], said: str
) -> None:
    (run.path / "explain").mkdir()
    (run.path / "explain/older.txt").write_text("kept")
    with pytest.raises(error, match=said):
        mien.explain(run, **SMALL | given)
    assert [path.name for path in (run.path / "explain").iterdir()] == ["older.txt"]


def test_a_run_without_weights_says_what_makes_them(run: RunDir) -> None:
    (run.path / "model.safetensors").unlink()
    with pytest.raises(DataError, match="no trained model; `mien train` writes it"):
        mien.explain(run, **SMALL)
    assert not (run.path / "explain").exists()


def changed(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Let the run's faces be others, as if they had been these when it was trained."""
    faces = replace(mien.open_faces("synthetic:210"), **values)
    monkeypatch.setattr(TrainingRun, "data", property(lambda run: RunData.open(run.config, given=faces)))


def test_a_split_of_a_single_face_is_refused(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = np.array(["train"] * 209 + ["test"])
    changed(monkeypatch, splits=splits)
    with pytest.raises(DataError, match="one face in split 'test'; methods are compared on 2 or more"):
        mien.explain(run, **SMALL)
    assert not (run.path / "explain").exists()


def test_a_split_without_labels_is_refused(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = mien.open_faces("synthetic:210")
    changed(monkeypatch, targets=np.where(faces.splits == "test", -1, faces.targets))
    with pytest.raises(DataError, match="none of the 42 faces has a target"):
        mien.explain(run, **SMALL)
    assert not (run.path / "explain").exists()


def test_unlabelled_faces_and_classes_without_faces(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = mien.open_faces("synthetic:210")
    known = (faces.splits != "test") | np.isin(faces.targets, [3, 4])
    changed(monkeypatch, targets=np.where(known, faces.targets, -1))
    found = mien.explain(run, **SMALL)
    kept = read_arrays(run.path / "explain/attribution.npz", holds="attributions")
    assert set(kept["targets"]) == {3, 4}
    assert found == Explanation.read(run.path / "explain/attribution.json")


def test_an_explanation_that_fails_halfway_leaves_the_old_one(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    mien.explain(run, **SMALL)
    before = {path.name: path.read_bytes() for path in (run.path / "explain").iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(verb, "compare_methods", fail)
    with pytest.raises(MemoryError):
        mien.explain(run, **SMALL | {"methods": ("grad-cam",)})
    assert {path.name: path.read_bytes() for path in (run.path / "explain").iterdir()} == before
    assert not list(run.path.glob(".mien*"))
