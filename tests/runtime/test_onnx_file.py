"""Graphs that are others than a bundle's: weights in other files, other ends, damage."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mien.core.bundle import Bundle
from mien.core.errors import DataError
from mien.runtime.onnx_file import require_whole
from mien.runtime.session import BundleModel, Graph

FACES = np.zeros((2, 48, 48), np.uint8)


def external(location: str) -> Any:
    """A weight whose values lie in another file."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, 0.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", location
    return weight


def graph(nodes: list[Any], weights: list[Any] = (), *, faces: Any = None, said: Any = None) -> bytes:  # type: ignore[assignment]
    faces = faces or helper.make_tensor_value_info("faces", TensorProto.UINT8, ["N", 48, 48])
    said = said or helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])
    made = helper.make_graph(nodes, "g", [faces], [said], list(weights))
    return bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    )


def inside(weight: Any) -> list[list[Any]]:
    """The places besides the graph's own weights where a tensor can be: a node, and a graph inside a node."""
    inner = helper.make_graph([], "inner", [], [], [weight])
    return [
        [helper.make_node("Constant", [], ["x"], value=weight)],
        [helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)],
    ]


@pytest.mark.parametrize("location", ["/etc/passwd", "../../x", "card.json", "weights.bin", ""])
def test_weights_in_other_files_are_refused(location: str) -> None:
    weight = external(location)
    for content in (graph([], [weight]), *map(graph, inside(weight))):
        with pytest.raises(DataError, match="the graph's weights lie in other files, which are not opened"):
            Graph(content)


def test_a_real_graph_with_its_weights_beside_it(exported: Bundle, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(exported.read_model("fp32"))
    onnx.save_model(model, "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size > 100_000
    with pytest.raises(DataError, match="lie in other files"):
        Graph((tmp_path / "model.onnx").read_bytes())


def test_a_field_whose_number_has_more_bits_than_protobuf_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime cuts it to 32 bits: the graph's number, which would have passed here as an unknown field."""
    content = graph([], [external("secret.bin")])
    key = content.index(b"\x3a")
    hidden = content[:key] + b"\xba\x80\x80\x80\x10" + content[key + 1 :]
    with pytest.raises(DataError, match=r"a field's number of more than 32 bits"):
        Graph(hidden)
    monkeypatch.setattr("mien.runtime.session.require_whole", lambda _: None)
    found = r"Graph output \(probabilities\) does not exist in the graph"  # so it has found the graph
    with pytest.raises(DataError, match=found):
        Graph(hidden)


def test_what_ships_is_whole(exported: Bundle) -> None:
    require_whole(exported.read_model("fp32"))
    require_whole(exported.read_model("int8"))


@pytest.mark.parametrize("content", [b"no graph", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"\x3a", b"\x0b"])
def test_what_is_no_message(content: bytes) -> None:
    with pytest.raises(DataError, match="not a graph that ONNX Runtime can run"):
        require_whole(content)


def test_a_message_that_is_nested_without_end() -> None:
    content = b""
    for _ in range(200):  # a graph in an attribute of a node of a graph
        for field in (b"\x32", b"\x2a", b"\x0a"):
            content = field + _varint(len(content)) + content
    with pytest.raises(DataError, match="nested too deeply"):
        require_whole(b"\x3a" + _varint(len(content)) + content)


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def to_probabilities(values: list[float]) -> list[Any]:
    """Nodes that give every face the same answer."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1, 2], values)
    return [
        helper.make_node("Constant", [], ["said"], value=one),
        helper.make_node("Cast", ["faces"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["said", "nothing"], ["row"]),
        helper.make_node("Shape", ["faces"], ["n"], end=1),
        helper.make_node("Concat", ["n", "ones"], ["size"], axis=0),
        helper.make_node("Expand", ["row", "size"], ["probabilities"]),
    ]


WEIGHTS = [
    helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
    helper.make_tensor("ones", TensorProto.INT64, [1], [1]),
]


def test_answers_that_are_no_probabilities() -> None:
    assert Graph(graph(to_probabilities([0.25, 0.75]), WEIGHTS))(FACES).tolist() == [[0.25, 0.75]] * 2
    for values in ([0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0], [float("inf"), 0.0]):
        with pytest.raises(DataError, match="gives no probabilities of 2 classes"):
            Graph(graph(to_probabilities(values), WEIGHTS))(FACES)


INFO = helper.make_tensor_value_info


@pytest.mark.parametrize(
    "ends",
    [
        {"faces": INFO("pixels", TensorProto.UINT8, ["N", 48, 48])},
        {"faces": INFO("faces", TensorProto.FLOAT, ["N", 48, 48])},
        {"faces": INFO("faces", TensorProto.UINT8, ["N", 48])},
        {"said": INFO("logits", TensorProto.FLOAT, ["N", 2])},
        {"said": INFO("probabilities", TensorProto.FLOAT, [2])},
        {"said": INFO("probabilities", TensorProto.FLOAT, ["N", "C"])},
        {"said": INFO("probabilities", TensorProto.FLOAT, ["N", 2**40])},
        {"said": INFO("probabilities", TensorProto.FLOAT, None)},
    ],
)
def test_other_ends(ends: dict[str, Any]) -> None:
    names = {key: value.name for key, value in ends.items()}
    nodes = [
        helper.make_node("Cast", [names.get("faces", "faces")], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["f"], [names.get("said", "probabilities")]),
    ]
    with pytest.raises(DataError, match=r"not a graph from faces to probabilities|ONNX Runtime can run"):
        Graph(graph(nodes, **ends))


def test_a_graph_that_fails_while_it_is_computed() -> None:
    size = helper.make_tensor("size", TensorProto.INT64, [2], [7, 2])
    nodes = [
        helper.make_node("Cast", ["faces"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["f", "size"], ["probabilities"]),
    ]
    with pytest.raises(DataError, match="the graph can't be computed"):
        Graph(graph(nodes, [size]))(FACES)


def test_more_classes_than_the_card_names(bundle: Bundle) -> None:
    card = replace(bundle.card, classes=(*bundle.card.classes, "another"))
    with pytest.raises(DataError, match="tells 7 classes apart, the card names 8"):
        BundleModel.open(replace(bundle, card=card))
