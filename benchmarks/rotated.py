"""What turning pictures costs and brings: held-out training faces, enlarged, at 0, 90, 180 and 270 degrees.

    python benchmarks/rotated.py fer2013.csv

The faces are those that the recipe `mien-s` holds out, so that no network that ships learned from them.  For each
orientation: how many are found, are turned back by the right angle, and are labelled right; and the milliseconds of
processor time to detect a face.  The baseline searches each picture as it is, `detect_faces(turn=False)`.
"""

import argparse
import time

import numpy as np
from enlarged import enlarged

import mien
from mien.data.split import hold_out
from mien.runtime.photo import crop_face, detect_faces, face_square


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--faces", type=int, default=500)
    parser.add_argument("--bundle", default="mien-s")
    asked = parser.parse_args()
    training = mien.open_faces(asked.data).split("train")
    _, held_out = hold_out(training, method="stratified", rows=2000, seed=0)
    faces = held_out.select(np.arange(asked.faces) * len(held_out) // asked.faces)
    pictures = list(enlarged(faces.images))
    detector, model = mien.YuNet(threads=1), mien.load(asked.bundle, threads=1)
    print(f"{len(faces)} held-out faces, {asked.bundle}")
    for turn in (False, True):
        for quarters in range(4):
            crops, targets, turned_right = [], [], 0
            start = time.process_time()
            for picture, target in zip(pictures, faces.targets, strict=True):
                rotated = np.ascontiguousarray(np.rot90(picture, -quarters))
                for face in detect_faces(rotated, detector, turn=turn)[:1]:
                    crops.append(crop_face(rotated, face_square(face)))
                    targets.append(target)
                    turned_right += face.rotated == 90 * quarters
            each_ms = 1e3 * (time.process_time() - start) / len(faces)
            right = int((model(np.array(crops)).argmax(axis=1) == targets).sum())
            print(
                f"turn={turn!s:5} {90 * quarters:3}°: found {len(crops)}, turned right {turned_right}, "
                f"labelled right {right}, {each_ms:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
