"""A classifier as one ONNX graph: `uint8` faces in, probabilities out.  Axes: `N` faces, `C` classes, `H = W = 48`."""

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import Tensor, nn

from mien.core.images import SIZE
from mien.exporting.simplify import simplify
from mien.models.classifier import Classifier

OPSET = 18
"""The oldest that torch's exporter writes without converting; every runtime of the last years reads it."""

INPUT, OUTPUT = "faces", "probabilities"
"""The names of the graph's input and output."""


def to_onnx(classifier: Classifier) -> bytes:
    """Turn a classifier into an ONNX file: normalisation, network, temperature and softmax inside.

    The same weights give the same bytes.

    Args:
        classifier: any network of the registry; it stays as it is.

    Returns:
        The file's content: a graph from `faces`, `uint8 (N, 48, 48)` with any number of faces, to `probabilities`,
        `float32 (N, C)`, rows that sum to 1.
    """
    example = torch.zeros((2, SIZE, SIZE), dtype=torch.uint8)
    with _quietly(), torch.no_grad():
        program = torch.onnx.export(
            _Graph(classifier).eval(),
            (example,),
            dynamo=True,
            dynamic_shapes={"faces": {0: torch.export.Dim("N")}},
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    simplify(model.graph)
    _forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Graph(nn.Module):
    """What is exported: a copy on the CPU, in the plain memory layout.

    `channels_last`, which training uses, would turn every average over a map into a gather of single elements.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        plain = copy.deepcopy(classifier).cpu()
        self.normalise, self.temperature = plain.normalise, plain.temperature
        self.network = plain.network.to(memory_format=torch.contiguous_format)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.network(self.normalise(faces[:, None])) / self.temperature
        return logits.softmax(dim=1)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes of the machine: stack traces with the paths of source files."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter's hints off the screen: on missing torchvision, on what torch itself deprecates."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        logger.setLevel(level)
