"""Make one file of predictions for `mien train --teachers` out of several files of out-of-fold predictions.

    python targets.py fer2013.csv targets.npz mien-s.npz mien-s-2.npz

Each face that is learned gets the mean of what the files say, all from networks that did not learn from it.  The final
hold-out is left out.
"""

import argparse
from pathlib import Path

import numpy as np

from mien.core.predictions import Predictions
from mien.data.formats import open_faces

FINAL = -1
"""The fold number of the final hold-out."""


def main() -> None:
    """Average and write, and print how right the mean is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="FER2013 in any format that mien reads")
    parser.add_argument("out", type=Path, help="the file of predictions to write")
    parser.add_argument("files", type=Path, nargs="+", help="what collect.py wrote")
    asked = parser.parse_args()

    training = open_faces(asked.data).split("train")
    rows, said = [], []
    for file in asked.files:
        with np.load(file) as stored:
            learned = stored["fold"] != FINAL
            rows.append(stored["row"][learned])
            said.append(stored["probabilities"][learned].astype(np.float64))
    if not all(np.array_equal(rows[0], each) for each in rows):
        raise SystemExit("the files have other rows")
    probabilities = np.mean(said, axis=0)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float16 has three digits

    places = {int(name): place for place, name in enumerate(training.ids.tolist())}
    faces = training.select(np.array([places[row] for row in rows[0].tolist()]))
    made = Predictions(
        probabilities=probabilities.astype(np.float32),
        classes=faces.classes,
        ids=faces.ids,
        targets=faces.targets,
        source=" + ".join(file.stem for file in asked.files),
    )
    made.save(asked.out)
    print(f"{asked.out}: {len(made):,} faces, accuracy {(made.labels == faces.targets).mean():.4f}")


if __name__ == "__main__":
    main()
