"""What averages and stacks of mien-s and mien-n gain over one mien-s, on faces that none of them learned from.

    python benchmarks/averages.py fer2013.csv dev/oof

Each training face has two predictions of each network, by networks that learned from different four fifths of the
others.  A stack is a multinomial logistic regression on the members' log probabilities; for each fold of the first
split it is fitted on the other folds.  Columns: accuracy, macro-F1, log loss; differences to the first mien-s, and to
the average of both, in points of accuracy, macro-F1 and balanced accuracy, ± standard error by faces (by folds).

Before that: averages of 1 to 10 trainings of one network on the 2,000 faces that all of them hold out, each the mean
over all choices of so many.
"""

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from paired import differences, read, scores, targets_of
from torch.nn import functional

from mien.data.formats import open_faces

FILES = ("mien-s", "mien-s-2", "mien-n", "mien-n-2")
COUNTS = (1, 2, 3, 5, 10)
Table = NDArray[np.float64]


def main() -> None:
    """Print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    training = open_faces(args.data).split("train")
    files = {name: read(args.folder / f"{name}.npz") for name in FILES}
    targets, folds = targets_of(training, files["mien-s"]), files["mien-s"].folds
    logits = {name: file.logits for name, file in files.items()}
    both = average(logits, ("mien-s", "mien-s-2"))
    rows = {
        "mien-s": np.exp(logits["mien-s"]),
        "mien-s-2": np.exp(logits["mien-s-2"]),
        "both mien-s": both,
        "both mien-n": average(logits, ("mien-n", "mien-n-2")),
        "mien-s and mien-n": average(logits, ("mien-s", "mien-n")),
        "all four": average(logits, FILES),
        "0.7 both mien-s, 0.3 both mien-n": 0.7 * both + 0.3 * average(logits, ("mien-n", "mien-n-2")),
        "stack of mien-s alone": stack(logits, ("mien-s",), targets, folds),
        "stack of mien-s and mien-n": stack(logits, ("mien-s", "mien-n"), targets, folds),
        "stack of both mien-s": stack(logits, ("mien-s", "mien-s-2"), targets, folds),
        "stack of all four": stack(logits, FILES, targets, folds),
    }
    for family in ("mien-s", "mien-n"):
        of_final = np.concatenate([files[family].final, files[f"{family}-2"].final])  # (10, F, 7)
        reached = averages_of(np.exp(of_final), training.targets[~files[family].rows])
        print(
            f"{family} on the final hold-out: {', '.join(f'{count} {share:.2f}' for count, share in reached.items())}"
        )
    print(f"{len(targets):,} faces, five folds")
    for name, row in rows.items():
        accuracy, f1, _ = scores(row.argmax(axis=1), targets)
        loss = -np.log(row[np.arange(len(targets)), targets]).mean()
        print(f"{name:33} {accuracy:.2f} {f1:.2f} {loss:.4f}")
        for before in ("mien-s", "both mien-s"):
            if name != before:
                changes = differences(row.argmax(axis=1), rows[before].argmax(axis=1), targets, folds)
                print(f"    over {before:12} {changes}")


def averages_of(probabilities: Table, targets: NDArray[np.int64]) -> dict[int, float]:
    """Return the accuracy in percent of averages of so many members, over all choices of them."""
    reached = {}
    for count in COUNTS:
        right = []
        for members in combinations(range(len(probabilities)), count):
            labels = probabilities[list(members)].mean(axis=0).argmax(axis=1)
            right.append((labels == targets).mean())
        reached[count] = 100 * float(np.mean(right))
    return reached


def average(logits: dict[str, Table], names: tuple[str, ...]) -> Table:
    """Average the probabilities of networks: `float64 (N, 7)`."""
    return np.mean([np.exp(logits[name]) for name in names], axis=0)


def stack(
    logits: dict[str, Table], names: tuple[str, ...], targets: NDArray[np.int64], folds: NDArray[np.int64]
) -> Table:
    """Predict each fold by a logistic regression that was fitted on the other folds: `float64 (N, 7)`."""
    features = torch.as_tensor(np.concatenate([logits[name] for name in names], axis=1))  # (N, 7 · members)
    classes = logits[names[0]].shape[1]
    said = np.empty((len(targets), classes))
    for fold in np.unique(folds):
        own = folds == fold
        weights = torch.eye(classes, dtype=torch.float64).repeat(len(names), 1) / len(names)
        biases = torch.zeros(classes, dtype=torch.float64)
        fit(features[~own], torch.as_tensor(targets[~own]), weights.requires_grad_(), biases.requires_grad_())
        said[own] = (features[own] @ weights + biases).softmax(dim=1).detach().numpy()
    return said


def fit(features: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor) -> None:
    """Lower the log loss as far as it goes; 20,000 faces are many for a few hundred weights."""
    optimizer = torch.optim.LBFGS([weights, biases], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(features @ weights + biases, targets)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
