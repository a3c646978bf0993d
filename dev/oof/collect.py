"""Gather what the folds' models predict for the faces that they didn't learn from, in one file.

    python collect.py mien-n.npz folds/ runs/fold-0 runs/fold-1 …

The runs were made by `mien train folds/fold-K …` and scored with `mien eval RUN --split test` and `--split validation`.
A file that exists is added to, so that the folds may be trained days apart.  The arrays are described in README.md.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

FINAL = -1
"""The fold number of the final hold-out."""


def main() -> None:
    """Add the runs to the file, and print how right they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the npz to write or to add to")
    parser.add_argument("folds", type=Path, help="the folder that make_folds.py wrote")
    parser.add_argument("runs", type=Path, nargs="*")
    asked = parser.parse_args()

    with np.load(asked.folds / "assignment.npz") as assignment:
        rows, fold_of = assignment["row"], assignment["fold"]
    arrays = read(asked.file, rows, fold_of)
    for run in asked.runs:
        add(run, arrays, folds=asked.folds)
    final = fold_of == FINAL
    if np.isfinite(arrays["final"]).any():
        arrays["probabilities"][final] = np.nanmean(arrays["final"].astype(np.float32), axis=0)
    np.savez_compressed(asked.file, **arrays)
    print(f"{asked.file}: {asked.file.stat().st_size:,} bytes")
    report(arrays, labels(asked.folds / "fold-0", rows))


def read(file: Path, rows: NDArray[np.int32], fold_of: NDArray[np.int8]) -> dict[str, NDArray]:
    """Read the file, or begin an empty one."""
    if file.exists():
        with np.load(file) as stored:
            arrays = dict(stored)
        if not np.array_equal(arrays["row"], rows) or not np.array_equal(arrays["fold"], fold_of):
            raise SystemExit(f"{file}: has other folds")
        return arrays
    count = fold_of.max() + 1
    return {
        "row": rows,
        "fold": fold_of,
        "probabilities": np.full((len(rows), 7), np.nan, np.float16),
        "final": np.full((count, (fold_of == FINAL).sum(), 7), np.nan, np.float16),
        "temperature": np.full(count, np.nan),
        "command": np.full(count, "", "U400"),
        "commit": np.full(count, "", "U40"),
        "setting": np.full(count, "", "U400"),
    }


def add(run: Path, arrays: dict[str, NDArray], *, folds: Path) -> None:
    """Put the predictions of one run in their places."""
    status = json.loads((run / "status.json").read_text())["state"]
    if status != "finished":
        raise SystemExit(f"{run}: {status}, expected finished")
    stored = json.loads((run / "config.json").read_text())
    data = Path(stored["config"]["data"])
    if stored["config"]["holdout"]["method"] != "file":
        raise SystemExit(f"{run}: held out other faces than the final hold-out")
    fold = int(data.name.removeprefix("fold-"))
    in_fold, final = arrays["fold"] == fold, arrays["fold"] == FINAL
    wanted = {"test": arrays["row"][in_fold], "validation": arrays["row"][final]}
    said = {}
    for split, rows in wanted.items():
        # both parts come in the order of their Parquet file, which has the row numbers
        own = pq.read_table(folds / data.name / f"{split}.parquet", columns=["row"])["row"].to_numpy()
        with np.load(run / "eval" / split / "predictions.npz") as predictions:
            places = [int(face.rpartition(":")[2]) for face in predictions["ids"].tolist()]
            said[split] = predictions["probabilities"].astype(np.float16)
        if not np.array_equal(own[places], rows):
            raise SystemExit(f"{run}: {split} has other rows than fold {fold}")
    arrays["probabilities"][in_fold] = said["test"]
    arrays["final"][fold] = said["validation"]
    model = json.loads((run / "model.json").read_text())
    arrays["temperature"][fold] = model["temperature"]
    arrays["command"][fold] = " ".join(["mien", *stored["command"][1:]])
    arrays["commit"][fold] = stored["git_commit"] or ""
    machine, versions = stored["machine"], stored["versions"]
    arrays["setting"][fold] = (
        f"{machine['processor']}, {machine['threads']} thread, precision {stored['config']['precision']}, "
        f"torch {versions['torch']}"
    )


def labels(folder: Path, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Read the faces' labels, in the order of their rows: `int64 (N,)`."""
    tables = [pq.read_table(folder / f"{name}.parquet") for name in ("train", "validation", "test")]
    numbers = np.concatenate([table["row"].to_numpy() for table in tables])
    targets = np.concatenate([table["emotion"].to_numpy() for table in tables]).astype(np.int64)
    order = np.argsort(numbers)
    if not np.array_equal(numbers[order], rows):
        raise SystemExit(f"{folder}: other rows")
    return targets[order]


def report(arrays: dict[str, NDArray], targets: NDArray[np.int64]) -> None:
    """Print accuracy and log loss, with standard errors, of each fold, all folds, and the final hold-out."""
    final = arrays["fold"] == FINAL
    done = np.flatnonzero(np.isfinite(arrays["temperature"]))
    for fold in done:
        chosen = arrays["fold"] == fold
        print(f"fold {fold}        ", score(arrays["probabilities"][chosen], targets[chosen]))
        print("  final hold-out", score(arrays["final"][fold], targets[final]))
    out_of_fold = np.isin(arrays["fold"], done)
    print("out of fold   ", score(arrays["probabilities"][out_of_fold], targets[out_of_fold]))
    print("final hold-out, mean of the models", score(arrays["probabilities"][final], targets[final]))


def score(probabilities: NDArray[np.float16], targets: NDArray[np.int64]) -> str:
    """Write accuracy and log loss with standard errors."""
    count = len(targets)
    accuracy = float((probabilities.argmax(axis=1) == targets).mean())
    # a float16 may have become 0
    losses = -np.log(np.maximum(probabilities[np.arange(count), targets].astype(np.float64), 1e-7))
    return (
        f"{count:6,} faces, accuracy {accuracy:.4f} ± {math.sqrt(accuracy * (1 - accuracy) / count):.4f}, "
        f"log loss {losses.mean():.4f} ± {losses.std() / math.sqrt(count):.4f}"
    )


if __name__ == "__main__":
    main()
