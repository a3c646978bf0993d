"""How often the intervals by groups (`mien eval --group`) hold the truth, beside those that take faces as independent.

`python benchmarks/coverage_groups.py [--draws 500]`: people are drawn who differ in how easy they are to read and in
what they look like, with 20 faces each, and each face with its probabilities of seven classes.  The truth is the score
of 20,000 people; 10, 20 and 40 are scored.  With 500 draws the standard error of a coverage of 95 % is one point.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER2013
from mien.core.predictions import Predictions
from mien.core.scores import Scores
from mien.core.stats import Interval
from mien.evaluation.metrics import score_predictions

FACES = 20
SHARES = (0.15, 0.04, 0.15, 0.25, 0.17, 0.12, 0.12)
FIGURES = ("accuracy", "top2_accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "ece", "aurc")


def main() -> None:
    """Draw, score and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    args = parser.parse_args()
    generator = np.random.default_rng(0)
    truth = {key: value for key, _, value, _ in figures(score_predictions(draw(20_000, generator)[0], bootstrap=1))}
    for people in (10, 20, 40):
        held: dict[str, dict[str, list[tuple[bool, float]]]] = {}
        for _ in range(args.draws):
            faces, groups = draw(people, generator)
            for way, given in (("groups", groups), ("faces", None)):
                for key, kind, _, interval in figures(score_predictions(faces, bootstrap=300, groups=given)):
                    if interval is not None:
                        low, high = interval
                        found = (low <= truth[key] <= high, high - low)
                        held.setdefault(kind, {}).setdefault(way, []).append(found)
        print(f"\n{args.draws} draws of {people} people with {FACES} faces each\n")
        print("| interval of | by groups | by faces |\n|---|--:|--:|")
        for kind, by_way in held.items():
            cells = []
            for way in ("groups", "faces"):
                inside, width = np.mean(by_way[way], axis=0)
                cells.append(f"{inside:.1%} ({width:.3f})")
            print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def draw(people: int, generator: np.random.Generator) -> tuple[Predictions, NDArray[np.int64]]:
    """Draw people with their faces, and say whose each face is, `int64 (N,)`."""
    groups = np.repeat(np.arange(people), FACES)
    targets = generator.choice(len(FER2013), len(groups), p=SHARES)
    looks = generator.normal(0, 0.7, (people, len(FER2013)))
    logits = generator.normal(size=(len(groups), len(FER2013))) + looks[groups]
    logits[np.arange(len(groups)), targets] += generator.normal(1.6, 0.8, people)[groups]
    powers = np.exp(1.2 * logits)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return Predictions(probabilities, FER2013, np.arange(len(groups)).astype(str), targets=targets), groups


def figures(scores: Scores) -> Iterator[tuple[str, str, float | None, Interval | None]]:
    """Yield name, kind, value and interval of each figure; those of classes are of one kind each."""
    for key in FIGURES:
        yield key, key, getattr(scores, key), getattr(scores, f"{key}_interval")
    for one in scores.per_class:
        for key in ("precision", "recall", "f1"):
            yield f"{key} of {one.name}", f"{key} of a class", getattr(one, key), getattr(one, f"{key}_interval")
    for of_class in scores.class_calibration:
        for key in ("ece", "too_sure"):
            value, interval = getattr(of_class, key), getattr(of_class, f"{key}_interval")
            yield f"{key} of {of_class.name}", f"{key} of a class", value, interval


if __name__ == "__main__":
    main()
