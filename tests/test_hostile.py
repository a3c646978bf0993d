"""Files from a stranger run no code: a pickle where mien expects anything else is refused and never loaded."""

import io
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.bundle import Bundle
from mien.core.errors import DataError, MienError
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.data.formats import open_faces
from mien.models.classifier import load_classifier
from mien.reporting.build import report
from mien.runtime.resume_state import read_resume_state
from mien.runtime.session import BundleModel, Graph
from mien.runtime.sources import open_pictures
from mien.training.checkpoint_io import check_checkpoint, read_checkpoint
from mien.training.config import read_recipe, read_run_config, stored_config

MARK = "the payload ran"


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.place / MARK,)


def plain(value: Payload) -> bytes:
    return pickle.dumps(value)


def torches(value: Payload) -> bytes:
    buffer = io.BytesIO()
    torch.save({"loops": value, "state_dict": value}, buffer)
    return buffer.getvalue()


def arrays(value: Payload) -> bytes:
    """An `.npz` of the members that every reader wants, each an object array."""
    names = ("probabilities", "classes", "ids", "rows", "images", "labels", "targets", "pictures", "channels")
    buffer = io.BytesIO()
    np.savez(buffer, **dict.fromkeys(names, np.array([value, None], object)))
    return buffer.getvalue()


def member(value: Payload) -> bytes:
    """An archive with a bare pickle as its member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("probabilities.npy", pickle.dumps(value))
    return buffer.getvalue()


RUN: dict[str, Callable[[Path], object]] = {
    "config.json": lambda run: stored_config(RunDir(run)),
    "data.json": lambda run: RunDir(run).default_split,
    "status.json": lambda run: RunDir(run).state,
    "metrics.csv": lambda run: RunDir(run).history,
    "model.json": load_classifier,
    "model.safetensors": load_classifier,
    "checkpoints/last.ckpt": lambda run: check_checkpoint(run / "checkpoints/last.ckpt"),
    "checkpoints/best.ckpt": lambda run: read_checkpoint(run / "checkpoints/best.ckpt", "state_dict"),
    "eval/test/predictions.npz": lambda run: Predictions.load(run / "eval/test/predictions.npz"),
    **{
        name: lambda run: report(RunDir(run))
        for name in (
            *(
                "eval/test/metrics.json",
                "eval/test/examples.npz",
                "eval/test/top_confusions.npz",
                "explain/attribution.json",
            ),
            *("explain/attribution.npz", "explain/filters.npz", "explain/feature_maps.npz"),
        )
    },
}
BUNDLE: dict[str, Callable[[Path], object]] = {
    "card.json": BundleModel.open,
    "model.onnx": lambda bundle: Graph((bundle / "model.onnx").read_bytes()),
}
ALONE: dict[str, Callable[[Path], object]] = {
    "own.toml": lambda path: read_recipe(str(path)),
    "config.json": read_run_config,
    "faces.csv": open_faces,
    "faces.parquet": open_faces,
    "photo.png": lambda path: list(open_pictures([path])),
    "talk.mp4": lambda path: list(open_pictures([path])),
    "faces.jsonl": read_resume_state,
}


@pytest.fixture(params=[plain, torches, arrays, member], ids=lambda made: made.__name__)
def content(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    return request.param(Payload(tmp_path))


def test_the_payload_is_one(tmp_path: Path) -> None:
    pickle.loads(plain(Payload(tmp_path)))
    assert (tmp_path / MARK).exists()
    (tmp_path / MARK).unlink()
    torch.load(io.BytesIO(torches(Payload(tmp_path))), weights_only=False)
    assert (tmp_path / MARK).exists()


@pytest.mark.parametrize("name", RUN)
def test_in_a_run_folder(studied: RunDir, tmp_path: Path, content: bytes, name: str) -> None:
    run = shutil.copytree(studied.path, tmp_path / "run")
    (run / name).write_bytes(content)
    with pytest.raises(MienError):
        RUN[name](run)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("name", BUNDLE)
def test_in_a_bundle(exported: Bundle, tmp_path: Path, content: bytes, name: str) -> None:
    bundle = shutil.copytree(exported.path, tmp_path / "bundle")
    (bundle / name).write_bytes(content)
    with pytest.raises(MienError):
        BUNDLE[name](bundle)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("name", ALONE)
def test_as_a_file_of_its_own(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MienError):
        ALONE[name](tmp_path / name)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    "splits", [None, [], {"test": None}, {"test": []}, {"test": {}}, {"test": {"faces": "9", "unlabelled": 0}}]
)
def test_a_data_file_with_values_of_another_kind(tmp_path: Path, splits: object) -> None:
    write_json(tmp_path / "data.json", {"splits": splits})
    with pytest.raises(DataError, match=r"data\.json: damaged"):
        _ = RunDir(tmp_path).default_split
