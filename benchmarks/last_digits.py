"""What the last digits of the detector's numbers change, which differ between processors and in a browser.

`python benchmarks/last_digits.py PHOTO...` turns each photograph 60 times by up to 25 degrees, finds its faces, and
cuts each out twice: as found, and moved by up to 1e-5 pixels and degrees, about what Chromium's detector differs by.
It does so with squares as they are and with squares on the grid of `mien.runtime.photo.GRID`.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import mien
from mien.core.images import decode_colour
from mien.runtime import photo
from mien.runtime.geometry import Square

VARIANTS, MOST_DEG, NOISE = 60, 25, 1e-5


def main() -> None:
    """Print how many faces have other pixels, and how far their probabilities differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    random = np.random.default_rng(0)
    found: list[tuple[np.ndarray, Square, Square]] = []
    detector = mien.YuNet(threads=1)
    for path in parser.parse_args().photos:
        upright = Image.fromarray(decode_colour(path))
        for _ in range(VARIANTS):
            width = int(random.integers(250, 640))
            leaning = upright.rotate(float(random.uniform(-MOST_DEG, MOST_DEG)), Image.Resampling.BICUBIC)
            picture = np.asarray(leaning.resize((width, int(width * random.uniform(0.9, 1.2)))))
            for detection in photo.detect_faces(picture, detector, turn=False):
                square = photo.face_square(detection)
                moved = Square(*(np.array(square) + random.uniform(-NOISE, NOISE, 4)).tolist())
                found.append((picture, square, moved))
    for grid in (1e-12, photo.GRID):
        photo.GRID = grid  # type: ignore[misc]
        images = np.array([photo.crop_face(picture, square) for picture, square, _ in found])
        others = np.array([photo.crop_face(picture, moved) for picture, _, moved in found])
        print(f"grid {grid:g}: of {len(found)} faces {(images != others).any(axis=(1, 2)).sum()} have other pixels")
        for name in ("mien-s", "mien-s-ferplus"):
            model = mien.load(name, threads=1)
            largest = np.abs(model(images) - model(others)).max(axis=1)
            print(f"  {name}: {(largest > 5e-4).sum()} differ by more than 5e-4, at most by {largest.max():.3f}")


if __name__ == "__main__":
    main()
