"""A run folder with every file that a report reads, written without a model and without torch."""

import shutil

import numpy as np
import pytest

from mien.core.files import write_atomic, write_json
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.examples import choose_confused_faces, choose_examples
from mien.evaluation.metrics import score_predictions
from mien.reporting.build import report

from .explained import ablation_of, write_explained
from .pages import Page

EPOCHS = 24


def said_of(classes, *, faces, seed, synthetic):
    """Predictions that are right more often than chance, most often in the first classes, with duplicates and votes."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(len(classes), size=faces)
    skills = np.linspace(3, 1.5, len(classes))
    powers = np.exp(generator.normal(size=(faces, len(classes))) + np.diag(skills)[targets])
    votes = generator.multinomial(10, np.full(len(FERPLUS_VOTES), 0.1), size=faces).astype(np.uint8)
    return Predictions(
        (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32),
        tuple(classes),
        np.array([f"row {row}" for row in range(faces)]),
        targets=targets,
        duplicates=generator.random(faces) < 0.08,
        votes=votes,
        vote_names=FERPLUS_VOTES,
        source="/data/fer2013.csv",
        synthetic=synthetic,
    )


def write_scores(folder, predictions, *, seed=0):
    predictions.save(folder / "predictions.npz")
    score_predictions(predictions, bootstrap=50).write(folder / "metrics.json")
    generator = np.random.default_rng(seed)
    for file, choose in (("examples.npz", choose_examples), ("top_confusions.npz", choose_confused_faces)):
        rows = choose(predictions)
        images = generator.integers(0, 256, size=(len(rows), 48, 48), dtype=np.uint8)
        np.savez_compressed(folder / file, rows=rows, images=images)


def write_history(folder, *, epochs=EPOCHS):
    lines, times = ["epoch,lr,train_loss,train_accuracy,val_loss,val_accuracy"], ["epoch,seconds,train_faces_per_s"]
    for epoch in range(1, epochs + 1):
        train, held_out = 0.6 + 1.3 / epoch, 1.0 + 0.9 / epoch + 0.002 * epoch
        lines.append(f"{epoch},{0.001 * 0.5 ** (epoch // 8)},{train},{1 - train / 2.5},{held_out},{1 - held_out / 3}")
        times.append(f"{epoch},{60 + epoch % 3},{1500.5 + epoch}")
    write_atomic(folder / "metrics.csv", "\n".join(lines) + "\n")
    write_atomic(folder / "timing.csv", "\n".join(times) + "\n")


def config_json(classes, *, synthetic, source):
    counts = dict(zip(classes, range(400, 400 + len(classes)), strict=True))
    return {
        "schema_version": SCHEMA_VERSION,
        "command": ["mien", "train", source, "--recipe", "course it is"],
        "config": {
            "data": source,
            "recipe": "course",
            "model": "course_cnn",
            "normalisation": "per-pixel",
            "holdout": {"method": "stratified", "rows": 2000},
            "loss": {"class_weights": False},
            "optimizer": {"name": "adam", "lr": 0.001},
            "votes": None,
            "epochs": 100,
            "seed": 0,
        },
        "data": {
            "source": source,
            "fingerprint": "7492b388b8f0d1f9",
            "synthetic": synthetic,
            "classes": list(classes),
            "splits": {"train": 3000, "test": 600},
            "training": counts,
            "held_out": counts,
        },
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "machine": {"system": "Linux", "processor": "some", "cores": 2},
        "git_commit": None,
    }


def data_json(classes, *, synthetic, source):
    part = {"faces": 100 * len(classes), "unlabelled": 0, "classes": dict.fromkeys(classes, 100)}
    return {
        "schema_version": 2,
        "source": source,
        "synthetic": synthetic,
        "fingerprint": "7492b388b8f0d1f9",
        "faces": 200 * len(classes),
        "classes": list(classes),
        "unlabelled": 3,
        "blank": 11,
        "splits": {"train": part, "test": part},
        "duplicates": {
            "within": {"train": 1236, "test": 0},
            "across": [{"split": "test", "other": "train", "faces": 280}],
        },
        "conflicts": {"groups": 14, "faces": 31},
        "votes": {"not_a_face": 176, "agreement": {"all": 0.62, "classes": {}}},
    }


def write_run(folder, *, classes=FER2013, synthetic=False, source="/data/fer2013.csv", faces=600):
    write_json(folder / "config.json", config_json(classes, synthetic=synthetic, source=source))
    write_json(folder / "data.json", data_json(classes, synthetic=synthetic, source=source))
    write_json(
        folder / "status.json",
        {
            "schema_version": SCHEMA_VERSION,
            "state": "stopped-early",
            "pid": 1,
            "reason": "validation loss did not fall for 7 epochs",
            "updated": "2026-11-24T08:33:24+00:00",
        },
    )
    write_json(
        folder / "model.json",
        {
            "schema_version": SCHEMA_VERSION,
            "model": "course_cnn",
            "classes": list(classes),
            "normalisation": "per-pixel",
        },
    )
    write_json(
        folder / "model_info.json",
        {
            "name": "course_cnn",
            "parameters": 4790107,
            "trainable": 4787000,
            "non_trainable": 3107,
            "macs": 123456789,
            "input": [1, 48, 48],
        },
    )
    write_history(folder)
    for seed, split in enumerate(("private-test", "test")):
        write_scores(folder / "eval" / split, said_of(classes, faces=faces, seed=seed, synthetic=synthetic))
    write_explained(folder / "explain", classes=classes, synthetic=synthetic)
    ablation_of(synthetic=synthetic).write(folder / "ablation/ablation.json")
    return RunDir(folder)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "course-1")


@pytest.fixture(scope="session")
def page(written):
    return Page(report(written).read_text(encoding="utf-8"))


@pytest.fixture
def run(tmp_path, written):
    return RunDir(shutil.copytree(written.path, tmp_path / "course-1"))
