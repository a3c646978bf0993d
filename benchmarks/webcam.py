"""Frames a second of a loop of one's own, such as a webcam's: with a tracker, and with a detector made anew each time.

    python benchmarks/webcam.py

The frames are Matplotlib's sample photo of Grace Hopper, which moves before a grey ground.  One thread computes, and
the time is the processor's, so that other programs on the machine count little.
"""

import argparse
import os
import time
from collections.abc import Callable

import matplotlib.cbook
import numpy as np
from PIL import Image

import mien
from mien.workflows.predict import Model

SIZES = ((640, 480), (1280, 720))


def main() -> None:
    """Print a line for each size of the frames and each way to write the loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    count = parser.parse_args().frames
    print(f"load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores, one thread")
    model = mien.load(threads=1)
    for width, height in SIZES:
        frames = make_frames(count, width=width, height=height)
        tracker = model.tracker()
        measure(f"{width}×{height}, tracker.update(frame)", frames, tracker.update)
        measure(f"{width}×{height}, model.predict(frame)", frames, lambda frame: model.predict(frame)[0])
        measure(f"{width}×{height}, a detector for each frame", frames[:20], lambda frame: predict_anew(model, frame))


def predict_anew(model: Model, frame: np.ndarray) -> mien.PictureResult:
    """Predict as one would who makes a detector for each frame."""
    model.detector = mien.YuNet(threads=1)
    return model.predict(frame)[0]


def measure(name: str, frames: list[np.ndarray], look: Callable[[np.ndarray], mien.PictureResult]) -> None:
    """Print how many frames a second of processor time are looked at, and in how many a face was found."""
    look(frames[0])  # what is made once is not counted
    start = time.process_time()
    found = sum(bool(look(frame).faces) for frame in frames)
    seconds = time.process_time() - start
    print(f"  {name}: {len(frames) / seconds:.1f} frames/s, a face in {found} of {len(frames)}", flush=True)


def make_frames(count: int, *, width: int, height: int) -> list[np.ndarray]:
    """Move the sample photo to and fro before a grey ground."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        photo = picture.convert("RGB").resize((height * 5 // 8, height * 3 // 4))
    frames = []
    for i in range(count):
        frame = Image.new("RGB", (width, height), (128, 128, 128))
        frame.paste(photo, (abs(i % 100 - 50) * 2, height // 8))
        frames.append(np.asarray(frame))
    return frames


if __name__ == "__main__":
    main()
