"""A small training that every test here can run in a second or two."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from mien.core.faces import FaceSet
from mien.core.runs import RunDir
from mien.models.classifier import load_classifier
from mien.training.config import merge, read_settings
from mien.training.run_data import TrainingRun
from mien.workflows.run import Run
from mien.workflows.train import train

SETTINGS = ("holdout.rows=70", "stopping.patience=0", "plateau.patience=2", "plateau.min_delta=9")
SMALL = read_settings(SETTINGS)
"""No fall of the validation loss is large enough: the learning rate halves at every second epoch."""

Small = Callable[..., Run]


def command(*flags: str) -> list[str]:
    """The same training as a process of its own, below the folder where it stands."""
    line = ["train", "synthetic:420", "--recipe", "demo", "--batch", "32", "--device", "cpu"]
    settings = [f"--set={setting}" for setting in SETTINGS]
    return [sys.executable, "-c", "from mien.cli.main import main; main()", *line, *flags, *settings]


def held_out_scores(run: RunDir) -> tuple[float, float]:
    """Validation loss and accuracy of the run's weights before calibration, by scikit-learn."""
    faces = TrainingRun(run.path).data.held_out
    classifier = load_classifier(run.path)
    classifier.temperature, classifier.bias = 1.0, None
    probabilities = classifier.probabilities(faces.images).astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    loss = log_loss(faces.targets, probabilities, labels=range(len(faces.classes)))
    return loss, accuracy_score(faces.targets, probabilities.argmax(axis=1))


@pytest.fixture
def small(tmp_path: Path) -> Small:
    def run(name: str, *, data: str | FaceSet = "synthetic:420", settings: tuple[str, ...] = (), **given: Any) -> Run:
        values = merge(SMALL, read_settings(settings))
        values = merge(values, {"batch": 32, "epochs": 6, "precision": "fp32", "device": "cpu"})
        return train(data, recipe="demo", out=tmp_path / name, **merge(values, given))

    return run


STILL = tuple(f"augment.{key}=0" for key in ("rotation_deg", "shift", "zoom", "brightness"))
OVERFITS = ("optimizer.lr=0.01", "augment.flip=false", *STILL)
"""On `noise` the validation loss falls for an epoch or two and then rises."""


@pytest.fixture
def noise(tmp_path: Path) -> str:
    """A course file of 200 noise pictures with labels drawn by lot: there is nothing to learn but by heart."""
    generator = np.random.default_rng(0)
    path = tmp_path / "noise.csv"
    lines = [f"{generator.integers(7)},{' '.join(map(str, generator.integers(0, 256, 2304)))}" for _ in range(200)]
    path.write_text("\n".join(["label,feature", *lines]) + "\n")
    return str(path)
