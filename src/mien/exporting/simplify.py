"""Rewriting a graph: fewer and faster operators that compute the same."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def simplify(graph: onnx.GraphProto) -> None:
    """Rewrite a graph in place; its results stay the same up to rounding.

    Means over height and width become `GlobalAveragePool`, which has an 8-bit kernel.  A batch norm after a convolution
    and a max-pool becomes part of the convolution's weights (torch's exporter does so only where it follows directly).
    A ReLU after a max-pool is moved before it, where the runtime merges it with the convolution.
    """
    for node in list(graph.node):
        if node.op_type == "ReduceMean":
            _pool_whole_maps(graph, node)
        elif node.op_type == "BatchNormalization":
            _fold_through_pool(graph, node)
    for node in graph.node:
        if node.op_type == "Relu":
            _move_before_pool(graph, node)
    del graph.value_info[:]  # shapes between the nodes, which have changed
    used = {name for node in graph.node for name in node.input}
    for each in [each for each in graph.initializer if each.name not in used]:
        graph.initializer.remove(each)


def _pool_whole_maps(graph: onnx.GraphProto, mean: onnx.NodeProto) -> None:
    keeps = all(each.i == 1 for each in mean.attribute if each.name == "keepdims")
    axes = _constant(graph, mean.input[1]) if len(mean.input) == 2 else None
    if keeps and axes is not None and sorted(axes.tolist()) in ([2, 3], [-2, -1]):
        mean.op_type = "GlobalAveragePool"
        del mean.input[1:], mean.attribute[:]


def _fold_through_pool(graph: onnx.GraphProto, norm: onnx.NodeProto) -> None:
    """Turn `norm(pool(conv(x)))` into `pool(conv'(x))`, which is the same if no channel's scale is negative."""
    pool = _only_source(graph, norm.input[0], "MaxPool")
    conv = pool and _only_source(graph, pool.input[0], "Conv")
    if pool is None or conv is None:
        return
    scale, shift, mean, variance = (_constant(graph, name) for name in norm.input[1:])
    weights = _constant(graph, conv.input[1])
    bias = _constant(graph, conv.input[2]) if len(conv.input) > 2 else np.zeros(len(weights), np.float32)
    factor = scale / np.sqrt(variance + _attribute(norm, "epsilon"))
    if (factor < 0).any():
        return
    _store(graph, f"{conv.output[0]}.weight", weights * factor[:, None, None, None])
    _store(graph, f"{conv.output[0]}.bias", (bias - mean) * factor + shift)
    conv.input[1:] = [f"{conv.output[0]}.weight", f"{conv.output[0]}.bias"]
    pool.output[0] = norm.output[0]
    graph.node.remove(norm)


def _move_before_pool(graph: onnx.GraphProto, relu: onnx.NodeProto) -> None:
    """Turn `relu(pool(conv(x)))` into `pool(relu(conv(x)))`: the two nodes swap their operators."""
    pool = _only_source(graph, relu.input[0], "MaxPool")
    if pool is not None and _only_source(graph, pool.input[0], "Conv") is not None:
        pool.op_type, relu.op_type = relu.op_type, pool.op_type
        pool.name, relu.name = relu.name, pool.name
        relu.attribute.extend(pool.attribute)
        del pool.attribute[:]


def _only_source(graph: onnx.GraphProto, name: str, kind: str) -> onnx.NodeProto | None:
    """Return the node of this kind whose output is `name`, if only one node reads that."""
    readers = sum(name in node.input for node in graph.node)
    return next((node for node in graph.node if name in node.output and node.op_type == kind and readers == 1), None)


def _constant(graph: onnx.GraphProto, name: str) -> NDArray[Any]:
    return numpy_helper.to_array(next(each for each in graph.initializer if each.name == name))


def _attribute(node: onnx.NodeProto, name: str) -> float:
    return float(next(each.f for each in node.attribute if each.name == name))


def _store(graph: onnx.GraphProto, name: str, values: NDArray[Any]) -> None:
    graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
