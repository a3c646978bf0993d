"""A classifier as one ONNX graph: `uint8` faces in, probabilities out.  Axes: `N` faces, `C` classes, `H = W = 48`."""

import contextlib
import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import Tensor, nn

from mien.core.images import SIZE
from mien.exporting.simplify import simplify
from mien.models.classifier import Classifier, mean_of_views, with_mirror_images

OPSET = 18
"""The oldest that torch's exporter writes without a conversion; all recent runtimes read it."""

INPUT, OUTPUT = "faces", "probabilities"
"""The names of the graph's input and output."""


def to_onnx(classifier: Classifier) -> bytes:
    """Turn a classifier into an ONNX file with normalisation, network, temperature, biases and softmax.

    A classifier with `flip` gives a graph that turns the faces itself, and averages the logits of both views.

    The same weights give the same bytes.

    Args:
        classifier: with any network of the registry; it is not changed.

    Returns:
        The file's content: a graph from `faces`, `uint8 (N, 48, 48)` with any number of faces, to `probabilities`,
        `float32 (N, C)`, rows that sum to 1.
    """
    example = torch.zeros((2, SIZE, SIZE), dtype=torch.uint8)
    with _quietly(), _own_cache_folder(), torch.no_grad():
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
    """The module that is exported: a copy on the CPU, in the contiguous memory layout.

    With `channels_last`, which training uses, every mean over a map would be exported as a gather of single elements.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.bias: Tensor | None
        plain = copy.deepcopy(classifier).cpu()
        self.normalise, self.flip, self.temperature = plain.normalise, plain.flip, plain.temperature
        self.register_buffer("bias", plain.bias)
        self.network = plain.network.to(memory_format=torch.contiguous_format)

    def forward(self, faces: Tensor) -> Tensor:
        if self.flip:
            faces = with_mirror_images(faces)
        logits: Tensor = self.network(self.normalise(faces[:, None]))
        if self.flip:
            logits = mean_of_views(logits)
        logits = logits / self.temperature
        if self.bias is not None:
            logits = logits + self.bias
        return logits.softmax(dim=1)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Remove what the exporter records of the machine: stack traces with the paths of source files."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


@contextlib.contextmanager
def _own_cache_folder() -> Iterator[None]:
    """Let torch make the folder for compiled code, which no export needs, where it is removed again.

    It makes it as soon as it is imported: in the system's temporary folder, or where one stands if there is none.
    """
    name = "TORCHINDUCTOR_CACHE_DIR"
    if name in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="mien-", ignore_cleanup_errors=True) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Don't show the exporter's hints: missing torchvision, deprecations inside torch."""
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
