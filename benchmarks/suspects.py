"""Is it worth leaving out faces whose labels are doubtful, or softening these labels?

    OMP_NUM_THREADS=1 python benchmarks/suspects.py fer2013.csv --out runs/suspects --epochs 24 --seeds 0 1

Doubtful are the 5 % of the faces whose label the networks of `dev/oof` find least probable beside another one, out of
fold.  Three arms of the recipe `mien-n`: all faces; without the doubtful ones; with targets that are half label, half
prediction for the doubtful ones (all labels smoothed by the recipe's 0.05).  Judged on the 2,000 faces of the final
hold-out, of which no network here learned: differences to the first arm ± standard error over the faces, of the mean
of the seeds.  Started again, finished runs are kept and an interrupted one is resumed.
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from baselines import train_or_go_on
from numpy.typing import NDArray
from paired import read

from mien.core.faces import FaceSet
from mien.core.predictions import Predictions
from mien.data.formats import open_faces
from mien.evaluation.label_scores import label_scores
from mien.workflows.run import Run
from mien.workflows.train import open_data

OUT_OF_FOLD = [Path(__file__).parents[1] / f"dev/oof/{name}.npz" for name in ("mien-s", "mien-s-2")]
DOUBTFUL = 0.05
SMOOTHING = 0.05


def main() -> None:
    """Train what is missing, and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    faces, probabilities = with_final_holdout(open_faces(args.data).split("train"))
    doubtful = find_doubtful(faces, probabilities)
    targets = args.out / "softened.npz"
    args.out.mkdir(parents=True, exist_ok=True)
    soften(faces, probabilities, doubtful).save(targets)
    runs: dict[str, list[Run]] = {"all": [], "without": [], "softened": []}
    for seed in args.seeds:
        settings = {"seed": seed, "epochs": args.epochs, "threads": 1, "holdout": {"method": "file"}}
        runs["all"].append(train(args.out / f"all-{seed}", faces, settings))
        runs["without"].append(train(args.out / f"without-{seed}", faces.select(~doubtful), settings))
        taught = settings | {"teachers": [str(targets)]}
        runs["softened"].append(train(args.out / f"softened-{seed}", faces, taught))
    judged = {arm: judge(trained) for arm, trained in runs.items()}
    all_right, all_losses = judged["all"]
    for arm, (right, losses) in judged.items():
        print(f"{arm}: {right.mean(axis=1).round(4)} right, log loss {losses.mean(axis=1).round(3)}")
        if arm != "all":
            print(f"  points {difference(100 * right, 100 * all_right, digits=2)}")
            print(f"  log loss {difference(losses, all_losses, digits=4)}")


def with_final_holdout(training: FaceSet) -> tuple[FaceSet, NDArray[np.float64]]:
    """Put the final hold-out into the split `validation`; also return what is predicted out of fold, `(N, C)`."""
    learned = read(OUT_OF_FOLD[0]).rows
    probabilities = np.zeros((len(training), len(training.classes)))
    for file in OUT_OF_FOLD:
        probabilities[learned] += np.exp(read(file).logits) / len(OUT_OF_FOLD)
    return replace(training, splits=np.where(learned, "train", "validation")), probabilities


def find_doubtful(faces: FaceSet, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which training faces, `bool (N,)`, have the least probable labels."""
    scores = label_scores(probabilities, faces.targets)
    learned = faces.splits == "train"
    scores[~learned] = np.inf
    doubtful = np.zeros(len(faces), dtype=bool)
    doubtful[np.argsort(scores, kind="stable")[: round(DOUBTFUL * learned.sum())]] = True
    return doubtful


def soften(faces: FaceSet, probabilities: NDArray[np.float64], doubtful: NDArray[np.bool_]) -> Predictions:
    """Return targets for the training faces."""
    count = len(faces.classes)
    targets = np.eye(count)[faces.targets] * (1 - SMOOTHING) + SMOOTHING / count
    targets[doubtful] = (targets[doubtful] + probabilities[doubtful]) / 2
    learned = faces.splits == "train"
    return Predictions(
        probabilities=targets[learned].astype(np.float32),
        classes=faces.classes,
        ids=faces.ids[learned],
        targets=faces.targets[learned],
        source="softened labels",
    )


def train(folder: Path, faces: FaceSet, settings: dict[str, object]) -> Run:
    """Train `mien-n` on faces, or take the training that is there."""
    return train_or_go_on(folder, partial(open_data, faces, recipe="mien-n", settings=settings))


def judge(runs: list[Run]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whether each run is right about each held-out face, and its log loss, both `(runs, faces)`."""
    right, losses = [], []
    for run in runs:
        run.scores("validation")
        predicted = Predictions.load(run.path / "eval/validation/predictions.npz")
        given = predicted.probabilities[np.arange(len(predicted)), predicted.targets]
        right.append(predicted.labels == predicted.targets)
        losses.append(-np.log(np.maximum(given, 1e-9)))
    return np.array(right, dtype=float), np.array(losses)


def difference(values: NDArray[np.float64], before: NDArray[np.float64], *, digits: int) -> str:
    """Write the mean difference ± standard error over the faces."""
    differences = (values - before).mean(axis=0)
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return f"{differences.mean():+.{digits}f} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()
