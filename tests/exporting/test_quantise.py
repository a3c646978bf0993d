import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from mien.exporting.quantise import quantise
from mien.runtime.session import Graph

from .conftest import Export


def test_eight_bits_say_nearly_the_same(graph: bytes, faces: NDArray[np.uint8]) -> None:
    eight = quantise(graph, faces)
    assert len(eight) < len(graph) / 2
    full = Graph(graph, threads=1)(faces)
    found = Graph(eight, threads=1)(faces)
    assert 0 < np.abs(found - full).mean() < 0.02
    assert found.sum(axis=1) == pytest.approx(np.ones(len(faces)))


def test_it_leaves_no_file_and_says_nothing(
    graph: bytes,
    faces: NDArray[np.uint8],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    filters = list(logging.getLogger().filters)
    assert quantise(graph, faces) == quantise(graph, faces)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert logging.getLogger().filters == filters


def test_the_normalisation_stays_in_floats(export: Export, faces: NDArray[np.uint8]) -> None:
    """A face's own mean in 8 bits would cost as much as the whole network."""
    nodes = onnx.load_from_string(quantise(export("mien-n", "per-face")[1], faces)).graph.node
    kinds = [node.op_type for node in nodes]
    first = kinds.index("Conv")
    before = [node for node in nodes[:first] if node.op_type == "QuantizeLinear"]
    assert [node.input[0] for node in before if not node.input[0].startswith("network")] == [
        next(node.output[0] for node in nodes if node.op_type == "Div")
    ]
    softmax = next(node for node in nodes if node.op_type == "Softmax")
    assert softmax.output[0] == "probabilities"
