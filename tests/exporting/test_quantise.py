import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from mien.core.bundle import Bundle
from mien.data.formats import open_faces
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


def test_no_two_classes_tie() -> None:
    """Logits in 8 bits are equal on several faces of a thousand; whoever comes first then wins."""
    images = open_faces("synthetic:1400").images
    content = Bundle.open("mien-n").read_model("fp32")
    ranked = np.sort(Graph(quantise(content, images[:128]), threads=1)(images), axis=1)
    assert (ranked[:, -1] > ranked[:, -2]).all()


def test_from_the_last_layer_on_all_is_in_floats(graph: bytes, faces: NDArray[np.uint8]) -> None:
    nodes = list(onnx.load_from_string(quantise(graph, faces)).graph.node)
    last = max(place for place, node in enumerate(nodes) if node.op_type in ("Conv", "Gemm"))
    assert nodes[last].op_type == "Gemm"
    assert not any("Quantize" in node.op_type for node in nodes[last:])
    assert not any("weight_quantized" in name or "weight_scale" in name for name in nodes[last].input)


def test_no_sum_of_two_products_leaves_16_bits(graph: bytes, faces: NDArray[np.uint8]) -> None:
    """Processors without VNNI add a pair of products in 16 bits, and what is greater becomes the greatest there."""
    model = onnx.load_from_string(quantise(graph, faces))
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    eight_bits = [tensor for tensor in weights if tensor.dtype == np.int8 and tensor.any()]
    assert len(eight_bits) > 10
    for tensor in eight_bits:
        assert 2 * 255 * np.abs(tensor.astype(int)).max() <= np.iinfo(np.int16).max
