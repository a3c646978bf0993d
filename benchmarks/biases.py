"""Whether a bias per class beside the temperature helps faces that it was not fitted on; no test face is used.

    python benchmarks/biases.py fer2013.csv dev/oof/mien-s.npz dev/oof/mien-n.npz …

Each file has five networks (`dev/oof/README.md`).  Temperature and biases are fitted on the 2,000 faces that none of
them learned from, and scored on those that the network itself did not learn from.  Beside it stands what five folds of
the 2,000 faces alone say, by which `mien train` decides.
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.labels import FER2013
from mien.core.prior import estimate_prior
from mien.data.formats import open_faces
from mien.evaluation.calibration import calibration_bins, calibration_error
from mien.training.calibration import Calibration, fit_biases, fit_temperature, gain_of_biases

SMALLEST = 1e-5
"""The files have 16 bits: what is smaller is 0 there."""


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    all_targets = open_faces(args.data).split("train").targets
    assert all_targets is not None
    for file in args.files:
        with np.load(file) as stored:
            arrays = dict(stored)
        known = arrays["fold"] >= 0
        held_out = torch.as_tensor(all_targets[arrays["row"][~known]])
        targets = torch.as_tensor(all_targets[arrays["row"][known]])
        folds, logits = arrays["fold"][known], logarithms(arrays["probabilities"][known])
        of_folds: list[float] = []
        kinds: dict[str, list[Calibration]] = {"temperature": [], "with biases": []}
        for own in arrays["final"]:
            on_held_out = logarithms(own)
            kinds["temperature"].append(Calibration(fit_temperature(on_held_out, held_out)))
            kinds["with biases"].append(fit_biases(on_held_out, held_out))
            of_folds.append(float(gain_of_biases(on_held_out, held_out).mean()))
        print(f"{file}: gain in log loss by folds of the 2,000: {', '.join(f'{gain:+.4f}' for gain in of_folds)}")
        losses = {}
        for kind, fitted in kinds.items():
            rows = torch.empty_like(logits)
            for fold, one in enumerate(fitted):
                rows[folds == fold] = one.apply(logits[folds == fold]).softmax(dim=1)
            losses[kind] = -rows[torch.arange(len(rows)), targets].log().numpy()
            show(kind, rows.float().numpy(), targets.numpy(), losses[kind])
        gain = losses["temperature"] - losses["with biases"]
        print(f"  gain {gain.mean():.4f} ± {gain.std() / len(gain) ** 0.5:.4f}")


def logarithms(probabilities: NDArray[np.float16]) -> torch.Tensor:
    """Return `log p`, which the logits are but for a constant of each face."""
    rows = np.maximum(probabilities.astype(np.float64), SMALLEST)
    return torch.as_tensor(np.log(rows / rows.sum(axis=1, keepdims=True)))


def show(kind: str, rows: NDArray[np.float32], targets: NDArray[np.int64], losses: NDArray[np.float64]) -> None:
    """Print accuracy, ECE, log loss, by how much each class is over-rated, and the mixture that is estimated."""
    accuracy = (rows.argmax(axis=1) == targets).mean()
    shares = np.bincount(targets, minlength=len(FER2013)) / len(targets)
    ece = calibration_error(calibration_bins(rows, targets))
    estimate = estimate_prior(rows, old=dict(zip(FER2013, shares.tolist(), strict=True)))
    print(f"  {kind:11} accuracy {accuracy:.4f}, ECE {ece:.4f}, log loss {losses.mean():.4f}")
    over = rows.mean(axis=0) - shares
    for k, name in enumerate(FER2013):
        mean = f"mean p {100 * over[k]:+.2f} points above the share"
        print(f"    {name:9} {mean} {shares[k]:.3f}, which is estimated as {estimate[name]:.3f}")


if __name__ == "__main__":
    main()
