"""Write the 16-bit weights of bundles that have only graphs, so that they can be fine-tuned.

    python dev/weights_from_graphs.py FACES src/mien/weights/mien-n …

FACES are FER2013's; the bundles are of the mien family.  A graph has its batch norms folded into the convolutions, and
int8 weights are read back as floats.  So a batch norm gets the mean and variance that the convolution before it has
on the training faces, and a scale and a shift that undo them: the network computes what the graph does, and can
also be trained with the statistics of batches.  Networks that are exported with `--weights` don't need it.
"""

import sys
from dataclasses import replace

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from mien.core.bundle import WEIGHTS, Bundle
from mien.core.files import write_atomic
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.exporting.card import card_page, describe_file
from mien.models.classifier import Classifier, classifier_of, half_weights
from mien.runtime.session import Graph

STATISTICS_FACES = 4096
"""How many training faces give the batch norms their statistics."""

BLOCK = 256


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Return all constants by the name under which a node reads them, 8-bit ones as floats."""
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in values:
            levels, scale, zero = (values[name].astype(np.float32) for name in node.input)
            shape = (-1,) + (1,) * (levels.ndim - 1) if scale.size > 1 else ()
            values[node.output[0]] = (levels - zero.reshape(shape)) * scale.reshape(shape)
    return values


def without_norms(graph: onnx.GraphProto, classifier: Classifier) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Fill a classifier from a graph, with batch norms that only add a bias; return each with its convolution."""
    values = constants(graph)
    norms: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    with torch.no_grad():
        nodes = iter([node for node in graph.node if node.op_type == "Conv"])
        for stage in classifier.network.stages:
            first, second = stage.residual[0], stage.residual[3]
            gate = stage.residual[5].gate
            for conv, norm in ((stage.widen, stage.norm), (first, stage.residual[1]), (second, stage.residual[4])):
                weight, bias = (torch.tensor(values[name]) for name in next(nodes).input[1:])
                conv.weight.copy_(weight)
                norm.weight.fill_((1 + norm.eps) ** 0.5)  # its variance is still 1
                norm.bias.copy_(bias)
                norms.append((conv, norm))
            for conv in (gate[1], gate[3]):
                weight, bias = (torch.tensor(values[name]) for name in next(nodes).input[1:])
                conv.weight.copy_(weight)
                conv.bias.copy_(bias)
        output = next(node for node in graph.node if node.op_type == "Gemm")
        weight, bias = (torch.tensor(values[name]) for name in output.input[1:])
        classifier.network.output.weight.copy_(weight)
        classifier.network.output.bias.copy_(bias)
        classifier.normalise.mean.copy_(torch.tensor(values["normalise.mean"]))
        classifier.normalise.sd.copy_(torch.tensor(values["normalise.sd"]))
    return norms


@torch.no_grad()
def give_statistics(classifier: Classifier, norms: list[nn.BatchNorm2d], images: NDArray[np.uint8]) -> None:
    """Measure what each batch norm is given, and write it into it so that its result stays the same."""
    sums = {norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in norms}

    def measure(norm: nn.Module, given: tuple[Tensor]) -> None:
        maps = given[0].double()  # (N, C, H, W)
        count = torch.full((maps.shape[1],), maps.numel() / maps.shape[1], dtype=torch.float64)
        sums[norm] += torch.stack([count, maps.sum(dim=(0, 2, 3)), (maps**2).sum(dim=(0, 2, 3))])

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    classifier.logits(images)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        count, total, squares = sums[norm]
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias += mean.float()


def main() -> None:
    """Write the weights, and say how near they are to the graph on faces that were held out."""
    torch.manual_seed(0)
    faces = open_faces(sys.argv[1])
    learned, held_out = hold_out(faces, method="stratified", rows=2000)
    for folder in sys.argv[2:]:
        bundle = Bundle.open(folder)
        precision = "fp32" if "fp32" in bundle.card.files else "int8"
        content = bundle.read_model(precision)
        card = bundle.card
        classifier = Classifier(card.network.model, card.classes, normalisation=card.normalisation).eval()
        norms = without_norms(onnx.load_from_string(content).graph, classifier)
        classifier.temperature = card.temperature
        give_statistics(classifier, [norm for _, norm in norms], learned.images[:: len(learned) // STATISTICS_FACES])
        halved = half_weights(classifier)
        card = replace(card, weights=describe_file(WEIGHTS, halved))
        write_atomic(bundle.path / WEIGHTS, halved)
        card.write(bundle.path / "card.json")
        write_atomic(bundle.path / "CARD.md", card_page(card))
        expected = Graph(content)(held_out.images)
        for name, found in (("in 32 bits", classifier), ("in 16 bits", classifier_of(Bundle.open(folder)))):
            probabilities = found.probabilities(held_out.images)
            difference = np.abs(probabilities - expected)
            other = int((probabilities.argmax(axis=1) != expected.argmax(axis=1)).sum())
            print(
                f"{card.name}, {name}, against the {precision} graph on {len(held_out):,} faces: "
                f"|Δp| at most {difference.max():.2g}, {difference.mean():.2g} on average, {other} other labels"
            )


if __name__ == "__main__":
    main()
