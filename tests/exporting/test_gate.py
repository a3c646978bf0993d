"""Which faces the gate compares network and graph on: without a training, so in seconds."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mien.core.errors import GateError
from mien.core.faces import FaceSet
from mien.models.classifier import Classifier
from mien.training.config import read_recipe, resolve
from mien.training.run_data import RunData
from mien.workflows.export import _measure, export_faces

DATA = RunData.open(
    resolve(read_recipe("demo"), {"data": "synthetic:210", "batch": 32, "holdout": {"rows": 35}, "device": "cpu"})
)
NETWORK = Classifier("mien-n", DATA.faces.classes, normalisation="none")


def graph_that_is_wrong_on(faces: FaceSet) -> type:
    """A graph that gives the network's probabilities, but those of the classes in reverse for some faces."""
    wrong = {image.tobytes() for image in faces.images}

    class Graph:
        def __init__(self, content: bytes) -> None:
            pass

        def __call__(self, images: np.ndarray) -> np.ndarray:
            probabilities = NETWORK.probabilities(images)
            is_wrong = np.array([image.tobytes() in wrong for image in images])
            probabilities[is_wrong] = probabilities[is_wrong, ::-1]
            return probabilities

    return Graph


def measure(wrong_on: FaceSet, monkeypatch: pytest.MonkeyPatch) -> Any:
    run: Any = SimpleNamespace(data=DATA, default_split="test")
    monkeypatch.setattr("mien.workflows.export.Graph", graph_that_is_wrong_on(wrong_on))
    return _measure(NETWORK, {"fp32": b"", "int8": b""}, faces=export_faces(run), only=None, max_risk=None)


def test_a_graph_that_is_wrong_on_a_held_out_face_is_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GateError, match="on 35 held-out faces"):
        measure(DATA.held_out.select(np.array([17])), monkeypatch)


def test_the_faces_that_were_learned_from_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(DATA.learned, monkeypatch).parity.fp32_to_network.max == 0
