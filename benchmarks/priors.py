"""What another prior is worth when faces come in other shares than in training; on faces of no test split.

    python benchmarks/priors.py fer2013.csv dev/oof/mien-s.npz

Faces are drawn with replacement from FER2013's training rows, in the shares of each mixture, each with the
probabilities of a network that did not learn from it (`dev/oof/README.md`).  An estimate is made from the drawn faces
alone, and scored on them; its figures are means over 20 draws.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER2013
from mien.core.prior import Shares, change_prior, estimate_prior, prior_shares
from mien.data.formats import open_faces
from mien.evaluation.calibration import calibration_bins, calibration_error
from mien.evaluation.metrics import log_loss

MIXTURES = {
    "each alike": (1, 1, 1, 1, 1, 1, 1),
    "an album": (2, 1, 1, 60, 4, 4, 28),
    "mostly neutral": (5, 1, 2, 12, 8, 2, 70),
}
"""In percent or alike, in FER2013's order: angry, disgust, fear, happy, sad, surprise, neutral."""

COUNTS = (30, 100, 300, 1000, 3000)
DRAWS = 20
FACES = 30_000

Faces = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Probabilities `(N, C)` and targets `(N,)`."""


def main() -> None:
    """Print a row for each mixture and prior."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("predictions", help="an npz of dev/oof")
    args = parser.parse_args()
    faces = read(args.data, args.predictions)
    training = prior_shares(dict(zip(FER2013, np.bincount(faces[1]).tolist(), strict=True)), training=alike())
    print(f"{'mixture':15}  {'prior':15}  accuracy  mean p    ECE  log loss")
    for name, numbers in {"as in training": tuple(training.values()), **MIXTURES}.items():
        mixture = prior_shares(dict(zip(FER2013, numbers, strict=True)), training=training)
        many, targets = draw(faces, mixture, count=FACES, seed=0)
        for prior, new in {"training": training, "uniform": alike(), "the true one": mixture}.items():
            show(name, prior, score(change_prior(many, old=training, new=new), targets))
        for count in COUNTS:
            scores = []
            for seed in range(DRAWS):
                few, of_few = draw(faces, mixture, count=count, seed=seed)
                new = estimate_prior(few, old=training)
                scores.append(score(change_prior(few, old=training, new=new), of_few))
            show(name, f"of {count:,} faces", np.mean(scores, axis=0).tolist())


def read(data: str, predictions: str) -> Faces:
    """Read the out-of-fold predictions."""
    targets = open_faces(data).split("train").targets
    assert targets is not None
    with np.load(predictions) as stored:
        known = stored["fold"] >= 0
        rows, probabilities = stored["row"][known], stored["probabilities"][known].astype(np.float32)
    return probabilities / probabilities.sum(axis=1, keepdims=True), targets[rows]


def alike() -> dict[str, float]:
    """Give each class the same share."""
    return dict.fromkeys(FER2013, 1 / len(FER2013))


def draw(faces: Faces, mixture: Shares, *, count: int, seed: int) -> Faces:
    """Draw faces in the shares of a mixture."""
    probabilities, targets = faces
    generator = np.random.default_rng(seed)
    classes = generator.choice(len(mixture), size=count, p=list(mixture.values()))
    rows = np.empty(count, np.int64)
    for k in range(len(mixture)):
        rows[classes == k] = generator.choice(np.flatnonzero(targets == k), size=int((classes == k).sum()))
    return probabilities[rows], targets[rows]


def score(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> list[float]:
    """Return accuracy, mean confidence, ECE and log loss."""
    right = probabilities.argmax(axis=1) == targets
    ece = calibration_error(calibration_bins(probabilities, targets))
    return [float(right.mean()), float(probabilities.max(axis=1).mean()), ece, log_loss(probabilities, targets)]


def show(mixture: str, prior: str, scores: list[float]) -> None:
    """Print a row."""
    accuracy, confidence, ece, loss = scores
    print(f"{mixture:15}  {prior:15}  {accuracy:8.3f}  {confidence:6.3f}  {ece:5.3f}  {loss:8.3f}")


if __name__ == "__main__":
    main()
