"""What simpler and better-known methods reach under mien's protocol, beside mien's own networks.

    OMP_NUM_THREADS=1 python benchmarks/baselines.py fer2013.csv --out runs/baselines --epochs 24 --seeds 0

All learn from the same faces and are compared on the 2,000 that the recipe `mien-s` holds out.  The networks are
trained by that recipe (augmentation, optimizer, one-cycle, small faces first), each from random weights, for
`--epochs`; what k-NN and logistic regression leave open is chosen on the hold-out, which makes their figures there a
little too good.  At the end each is scored once on the test faces.  Started again, finished runs are kept and an
interrupted one is resumed.
"""

import argparse
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from mien.core.faces import FaceSet
from mien.core.predictions import Predictions
from mien.core.scores import HeadlineScores, Scores
from mien.data.matching import join_predictions
from mien.data.split import find_duplicates
from mien.evaluation.metrics import score_predictions
from mien.models.registry import MODELS, build, info, multiply_adds
from mien.training.module import side_of_epoch
from mien.training.run_data import RunData
from mien.workflows.run import Run
from mien.workflows.train import open_data, resume, start

NEIGHBOURS = (1, 5, 10, 20, 40, 80)
log = logging.getLogger("baselines")

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2)
"""scikit-learn's `C`: the inverse of the strength."""

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Faces `uint8 (N, 48, 48)` → `(N, C)`."""


class Vgg(nn.Module):
    """Pairs of 3×3 convolutions, each pair before a max-pool (Simonyan & Zisserman 2015, arXiv 1409.1556), small."""

    def __init__(self, classes: int, *, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in widths:
            for _ in range(2):
                layers += [*_conv(channels, width), nn.ReLU()]
                channels = width
            layers += [nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.output = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(channels, classes)
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.output(self.features(faces))


class ResNet18(nn.Module):
    """ResNet-18 (He et al. 2016, arXiv 1512.03385) whose stem is one 3×3 convolution, without the first pooling."""

    def __init__(self, classes: int, *, stem_stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_conv(1, 64, stride=stem_stride), nn.ReLU()]
        channels = 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [_Block(channels, width, stride=stride), _Block(width, width)]
            channels = width
        self.features = nn.Sequential(*layers)
        self.output = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(channels, classes)
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.output(self.features(faces))


class _Block(nn.Module):
    def __init__(self, channels: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(*_conv(channels, width, stride=stride), nn.ReLU(), *_conv(width, width))
        nn.init.zeros_(self.residual[-1].weight)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(*_conv(channels, width, side=1, stride=stride))
        self.out = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        return self.out(self.shortcut(maps) + self.residual(maps))


def _conv(channels: int, width: int, *, side: int = 3, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(channels, width, side, stride=stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(width)


NETWORKS = {
    "vgg": Vgg,
    "resnet18": partial(ResNet18, stem_stride=1),
    "resnet18-half": partial(ResNet18, stem_stride=2),
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    held_out: Scores
    test: Scores
    parameters: str = "–"
    macs: str = "–"
    cost: str = "–"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True, help="for the runs of the networks")
    parser.add_argument("--networks", nargs="*", default=["mien-n", "mien-s", *NETWORKS])
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    MODELS.update(NETWORKS)
    data = open_data(args.data, recipe="mien-s", settings={"epochs": args.epochs, "threads": 1})
    runs = [train(data, args.out, model=name, seed=seed) for name in args.networks for seed in args.seeds]
    methods = {"majority": majority(data), **neighbours(data), **regression(data)}
    # Everything is chosen by now: the test faces come last.
    rows = [score(name, method, data) for name, method in methods.items()]
    rows += [row_of(run) for run in runs]
    print_table(rows)


def train(data: RunData, out: Path, *, model: str, seed: int) -> Run:
    """Train a network by the recipe, or go on with it, or take it as it is if it is finished."""
    folder = out / f"{model}-{seed}"
    with counted(out / f"{model}-{seed}.seconds"):
        config = data.config.model_copy(update={"model": model, "seed": seed})
        return train_or_go_on(folder, lambda: data.with_config(config))


def train_or_go_on(folder: Path, open_run_data: Callable[[], RunData]) -> Run:
    """Train into a folder, or go on with the training there, or take it as it is if it has ended."""
    if not (folder / "checkpoints/last.ckpt").exists():
        return start(open_run_data(), verb="train", out=folder, overwrite=True)
    run = Run.open(folder)
    return run if run.state in ("finished", "stopped-early") else resume(run)


@contextmanager
def counted(path: Path) -> Iterator[None]:
    """Add the processor time of the block to what a file says already, also if the block is interrupted."""
    start_s = time.process_time()
    try:
        yield
    finally:
        before_s = float(path.read_text()) if path.exists() else 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(before_s + time.process_time() - start_s))


def majority(data: RunData) -> Probabilities:
    """Give every face the shares of the classes."""
    counts = np.bincount(data.learned.targets, minlength=len(data.learned.classes))
    shares = (counts / counts.sum()).astype(np.float32)
    return lambda images: np.tile(shares, (len(images), 1))


def neighbours(data: RunData) -> dict[str, Probabilities]:
    """The k nearest training faces, by the distance of their pixels."""

    def fit(k: float) -> KNeighborsClassifier:
        found = KNeighborsClassifier(n_neighbors=int(k), algorithm="brute")
        return found.fit(pixels(data.learned.images), data.learned.targets)

    best, method = choose(NEIGHBOURS, fit, data)
    return {f"{best} nearest neighbours on pixels": method}


def regression(data: RunData) -> dict[str, Probabilities]:
    """Multinomial logistic regression on pixels."""

    def fit(inverse: float) -> LogisticRegression:
        return LogisticRegression(C=inverse, max_iter=300).fit(pixels(data.learned.images), data.learned.targets)

    best, method = choose(PENALTIES, fit, data)
    return {f"logistic regression on pixels, C = {best:g}": method}


def choose(
    values: Sequence[float], fit: Callable[[float], ClassifierMixin], data: RunData
) -> tuple[float, Probabilities]:
    """Return the value with the best accuracy on the hold-out, and what it gives."""
    best, chosen, most = values[0], None, -1.0
    for value in values:
        fitted = fit(value)
        accuracy = (fitted.predict(pixels(data.held_out.images)) == data.held_out.targets).mean()
        log.info("%s %s: %.4f of the held-out faces", type(fitted).__name__, value, accuracy)
        if accuracy > most:
            best, chosen, most = value, fitted, accuracy
    return best, lambda images: chosen.predict_proba(pixels(images)).astype(np.float32)


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Faces `(N, 48, 48)` as rows `(N, 2304)`, each with mean 0 and standard deviation 1; a blank face is 0."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(rows.std(axis=1, keepdims=True), 1)


def score(name: str, method: Probabilities, data: RunData) -> Row:
    """Score a method that is no network."""
    held_out, test = data.held_out, data.split("test")
    return Row(name, *(score_predictions(predict(method, faces, data)) for faces in (held_out, test)))


def predict(method: Probabilities, faces: FaceSet, data: RunData) -> Predictions:
    """Ask a method for all faces."""
    predictions = join_predictions(faces, method(faces.images), classes=data.learned.classes)
    return replace(predictions, duplicates=find_duplicates(faces, data.learned))


def row_of(run: Run) -> Row:
    """Score a network, and count what it and its training cost."""
    network = info(run.config.model)
    seconds = Path(f"{run.path}.seconds")
    cost = f"{arithmetic(run) / 1e12:.0f} T, {float(seconds.read_text()) / 60:.0f} min"
    return Row(
        f"{run.config.model}, seed {run.config.seed}",
        run.scores("validation"),
        run.scores("test"),
        f"{network.trainable / 1e6:.2f} M",
        f"{network.macs / 1e6:.0f} M",
        cost,
    )


def arithmetic(run: Run) -> int:
    """Multiply-adds of a training: three times those of a face's forward pass, for every face of every epoch."""
    config = run.config
    with torch.device("meta"):
        network = build(config.model, len(run.data.learned.classes)).eval()
    faces = len(run.data.learned) // config.batch * config.batch
    total = 0
    for epoch in range(config.epochs):
        side_px = side_of_epoch(epoch, epochs=config.epochs, start_px=config.start_px)
        total += 3 * faces * multiply_adds(network, side_px=side_px)
    return total


def print_table(rows: Sequence[Row]) -> None:
    """Print Markdown; the test column without copies is of the test faces that are no copy of a training face."""
    print("| | held-out | PublicTest | without copies | parameters | multiply-adds | training |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        alone = row.test.without_duplicates or row.test
        figures = [accuracy(scores) for scores in (row.held_out, row.test, alone)]
        print("| " + " | ".join([row.name, *figures, row.parameters, row.macs, row.cost]) + " |")


def accuracy(scores: HeadlineScores | Scores) -> str:
    """Accuracy with its 95 % interval."""
    low, high = scores.accuracy_interval
    return f"{scores.accuracy:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
