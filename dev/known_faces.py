"""Make `fer2013_public_test.npz` and `fer2013_training.npz` in `src/mien/data`, by which mien knows faces of FER2013.

    python dev/known_faces.py fer2013.csv --votes fer2013new.csv
    python dev/known_faces.py fer2013_public.parquet

They hold hashes and labels, no pixels.  The same faces give the same files.
"""

import argparse

import numpy as np

from mien.core.arrays import write_arrays
from mien.data.ferplus import majority
from mien.data.formats import open_faces
from mien.data.known import PUBLIC_TEST, TRAINING, halves
from mien.data.split import find_duplicates

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data")
parser.add_argument("--votes")
given = parser.parse_args()

faces = open_faces(given.data, votes=given.votes)
public_test = faces.split("test")
if public_test.votes is None:
    parser.error("no votes of FER+")
write_arrays(
    PUBLIC_TEST,
    {
        "digests": public_test.digests,
        "targets": public_test.targets.astype(np.int8),
        "majorities": majority(public_test.votes).astype(np.int8),
        "in_training": find_duplicates(public_test, faces.split("train")),
    },
)
training = faces.split("train")
write_arrays(TRAINING, {"digests": np.unique(halves(training.digests))})
for path, count in ((PUBLIC_TEST, len(public_test)), (TRAINING, len(training))):
    print(f"{path}: {count:,} faces, {path.stat().st_size:,} bytes")
