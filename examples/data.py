"""Look at a data set before training on it: counts, copies, conflicting labels, blank faces.

Run: python examples/data.py [fer2013.csv]
"""

import sys

import mien

faces = mien.open_faces(sys.argv[1] if len(sys.argv) > 1 else "synthetic:700")
found = mien.describe(faces)
for name, split in found["splits"].items():
    print(name, split["faces"], split["classes"])
print("copies across splits:", found["copies"]["across"])
print("fingerprint:", found["fingerprint"])
