"""What finding the faces of a picture costs: YuNet on one thread, at several sizes, and its parts at 640×480.

    python benchmarks/detection.py

Every figure is a median; all arms take turns in one process.  The picture is Matplotlib's sample photo of Grace Hopper,
scaled and padded to each size.  The baseline is the bare graph in ONNX Runtime, which always computes 640×640 pixels.
"""

import argparse
import os
from collections.abc import Callable

import matplotlib.cbook
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps
from turns import medians

from mien.runtime.detect import INPUT_PX, YuNet, letterbox, model_path
from mien.runtime.photo import find_faces
from mien.runtime.session import open_graph

SIZES = ((48, 64), (320, 240), (640, 480), (1920, 1080), (4000, 3000))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=30)
    args = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}, median of {args.turns} turns, load {os.getloadavg()[0]:.1f} before")
    detector, graph = YuNet(threads=1), open_graph(model_path().read_bytes(), threads=1)
    canvas, _ = letterbox(photo(640, 480), longer_px=INPUT_PX)
    arms: dict[str, Callable[[], object]] = {"graph alone": lambda: graph.run(None, {"input": canvas})}
    for width, height in SIZES:
        picture = photo(width, height)
        arms[f"find_faces, {width}×{height}"] = lambda picture=picture: find_faces(picture, detector=detector)
        if (width, height) == (640, 480):
            arms["scale and pad, 640×480"] = lambda picture=picture: letterbox(picture, longer_px=INPUT_PX)
            arms["detect, 640×480"] = lambda picture=picture: detector.detect(picture)
    median_s = medians(arms, turns=args.turns)
    for arm, seconds in median_s.items():
        print(f"  {arm:24} {1e3 * seconds:7.2f} ms, {seconds / median_s['graph alone']:5.2f} × the graph alone")


def photo(width: int, height: int) -> NDArray[np.uint8]:
    """The sample photo, scaled and padded, `uint8 (height, width, 3)`."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        return np.asarray(ImageOps.pad(picture.convert("RGB"), (width, height)))


if __name__ == "__main__":
    main()
