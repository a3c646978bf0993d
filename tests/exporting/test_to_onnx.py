"""The graph says what the network says: torch against ONNX Runtime."""

import copy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from mien.exporting.quantise import quantise
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier, Normalisation
from mien.models.registry import MODELS
from mien.runtime.session import Graph

from .conftest import CLASSES, Export

CASES = [(name, "global") for name in MODELS if name != "mien-n"]
CASES += [("mien-n", kind) for kind in get_args(Normalisation) if kind != "global"]  # `graph` is that


def operators(content: bytes) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


@pytest.mark.parametrize(("name", "normalisation"), CASES)
def test_network_and_graph_agree(
    export: Export, faces: NDArray[np.uint8], name: str, normalisation: Normalisation
) -> None:
    classifier, content = export(name, normalisation)
    expected = classifier.probabilities(faces)
    assert np.ptp(expected, axis=0).max() > 0.1
    assert Graph(content, threads=1)(faces) == pytest.approx(expected, abs=1e-4)


EXPORT = """
import tempfile
tempfile.tempdir = "."  # what Python falls back to where there is no temporary folder
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier
print(len(to_onnx(Classifier("mien-n", ("a", "b"), normalisation="none").eval())) > 1000)
"""


@pytest.mark.long
def test_no_folder_is_left_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", EXPORT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_graph_has_no_batch_norm_left_and_agrees(small: Classifier, graph: bytes, faces: NDArray[np.uint8]) -> None:
    assert Graph(graph, threads=1)(faces) == pytest.approx(small.probabilities(faces), abs=1e-5)
    assert operators(graph) == {
        **{"Unsqueeze": 1, "Cast": 1, "Sub": 1, "Div": 2},  # the normalisation, and the temperature
        **{"Conv": 20, "Relu": 16, "MaxPool": 4, "GlobalAveragePool": 5, "Sigmoid": 4, "Mul": 4, "Add": 4},
        **{"Reshape": 1, "Gemm": 1, "Softmax": 1},
    }


def test_biases_are_part_of_the_graph(small: Classifier, faces: NDArray[np.uint8]) -> None:
    biased = small.for_prior(old={"angry": 0.2, "happy": 0.6, "sad": 0.2}, new={"angry": 0.5, "happy": 0.5, "sad": 0.0})
    graph = to_onnx(biased)
    for content in (graph, quantise(graph, faces)):
        assert Graph(content, threads=1)(faces)[:, 2].max() == 0
    assert Graph(graph, threads=1)(faces) == pytest.approx(biased.probabilities(faces), abs=1e-5)


@pytest.mark.parametrize("normalisation", ["per-pixel", "per-face"])
def test_face_and_mirror_image_are_averaged_inside_the_graph(
    export: Export, faces: NDArray[np.uint8], normalisation: Normalisation
) -> None:
    alone, _ = export("mien-n", normalisation)
    mirrored = np.ascontiguousarray(faces[:, :, ::-1])
    logits = (alone.logits(faces) + alone.logits(mirrored)) / 2
    both = copy.deepcopy(alone)
    both.flip = True
    content = to_onnx(both)
    found = Graph(content, threads=1)(faces)
    assert found == pytest.approx(logits.softmax(dim=1).numpy(), abs=1e-5)
    assert found == pytest.approx(both.probabilities(faces), abs=1e-5)
    assert np.abs(found - alone.probabilities(faces)).max() > 0.01
    assert Graph(content, threads=1)(mirrored) == pytest.approx(found, abs=1e-6)


def test_the_8_bit_graph_averages_both_views_in_floats(small: Classifier, faces: NDArray[np.uint8]) -> None:
    both = copy.deepcopy(small)
    both.flip = True
    eight = quantise(to_onnx(both), faces)
    nodes = [node.op_type for node in onnx.load_from_string(eight).graph.node]
    last = nodes.index("Gemm")
    assert nodes[last:] == ["Gemm", "Reshape", "ReduceMean", "Div", "Softmax"]
    assert not any("Quantize" in node for node in nodes[: nodes.index("Sub")])
    assert np.abs(Graph(eight, threads=1)(faces) - both.probabilities(faces)).mean() < 0.02


def test_a_relu_comes_before_its_pool(graph: bytes) -> None:
    nodes = onnx.load_from_string(graph).graph.node
    for pool in (node for node in nodes if node.op_type == "MaxPool"):
        assert [node.op_type for node in nodes if pool.input[0] in node.output] == ["Relu"]


def test_what_goes_in_and_out(graph: bytes) -> None:
    loaded = onnx.load_from_string(graph).graph
    tensors = {each.name: each.type.tensor_type for each in (*loaded.input, *loaded.output)}
    assert [
        (name, tensor.elem_type, [dim.dim_param or dim.dim_value for dim in tensor.shape.dim])
        for name, tensor in tensors.items()
    ] == [
        ("faces", onnx.TensorProto.UINT8, ["N", 48, 48]),
        ("probabilities", onnx.TensorProto.FLOAT, ["N", len(CLASSES)]),
    ]


def test_the_same_weights_give_the_same_bytes_in_silence(
    small: Classifier, graph: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    small.train()
    assert to_onnx(small) == graph
    assert small.training
    small.eval()
    assert capfd.readouterr() == ("", "")


def test_nothing_tells_where_it_was_made(graph: bytes) -> None:
    assert b".py" not in graph
    assert b"/" not in b"".join(node.name.encode() for node in onnx.load_from_string(graph).graph.node)
