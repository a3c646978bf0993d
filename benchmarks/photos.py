"""Photos a second from file to probabilities, and where the time goes: decode, detect and cut out, classify.

    python benchmarks/photos.py

Two folders are made: JPEGs of one face each at 512×600 (Matplotlib's sample photo of Grace Hopper), and JPEGs of a
wall of twelve such faces at 1600×1200.  `Model.predict` reads each folder as `mien predict` does, all cores in use; the
parts are timed alone, one after the other, in the same turns.  The baseline is their sum.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.cbook
import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from turns import medians

import mien
from mien.core.images import decode_colour
from mien.runtime.photo import find_faces

FOLDERS = {"one face, 512×600": ((512, 600), 1, 1), "twelve faces, 1600×1200": ((1600, 1200), 4, 3)}


def main() -> None:
    """Print a table for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="mien-s-ferplus")
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--turns", type=int, default=7)
    args = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}, median of {args.turns} turns, load {os.getloadavg()[0]:.1f} before")
    for name, (size, across, down) in FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{i:03d}.jpg" for i in range(args.photos)]
            for path in paths:
                wall(size, across=across, down=down).save(path, quality=90)
            report(name, paths, bundle=args.bundle, turns=args.turns)


def report(name: str, paths: list[Path], *, bundle: str, turns: int) -> None:
    """Time a folder as a whole and in parts."""
    model, detector = mien.load(bundle), mien.YuNet()
    pictures = [decode_colour(path) for path in paths]
    faces = np.array([face.image for each in pictures for face in find_faces(each, detector=detector)])
    arms: dict[str, Callable[[], object]] = {
        "decode": lambda: [decode_colour(path) for path in paths],
        "detect and cut out": lambda: [find_faces(each, detector=detector) for each in pictures],
        "classify": lambda: model(faces),
        "mien.predict": lambda: model.predict(paths),
    }
    seconds = medians(arms, turns=turns)
    whole, parts = seconds.pop("mien.predict"), sum(seconds.values())
    print(f"\n{name}: {len(paths)} photos, {len(faces)} faces, {bundle}, {os.cpu_count()} cores")
    for part, each in seconds.items():
        print(f"  {part:20} {1e3 * each / len(paths):7.2f} ms a photo, {each / parts:4.0%} of the parts")
    print(
        f"  {'mien.predict':20} {1e3 * whole / len(paths):7.2f} ms a photo, {whole / parts:.2f} × the parts' sum: ",
        end="",
    )
    print(f"{len(paths) / whole:.0f} photos/s, {len(faces) / whole:.0f} faces/s")


def wall(size: tuple[int, int], *, across: int, down: int) -> Image.Image:
    """Draw the sample photo so many times side by side."""
    tile = (size[0] // across, size[1] // down)
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        photo = ImageOps.pad(picture.convert("RGB"), tile)
    whole = Image.new("RGB", size)
    for i in range(across * down):
        whole.paste(photo, (i % across * tile[0], i // across * tile[1]))
    return whole


if __name__ == "__main__":
    main()
