"""What is gained and lost when probabilities are divided by a power of the classes' shares.

    python benchmarks/logit_adjustment.py fer2013.csv dev/oof/mien-s.npz dev/oof/mien-n.npz …

Menon et al. 2021, arXiv 2007.07314, section 4.1; with the power 1 it is `--prior uniform`.  The faces are those of
`dev/oof`, the power for each fold is chosen on the other folds.  Columns: differences in points of accuracy, macro-F1
and balanced accuracy, ± standard error by faces (by folds).
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from paired import OutOfFold, differences, log_shares, read, scores, targets_of

from mien.data.formats import open_faces

POWERS = np.arange(-5, 16) / 10
SHOWN = (0.25, 0.5, 0.75, 1.0, 1.25)
METRICS = ("accuracy", "macro-F1", "balanced accuracy")


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    training = open_faces(args.data).split("train")
    for file in args.files:
        predicted = read(file)
        targets = targets_of(training, predicted)
        before = predicted.logits.argmax(axis=1)
        print(f"{file}: {len(targets):,} faces, five folds:", np.round(scores(before, targets), 2))
        for power in SHOWN:
            labels = (predicted.logits - power * log_shares(targets)).argmax(axis=1)
            print(f"  power {power:4}: ", differences(labels, before, targets, predicted.folds))
        for i, metric in enumerate(METRICS):
            labels, chosen = choose(predicted, targets, metric=i)
            changes = differences(labels, before, targets, predicted.folds)
            print(f"  chosen for {metric} ({', '.join(map(str, chosen))}): {changes}")


def choose(predicted: OutOfFold, targets: NDArray[np.int64], *, metric: int) -> tuple[NDArray[np.int64], list[float]]:
    """Label each fold with the power that is best on the others."""
    labels = np.empty_like(targets)
    chosen = []
    for fold in np.unique(predicted.folds):
        own = predicted.folds == fold
        shares = log_shares(targets[~own])
        reached = []
        for power in POWERS:
            others = (predicted.logits[~own] - power * shares).argmax(axis=1)
            reached.append(scores(others, targets[~own])[metric])
        best = float(POWERS[int(np.argmax(reached))])
        chosen.append(best)
        labels[own] = (predicted.logits[own] - best * shares).argmax(axis=1)
    return labels, chosen


if __name__ == "__main__":
    main()
