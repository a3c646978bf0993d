"""Track faces in your own loop: a camera's frames, or here a photograph that moves.

With OpenCV: `frame = cv2.VideoCapture(0).read()[1]` and `model.tracker(channels="bgr")`.

Run: python examples/live.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

import mien

photo = np.asarray(Image.open(Path(__file__).parents[1] / "docs/img/astronaut.jpg").convert("RGB"))
tracker = mien.load().tracker()
for i in range(5):
    frame = np.roll(photo, 4 * i, axis=1)
    for face in tracker.update(frame, time_s=i / 25).faces:  # without time_s: now
        print(f"frame {i}, face {face.face}: {face.label} {face.probability:.2f} at {face.box}")
