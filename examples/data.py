"""Look at a data set before training on it: counts, duplicates, conflicting labels, blank faces.

Run: python examples/data.py [fer2013.csv]
"""

import sys

import mien

faces = mien.open_faces(sys.argv[1] if len(sys.argv) > 1 else "synthetic:700")
summary = mien.describe(faces)
for name, split in summary.splits.items():
    print(name, split.faces, split.classes)
for pair in summary.duplicates.across:
    print(f"{pair.faces} faces of {pair.split} are exact copies of a face of {pair.other}")
print("fingerprint:", summary.fingerprint)
