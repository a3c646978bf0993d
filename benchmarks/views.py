"""What averaging over several views of a face gains and costs: its mirror image, and shifts by one pixel.

    python benchmarks/views.py fer2013.csv mien-n mien-s
    python benchmarks/views.py fer2013.csv runs/train/a
    python benchmarks/views.py fer2013.csv runs/mien-s/fold-0 runs/mien-s/fold-1 … --split test

Bundles are scored by their default graphs on the training faces that the recipes hold out (`--votes` for FER+'s
classes).  Runs are scored together, each on the faces that it held out; of networks that learned from all folds but one
(`dev/oof/README.md`), `test` is that fold.  Gains are paired: the same faces with and without.  Of bundles that have
weights, the time of a face is measured as well: graphs with and without mirror image take turns in one thread.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from turns import medians

from mien.core.bundle import Bundle, find
from mien.core.faces import FaceSet
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.exporting.quantise import quantise
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier, classifier_of, load_classifier
from mien.runtime.session import BundleModel, Graph
from mien.training.calibration import fit_temperature
from mien.training.run_data import TrainingRun
from mien.workflows.export import calibration_images

HELD_OUT = 2000
CALLS = {1: 201, 64: 15}
"""Faces of a call → how many calls are timed."""

SMALLEST = 1e-12

Faces = NDArray[np.uint8]
VIEWS: dict[str, Callable[[Faces], Faces]] = {
    "face": lambda faces: faces,
    "left": lambda faces: shift(faces, x=-1),
    "right": lambda faces: shift(faces, x=1),
    "up": lambda faces: shift(faces, y=-1),
    "down": lambda faces: shift(faces, y=1),
}
SHIFTS = tuple(name for name in VIEWS if name != "face")
SETS: dict[str, tuple[str, ...]] = {
    "mirror image": ("face", "face mirrored"),
    "left and right": ("face", "left", "right"),
    "mirror image, left and right": ("left", "right", "left mirrored", "right mirrored"),
    "four shifts": ("face", *SHIFTS),
    "mirror image and shifts of both": tuple(name + side for side in ("", " mirrored") for name in VIEWS),
}
"""Which views are averaged."""


def main() -> None:
    """Print a table for each bundle, and one for all runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--votes")
    parser.add_argument("--split", default="validation", help="of runs")
    args = parser.parse_args()
    runs = []
    for name in args.models:
        if find(name) is None:
            runs.append(TrainingRun.open(name))
            continue
        bundle = Bundle.open(name)
        labels = bundle.card.training.data.labels
        training = open_faces(args.data, votes=args.votes, labels=labels).split("train")
        learned, faces = hold_out(training, method="stratified", rows=HELD_OUT)
        show(name, logits(BundleModel.open(bundle, threads=1), faces), faces.targets)
        show_times(classifier_of(bundle), faces.images, learned=learned)
    if runs:
        found, targets = [], []
        for run in runs:
            faces = run.data.split(args.split)
            found.append(logits(load_classifier(run.path).probabilities, faces))
            targets.append(faces.targets)
        together = {view: np.concatenate([one[view] for one in found]) for view in found[0]}
        show(", ".join(args.models), together, np.concatenate(targets))


def shift(faces: Faces, *, x: int = 0, y: int = 0) -> Faces:
    """Shift faces by a pixel to the right (`x`) or down (`y`); the edge is repeated."""
    padded = np.pad(faces, ((0, 0), (1, 1), (1, 1)), mode="edge")
    side = faces.shape[1]
    return np.ascontiguousarray(padded[:, 1 - y : 1 - y + side, 1 - x : 1 - x + side])


def logits(classify: Callable[[Faces], NDArray[np.float32]], faces: FaceSet) -> dict[str, NDArray[np.float64]]:
    """Classify each view: `log p`, which the logits are but for a constant of each face, `float64 (N, C)`."""
    found = {}
    for name, view in VIEWS.items():
        seen = view(faces.images)
        for side, images in (("", seen), (" mirrored", np.ascontiguousarray(seen[:, :, ::-1]))):
            found[name + side] = np.log(np.maximum(classify(images).astype(np.float64), SMALLEST))
    return found


def show(name: str, by_view: dict[str, NDArray[np.float64]], targets: NDArray[np.int64] | None) -> None:
    """Print what each set of views gains; log losses are at the best temperature of each row, fitted on all faces."""
    assert targets is not None
    print(f"\n{name}, {len(targets):,} faces")
    right_alone, loss_alone, _ = judge(by_view["face"], targets)
    right_mirrored = judge((by_view["face"] + by_view["face mirrored"]) / 2, targets)[0]
    print(f"  {'face alone':32} accuracy {right_alone.mean():.4f}, log loss {loss_alone.mean():.4f}")
    for views, names in SETS.items():
        stacked = np.stack([by_view[view] for view in names])  # (V, N, C)
        means = {"logits": stacked.mean(axis=0), "probabilities": np.log(np.exp(stacked).mean(axis=0))}
        for kind, mean in means.items():
            right, loss, temperature = judge(mean, targets)
            gain, lower = right.astype(float) - right_alone, loss_alone - loss
            error = 1 / len(targets) ** 0.5
            print(
                f"  {views:32} {len(names):2} views, {kind:13} {100 * gain.mean():+.2f} ± "
                f"{100 * gain.std() * error:.2f} points ({right.mean():.4f}), log loss {-lower.mean():+.4f} ± "
                f"{lower.std() * error:.4f}, best temperature {temperature:.3f}"
            )
        more = judge(means["logits"], targets)[0].astype(float) - right_mirrored
        print(f"  {'':32} over the mirror image {100 * more.mean():+.2f} ± {100 * more.std() * error:.2f} points")
        other = (means["logits"].argmax(axis=1) != means["probabilities"].argmax(axis=1)).mean()
        print(f"  {'':32} {100 * other:.2f} % other labels by the mean of the probabilities")


def show_times(classifier: Classifier, images: Faces, *, learned: FaceSet) -> None:
    """Print the processor time of a face, alone and with its mirror image: medians."""
    graphs = {}
    for views, flip in (("face alone", False), ("mirror image", True)):
        classifier.flip = flip
        fp32 = to_onnx(classifier)
        graphs[f"fp32, {views}"] = Graph(fp32, threads=1)
        graphs[f"int8, {views}"] = Graph(quantise(fp32, calibration_images(learned)), threads=1)
    for count, calls in CALLS.items():
        arms = {name: partial(graph, images[:count]) for name, graph in graphs.items()}
        for name, seconds in medians(arms, turns=calls, clock=time.thread_time).items():
            print(f"  {name:32} {1000 * seconds / count:.3f} ms a face, {count} faces a call")


def judge(
    logs: NDArray[np.float64], targets: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], float]:
    """Return which faces are right, the log loss of each at the best temperature, and that temperature."""
    rows, answers = torch.as_tensor(logs), torch.as_tensor(targets)
    temperature = fit_temperature(rows, answers)
    loss = torch.nn.functional.cross_entropy(rows / temperature, answers, reduction="none").numpy()
    return logs.argmax(axis=1) == targets, loss, temperature


if __name__ == "__main__":
    main()
