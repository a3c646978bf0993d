"""Bundles: their cards, and graphs that are others than the card promises."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mien.core.bundle import GRAPHS
from mien.runtime.session import BundleModel, Graph
from mien.workflows.evaluate import evaluate

from .damage import damaged
from .originals import Originals
from .target import Target
from .values import as_json, spoilt

FACES = np.zeros((2, 48, 48), np.uint8)
NAMES = st.sampled_from(("faces", "probabilities", "x", "", "../a"))
KINDS = st.sampled_from((TensorProto.UINT8, TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL))
SIDES = st.one_of(st.none(), st.just("N"), st.sampled_from((-1, 0, 1, 2, 7, 48, 2304, 2**31, 2**40)))
SHAPES = st.one_of(st.none(), st.lists(SIDES, max_size=4))


@st.composite
def small_graphs(draw) -> bytes:
    """A graph of one node whose names, types and shapes need not be ours."""
    given = draw(st.one_of(st.just("faces"), NAMES)), draw(KINDS), draw(st.one_of(st.just(["N", 48, 48]), SHAPES))
    gives = draw(st.one_of(st.just("probabilities"), NAMES)), draw(KINDS), draw(SHAPES)
    inputs, outputs = [helper.make_tensor_value_info(*given)], [helper.make_tensor_value_info(*gives)]
    node = draw(st.sampled_from(("Identity", "Shape", "ReduceMean", "Flatten", "Cast", "Softmax", "NoSuchOperator")))
    attributes = {"to": gives[1]} if node == "Cast" else {}
    nodes = [helper.make_node(node, [given[0]], [gives[0]], **attributes)]
    if draw(st.integers(0, 4)) == 0:
        nodes.append(_generator(draw, nodes))
    weights = [_external(draw)] if draw(st.integers(0, 3)) == 0 else []
    graph = helper.make_graph(nodes, "g", inputs * draw(st.integers(0, 2)), outputs, weights)
    opset = [helper.make_opsetid("", draw(st.sampled_from((17, 20, 1, 999))))]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def _generator(draw, nodes: list[Any]) -> Any:
    """A node that makes a huge tensor out of nothing."""
    side = draw(st.sampled_from((1, 10, 2**20)))
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [side, 7])
    nodes.append(helper.make_node("Constant", [], ["shape"], value=shape))
    return helper.make_node("ConstantOfShape", ["shape"], [draw(st.sampled_from(("probabilities", "y")))])


def _external(draw) -> Any:
    """A weight that lies in another file."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, 0.0])
    weight.ClearField("float_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    place = draw(st.sampled_from(("/etc/passwd", "../x", "card.json", "", "\0")))
    for key, value in (("location", place), ("offset", "0"), ("length", "8")):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    return weight


def targets(originals: Originals) -> dict[str, Target]:
    """Readers of bundles and graphs, by name."""
    card = json.loads((originals.bundle / "card.json").read_text())
    graph = (originals.bundle / "model.onnx").read_bytes()
    pixels = " ".join(["7"] * 2304)
    data = "\n".join(["emotion,pixels,Usage", *(f"{row % 7},{pixels},PublicTest" for row in range(4))])

    def use(folder: Path) -> object:
        said = BundleModel.open(folder, threads=1)(FACES)
        table = folder / "faces.csv"
        table.write_text(data)
        return said, evaluate(folder, table)

    def read_card(content: bytes, folder: Path) -> object:
        for file in GRAPHS.values():
            shutil.copyfile(originals.bundle / file, folder / file)
        (folder / "card.json").write_bytes(content)
        return use(folder)

    def read_graph(content: bytes, folder: Path) -> object:
        """A stranger's graph comes with a card that fits it."""
        told = {"file": "model.onnx", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        own = card | {"files": card["files"] | {"fp32": told}, "precision": {"default": "fp32", "reason": ""}}
        (folder / "model.onnx").write_bytes(content)
        (folder / "card.json").write_text(json.dumps(own))
        return use(folder)

    whole = (originals.bundle / "card.json").read_bytes()
    return {
        "cards": Target(st.one_of(spoilt(card).map(as_json), damaged([whole])), read_card),
        "graphs": Target(small_graphs(), read_graph),
        "damaged graphs": Target(damaged([graph]), read_graph),
        "graph bytes": Target(damaged([graph]), lambda content, _: Graph(content, threads=1)(FACES)),
    }
