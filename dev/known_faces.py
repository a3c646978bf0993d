"""Make `src/mien/data/fer2013_public_test.npz`, by which mien knows FER2013's PublicTest, from the faces themselves.

    python dev/known_faces.py fer2013.csv --votes fer2013new.csv
    python dev/known_faces.py fer2013_public.parquet

It holds hashes and labels, no pixels.  The same faces give the same file.
"""

import argparse

import numpy as np

from mien.core.arrays import write_arrays
from mien.data.ferplus import majority
from mien.data.formats import open_faces
from mien.data.known import PUBLIC_TEST
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
print(f"{PUBLIC_TEST}: {len(public_test):,} faces, {PUBLIC_TEST.stat().st_size:,} bytes")
