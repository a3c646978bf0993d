"""Experiment trackers: what they are told, and that a training doesn't depend on them."""

import logging
from pathlib import Path
from typing import Any

import pytest

import mien
from mien.core.errors import MissingExtraError
from mien.training import tracker

SMALL = {"epochs": 2, "batch": 32, "device": "cpu", "precision": "fp32", "threads": 1, "holdout": {"rows": 70}}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mien.train("synthetic:280", recipe="demo", out=tmp_path_factory.mktemp("plain") / "run", **SMALL).path


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
@pytest.mark.filterwarnings("ignore")  # the trackers' own
def test_the_weights_are_those_without_a_tracker(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = mien.train("synthetic:280", recipe="demo", out=tmp_path / "run", logger=name, **SMALL)
    assert "is given up" not in caplog.text
    for file in ("model.safetensors", "metrics.csv"):
        assert (run.path / file).read_bytes() == (plain / file).read_bytes()
    made = {"tensorboard": "tensorboard/events*", "wandb": "wandb/offline-run-*/*.wandb", "mlflow": "mlflow.db"}[name]
    assert list(run.path.glob(made))


def test_tensorboard_has_the_rows_of_metrics(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = mien.train("synthetic:280", recipe="demo", out=tmp_path / "run", logger="tensorboard", **SMALL)
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    told = [(event.step, event.value) for event in events.Scalars("val_loss")]
    assert told == [(row.epoch, pytest.approx(row.val_loss)) for row in run.history]


def test_a_tracker_that_fails_is_given_up(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def log_hyperparams(self, *_: Any) -> None:
            pass

        def log_metrics(self, *_: Any, **named: Any) -> None:
            raise ConnectionError("no server")

    monkeypatch.setattr(tracker, "require_tracker", lambda name: None)
    monkeypatch.setattr("mien.workflows.train.require_tracker", lambda name: None)
    monkeypatch.setattr(tracker, "_open", lambda name, folder: Broken())
    with caplog.at_level(logging.WARNING):
        run = mien.train("synthetic:280", recipe="demo", out=tmp_path / "run", logger="mlflow", **SMALL)
    warned = [record.getMessage() for record in caplog.records if "given up" in record.getMessage()]
    assert warned == [
        "--logger mlflow failed (ConnectionError: no server) and is given up; the training goes on, and metrics.csv "
        "has all epochs"
    ]
    assert (run.path / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()


def test_a_tracker_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="--logger wandb needs the package wandb: pip install wandb"):
        mien.train("synthetic:280", recipe="demo", out=tmp_path / "run", logger="wandb", **SMALL)
    assert not (tmp_path / "run").exists()
