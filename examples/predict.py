"""Find and classify the faces of a photo, a folder or a video with the network that ships; drawn faces by default.

Run: python examples/predict.py
Run: python examples/predict.py photo.jpg
"""

import sys

import mien

source = sys.argv[1] if len(sys.argv) > 1 else "synthetic:7"
for face in mien.predict(source).faces:
    second = sorted(face.probabilities, key=face.probabilities.__getitem__)[-2]
    print(f"{face.source} {face.face}: {face.label} {face.probability:.2f}, else {second}; box {face.box}")
