"""Compare what `losses.py` trained with the recipe's own loss, face by face, on training faces alone.

    python benchmarks/losses_compared.py fer2013.csv --votes fer2013new.csv dev/oof/mien-n.npz arms/

Each loss is compared on the folds that it was trained for.  Columns: differences in points of accuracy, macro-F1 and
balanced accuracy to the file of `dev/oof`, ± standard error by faces (by folds).  Rows beside the plain one: with the
temperature and biases that the final hold-out gives (both sides, also in log loss), with `--prior uniform` on both
sides, and judged by the majority of FER+'s annotators, among the seven classes, instead of the labels.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from paired import Labels, OutOfFold, differences, log_shares, read, scores, targets_of

from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES
from mien.data.ferplus import majority
from mien.data.formats import open_faces
from mien.training.calibration import fit_biases


def main() -> None:
    """Print a table for each loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("baseline", help="an npz of dev/oof")
    parser.add_argument("arms", type=Path)
    parser.add_argument("--votes")
    asked = parser.parse_args()
    training = open_faces(asked.data, votes=asked.votes).split("train")
    baseline = read(asked.baseline)
    targets, final = targets_of(training, baseline), training.targets[~baseline.rows]
    assert training.votes is not None
    agreed = seven_of(majority(training.votes[baseline.rows]))
    shares = log_shares(targets)
    for loss in sorted({file.stem.rpartition("-")[0] for file in asked.arms.glob("*.npz")}):
        arm, seconds = read_arm(asked.arms, loss, baseline)
        known = np.isin(arm.folds, list(seconds))
        folds, labels = arm.folds[known], targets[known]
        new, old = arm.logits[known], baseline.logits[known]
        print(
            f"{loss}: folds {', '.join(map(str, seconds))}, {len(labels):,} faces, {sum(seconds.values()) / 60:.1f} min"
        )
        print("  baseline            ", np.round(scores(old.argmax(axis=1), labels), 2))
        print("  this loss           ", np.round(scores(new.argmax(axis=1), labels), 2))
        print("  difference          ", differences(new.argmax(axis=1), old.argmax(axis=1), labels, folds))
        calibrated_new, calibrated_old = calibrated(arm, final)[known], calibrated(baseline, final)[known]
        after = differences(calibrated_new.argmax(axis=1), calibrated_old.argmax(axis=1), labels, folds)
        print(f"  calibrated          {after}  {loss_change(calibrated_new, calibrated_old, labels)}")
        uniform_new, uniform_old = calibrated_new - shares, calibrated_old - shares
        print(
            "  uniform prior       ", differences(uniform_new.argmax(axis=1), uniform_old.argmax(axis=1), labels, folds)
        )
        if loss == "adjusted":
            print(
                "  over baseline, uniform",
                differences(new.argmax(axis=1), (old - shares).argmax(axis=1), labels, folds),
            )
        clear = agreed[known] >= 0
        by_votes = differences(new.argmax(axis=1)[clear], old.argmax(axis=1)[clear], agreed[known][clear], folds[clear])
        print(f"  FER+ ({clear.sum():,} faces) {by_votes}")


def read_arm(folder: Path, loss: str, baseline: OutOfFold) -> tuple[OutOfFold, dict[int, float]]:
    """Put the folds of a loss together; also return the processor seconds of each."""
    logits = np.full_like(baseline.logits, np.nan)
    final = np.full_like(baseline.final, np.nan)
    seconds = {}
    for fold in range(len(final)):
        file = folder / f"{loss}-{fold}.npz"
        if not file.exists():
            continue
        with np.load(file) as stored:
            logits[baseline.folds == fold] = stored["own"]
            final[fold] = stored["final"]
            seconds[fold] = float(stored["seconds"])
    return OutOfFold(baseline.rows, baseline.folds, logits, final), seconds


def calibrated(predicted: OutOfFold, targets: Labels) -> NDArray[np.float64]:
    """Give each fold the temperature and biases that its network needs on the final hold-out: logits `(N, 7)`."""
    logits = np.full_like(predicted.logits, np.nan)
    for fold, final in enumerate(predicted.final):
        if np.isfinite(final).all():
            fitted = fit_biases(torch.as_tensor(final), torch.as_tensor(targets))
            own = predicted.folds == fold
            logits[own] = fitted.apply(torch.as_tensor(predicted.logits[own])).numpy()
    return logits


def losses(logits: NDArray[np.float64], targets: Labels) -> NDArray[np.float64]:
    """Return the log loss of each face, `float64 (N,)`."""
    return -torch.as_tensor(logits).log_softmax(dim=1).numpy()[np.arange(len(targets)), targets]


def loss_change(new: NDArray[np.float64], old: NDArray[np.float64], targets: Labels) -> str:
    """Write by how much the log loss has changed, ± standard error by faces."""
    change = losses(new, targets) - losses(old, targets)
    return f"log loss {change.mean():+.4f} ± {change.std() / len(change) ** 0.5:.4f}"


def seven_of(majorities: Labels) -> Labels:
    """Number FER+'s majorities as FER2013's classes; -1 where there is none, or it is contempt."""
    numbers = np.full(len(FERPLUS) + 1, -1)  # the last one is for those without a majority
    for i, name in enumerate(FER2013):
        numbers[FERPLUS.index(FERPLUS_NAMES.get(name, name))] = i
    return numbers[majorities]


if __name__ == "__main__":
    main()
