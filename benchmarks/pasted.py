"""Whether a faster way to shrink pictures costs anything: held-out training faces, pasted into photographs.

    python benchmarks/pasted.py fer2013.csv

Faces that the recipe `mien-s` holds out are enlarged and pasted into 1280×720 and 3000×2000 pixels of a sample
photo, blurred so that it has no face of its own.  For each way to shrink: found, labelled right, and the milliseconds
of processor time to detect a picture's faces.
"""

import argparse
import time

import matplotlib.cbook
import numpy as np
from PIL import Image, ImageFilter

import mien
from mien.data.split import hold_out
from mien.runtime import detect
from mien.runtime.photo import crop_face, detect_faces, face_square

PHOTOS = {(1280, 720): (2, 3, 180), (3000, 2000): (3, 4, 260)}
"""Width and height; rows and columns of faces, and their side in pixels."""


def main() -> None:
    """Print a line for each photo and each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--faces", type=int, default=480)
    asked = parser.parse_args()
    training = mien.open_faces(asked.data).split("train")
    _, held_out = hold_out(training, method="stratified", rows=2000, seed=0)
    faces = held_out.select(np.arange(asked.faces) * len(held_out) // asked.faces)
    detector, model = mien.YuNet(threads=1), mien.load("mien-s", threads=1)
    for size, (rows, columns, side) in PHOTOS.items():
        photos = []
        for start in range(0, len(faces), rows * columns):
            photos.append(photo(faces.images[start : start + rows * columns], size, rows, columns, side))
        for gap in (None, 2.0, 1.0):
            detect.REDUCING_GAP = gap  # type: ignore[assignment]
            found, right, spent_s = 0, 0, 0.0
            for start, picture in enumerate(photos):
                began = time.process_time()
                detections = detect_faces(picture, detector)
                spent_s += time.process_time() - began
                for face in detections:
                    x, y = face.box_px.x + face.box_px.width / 2, face.box_px.y + face.box_px.height / 2
                    place = int(y * rows / size[1]) * columns + int(x * columns / size[0])
                    target = faces.targets[start * rows * columns + place]
                    found += 1
                    right += int(model(crop_face(picture, face_square(face))[None]).argmax() == target)
            print(
                f"{size[0]}×{size[1]}, reducing gap {gap}: {found} of {len(faces)} found, {right} labelled right, "
                f"{1e3 * spent_s / len(photos):.1f} ms a photo",
                flush=True,
            )


def photo(images: np.ndarray, size: tuple[int, int], rows: int, columns: int, side: int) -> np.ndarray:
    """Paste faces `uint8 (N, 48, 48)` into a blurred photograph, row by row; RGB, `uint8 (H, W, 3)`."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as sample:
        whole = sample.convert("RGB").resize(size).filter(ImageFilter.GaussianBlur(size[0] / 40))
    for number, image in enumerate(images):
        face = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC).convert("RGB")
        row, column = divmod(number, columns)
        x, y = (2 * column + 1) * size[0] // (2 * columns), (2 * row + 1) * size[1] // (2 * rows)
        whole.paste(face, (x - side // 2, y - side // 2))
    return np.asarray(whole)


if __name__ == "__main__":
    main()
