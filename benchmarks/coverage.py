"""How often mien's 95 % intervals hold the truth.

`python benchmarks/coverage.py fer2013.csv [--draws 500]`: the predictions out of fold of `dev/oof` are taken as all
faces that there are, so the truth is known.  Faces are drawn from them and scored, and each interval either holds the
truth or doesn't.  Sets of faces:

* `FER2013`: 3,589 faces, as many as PublicTest has;
* `FER+`: 3,137 faces in about the shares of FER+'s majorities, two classes having about 13 and 24 faces;
* `calibrated`: 3,589 faces whose right labels are drawn by the probabilities, so the true calibration error is 0;
* `200 faces`: as `FER2013`, but few.

Last, the bound of `mien export --max-risk`: a threshold is found on some faces, and all faces tell whether the risk is
kept; in brackets the same for the lowest threshold that keeps it on the faces themselves, which is no bound.

With 500 draws the standard error of a coverage of 95 % is one point.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.core.labels import FER2013
from mien.core.predictions import Predictions
from mien.core.stats import Interval
from mien.data.formats import open_faces
from mien.evaluation.compare import compare_predictions
from mien.evaluation.confusion import macro_f1, tally
from mien.evaluation.intervals import percentile_interval, resample
from mien.evaluation.metrics import score_predictions
from mien.evaluation.selective import accepted_at, threshold_for_risk

OOF = Path(__file__).parent.parent / "dev" / "oof"
RARE = (0.10, 13 / 3137, 24 / 3137, 0.28, 0.12, 0.13, 0.358)
"""Shares of the set `FER+`, in FER2013's order of classes."""
FIGURES = ("accuracy", "top2_accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "ece", "aurc")


def main() -> None:
    """Draw, score and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--draws", type=int, default=500)
    args = parser.parse_args()
    labels = open_faces(args.data).targets
    small, large = population("mien-n", labels), population("mien-s", labels)
    generator = np.random.default_rng(0)
    rare = with_shares(large.targets, generator)
    sets = {
        "FER2013": (large, small, 3589),
        "FER+": (large.select(rare), small.select(rare), 3137),
        "calibrated": (calibrated(large, generator), None, 3589),
        "200 faces": (large, small, 200),
    }
    for name, (faces, others, count) in sets.items():
        report(name, faces, others, count=count, draws=args.draws, generator=generator)
    for count in (2000, 300):
        report_risks(large, count=count, draws=args.draws, generator=generator)


def population(name: str, labels: np.ndarray) -> Predictions:
    """Read predictions out of fold of all faces but those of the final hold-out."""
    with np.load(OOF / f"{name}.npz") as stored:
        rows = stored["row"][stored["fold"] >= 0]
        probabilities = stored["probabilities"][stored["fold"] >= 0].astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # they are stored in half precision
    return Predictions(probabilities, FER2013, rows.astype(str), targets=labels[rows].astype(np.int64))


def with_shares(targets: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Choose rows, as many as possible, so that the classes have the shares `RARE`."""
    faces = int(min(np.bincount(targets) / RARE))
    chosen = []
    for k, share in enumerate(RARE):
        chosen.append(generator.choice(np.flatnonzero(targets == k), round(share * faces), replace=False))
    return np.concatenate(chosen)


def calibrated(faces: Predictions, generator: np.random.Generator) -> Predictions:
    """Draw the target of each face by its probabilities, ten times."""
    rows = np.tile(np.arange(len(faces)), 10)
    chance = generator.random((len(rows), 1))
    targets = (faces.probabilities[rows].cumsum(axis=1) < chance).sum(axis=1).clip(max=len(FER2013) - 1)
    return Predictions(faces.probabilities[rows], FER2013, rows.astype(str), targets=targets)


def report(
    name: str, faces: Predictions, others: Predictions | None, *, count: int, draws: int, generator: np.random.Generator
) -> None:
    """Print how often the intervals of each figure hold the truth, miss it on either side, and how wide they are."""
    truth = {key: value for key, _, value, _ in figures(faces, others, bootstrap=1)}
    if name == "calibrated":
        truth = {"ece": 0.0}
    held: dict[str, list[tuple[bool, bool, bool, float]]] = {}
    for _ in range(draws):
        rows = generator.integers(0, len(faces), count)
        sample = faces.select(rows)
        other = None if others is None else others.select(rows)
        for key, kind, _, interval in figures(sample, other, bootstrap=1000):
            if key in truth and interval is not None:
                low, high = interval
                held.setdefault(kind, []).append(
                    (low <= truth[key] <= high, truth[key] < low, truth[key] > high, high - low)
                )
    print(f"\n{name}: {draws} draws of {count:,} of {len(faces):,} faces\n")
    print("| figure | held | truth below | above | mean width |\n|---|--:|--:|--:|--:|")
    for kind, found in held.items():
        inside, below, above, width = np.mean(found, axis=0)
        print(f"| {kind} | {inside:.1%} | {below:.1%} | {above:.1%} | {width:.4f} |", flush=True)


def report_risks(faces: Predictions, *, count: int, draws: int, generator: np.random.Generator) -> None:
    """Print how often thresholds keep the risk of all faces, and how many faces they accept."""
    print(f"\n--max-risk: {draws} draws of {count:,} of {len(faces):,} faces\n")
    print("| risk asked for | kept | mean coverage | a threshold was found |\n|---|--:|--:|--:|")
    for risk in (0.1, 0.2, 0.3):
        cells = {}
        for rule in (threshold_for_risk, lowest_threshold):
            found = []
            for _ in range(draws):
                sample = faces.select(generator.integers(0, len(faces), count))
                threshold = rule(sample.probabilities, sample.targets, risk=risk)
                if threshold is not None:
                    point = accepted_at(faces.probabilities, faces.targets, threshold=threshold)
                    found.append((point.risk <= risk, point.coverage))
            kept = np.sum([one for one, _ in found]) + draws - len(found)
            coverage = np.mean([one for _, one in found])
            cells[rule] = f"{kept / draws:.1%}", f"{coverage:.1%}", f"{len(found) / draws:.1%}"
        pairs = zip(cells[threshold_for_risk], cells[lowest_threshold], strict=True)
        print(f"| {risk} | " + " | ".join(f"{ours} ({other})" for ours, other in pairs) + " |", flush=True)


def lowest_threshold(probabilities: np.ndarray, targets: np.ndarray, *, risk: float) -> float | None:
    """Return the lowest top probability that keeps the risk on these very faces."""
    tops = probabilities.max(axis=1)
    order = np.argsort(-tops, kind="stable")
    wrong = (probabilities.argmax(axis=1) != targets)[order]
    fitting = np.flatnonzero(wrong.cumsum() / np.arange(1, len(order) + 1) <= risk)
    return float(tops[order][fitting[-1]]) if fitting.size else None


def figures(
    faces: Predictions, others: Predictions | None, *, bootstrap: int
) -> Iterator[tuple[str, str, float, Interval | None]]:
    """Yield name, kind, value and interval of each figure; classes and confusions are of one kind each."""
    scores = score_predictions(faces, bootstrap=bootstrap)
    for key in FIGURES:
        yield key, key, getattr(scores, key), getattr(scores, f"{key}_interval")
    yield "macro_f1", "macro_f1, percentile bootstrap", scores.macro_f1, percentile_macro_f1(faces, bootstrap)
    for one in scores.per_class:
        for key in ("precision", "recall", "f1"):
            yield f"{key} of {one.name}", f"{key} of a class", getattr(one, key), getattr(one, f"{key}_interval")
    if others is not None:
        comparison = compare_predictions(faces, others, bootstrap=bootstrap)
        for key in ("accuracy_difference", "macro_f1_difference"):
            yield key, key, getattr(comparison, key), getattr(comparison, f"{key}_interval")


def percentile_macro_f1(faces: Predictions, bootstrap: int) -> Interval:
    """Return the interval that mien gave before, for comparison."""
    pairs = np.stack([faces.targets, faces.labels], axis=1)
    kinds, draws = resample(pairs, bootstrap, generator=np.random.default_rng(0))
    right, of_class, labelled = tally(kinds, draws, classes=len(faces.classes))
    return percentile_interval(macro_f1(right, of_class, labelled=labelled))


if __name__ == "__main__":
    main()
