"""Cut FER2013's training rows into a final hold-out and folds, and write one data folder per fold for `mien train`.

    python make_folds.py fer2013.csv folds/

The final hold-out is what the recipes `mien-n` and `mien-s` hold out.  It is in no fold, and no fold's model learns
from it.  Fold K's folder has three files: `train.parquet` (the other folds), `validation.parquet` (the final hold-out)
and `test.parquet` (fold K).  `assignment.npz` says which row is where.  Rows of PublicTest are in none of them.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from mien.core.faces import FaceSet
from mien.data.formats import open_faces
from mien.data.split import find_duplicates, hold_out

FINAL = -1
"""The fold number of the final hold-out."""


def main() -> None:
    """Draw the folds, write them, read them back and check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="FER2013 in any format that mien reads")
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the folds, not of the final hold-out")
    asked = parser.parse_args()

    training = open_faces(asked.data).split("train")
    rows = training.ids.astype(np.int64)
    folds = draw(training, folds=asked.folds, seed=asked.seed)
    asked.out.mkdir(parents=True)
    np.savez_compressed(asked.out / "assignment.npz", row=rows.astype(np.int32), fold=folds)

    table = as_table(training)
    for fold in range(asked.folds):
        folder = asked.out / f"fold-{fold}"
        folder.mkdir()
        parts = {"train": (folds != fold) & (folds != FINAL), "validation": folds == FINAL, "test": folds == fold}
        for name, chosen in parts.items():
            pq.write_table(table.filter(pa.array(chosen)), folder / f"{name}.parquet")
        check(folder, training)
        counts = ", ".join(f"{name} {chosen.sum():,}" for name, chosen in parts.items())
        print(f"{folder}: {counts}")


def draw(training: FaceSet, *, folds: int, seed: int) -> NDArray[np.int8]:
    """Say in which fold each of N training faces is, or that it is in the final hold-out: `int8 (N,)`."""
    rest, final = hold_out(training, method="stratified", rows=2000, seed=0)
    numbers = np.full(len(training), FINAL, np.int8)
    for fold in range(folds):
        _, held = hold_out(rest, method="kfold", fold=fold, folds=folds, seed=seed)
        numbers[np.isin(training.ids, held.ids)] = fold
    if (numbers == FINAL).sum() != len(final):
        raise SystemExit("a face is in no fold")
    return numbers


def as_table(faces: FaceSet) -> pa.Table:
    """Make the columns that mien reads, and `row`, the number in the FER2013 file."""
    pictures = []
    for image in faces.images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        pictures.append({"bytes": file.getvalue(), "path": None})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table(
        {
            "image": pa.array(pictures, kind),
            "emotion": pa.array(faces.targets, pa.int8()),
            "row": pa.array(faces.ids.astype(np.int32)),
        }
    )


def check(folder: Path, training: FaceSet) -> None:
    """Stop unless what mien learns, holds out and tests is disjoint, also by pixels, and together the training rows."""
    faces = open_faces(folder)
    learned, final = hold_out(faces, method="file")
    tested = faces.split("test")
    if (
        find_duplicates(learned, final).any()
        or find_duplicates(learned, tested).any()
        or find_duplicates(tested, final).any()
    ):
        raise SystemExit(f"{folder}: an exact copy of a face is on two sides")
    if len(learned) + len(final) + len(tested) != len(training):
        raise SystemExit(f"{folder}: not all training rows")
    rows = np.concatenate(
        [pq.read_table(folder / f"{name}.parquet")["row"] for name in ("train", "validation", "test")]
    )
    if not np.array_equal(np.sort(rows), training.ids.astype(np.int64)):
        raise SystemExit(f"{folder}: other rows than the training rows, or one of them twice")
    expected = hold_out(training, method="stratified", rows=2000, seed=0)[1]
    if not np.array_equal(np.sort(final.digests), np.sort(expected.digests)):
        raise SystemExit(f"{folder}: another final hold-out than the recipes'")
    # names and classes aside, each face must have come through with its pixels and its label
    order = np.argsort(rows)
    together = [learned, final, tested]
    digests = np.concatenate([part.digests for part in together])[order]
    targets = np.concatenate([part.targets for part in together])[order]
    same = np.array_equal(digests, training.digests) and np.array_equal(targets, training.targets)
    if not same or faces.classes != training.classes:
        raise SystemExit(f"{folder}: other pixels or labels than the training rows")


if __name__ == "__main__":
    main()
