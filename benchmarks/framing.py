"""Which square around a detected face is FER2013's, and what each costs in accuracy.

    python benchmarks/framing.py fer2013.csv --votes fer2013new.csv

Faces of FER2013's split `train` that the bundle did not learn from (its hold-out) are enlarged to 110 to 240 pixels and
pasted into pictures of 480×360 pixels, on noise, on one grey level, or on their own blurred and repeated border.  YuNet
finds them.  Printed: the scale and shift that take the square of its box to the true one, and the accuracy of what is
cut out, with its difference in points (± one standard error) to the baseline: the same faces, not pasted and found.
With `--turn`, the faces are turned to the left and right by that many degrees, on their border only, margin 0 only.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import mien
from mien.core.faces import FaceSet
from mien.data.split import hold_out
from mien.runtime.detect import Detection
from mien.runtime.geometry import Square
from mien.runtime.photo import crop_face, face_square

WIDTH, HEIGHT, BORDER = 480, 360, 40
GROUNDS = ("noise", "grey", "border")
ARMS = [(margin, False) for margin in (-0.1, -0.05, 0.0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)]
ARMS += [(margin, True) for margin in (0.0, 0.05, 0.1)]


class Pasted(NamedTuple):
    """A picture with a face in it, where the face is, and what was found there."""

    face: int
    picture: NDArray[np.uint8]
    true: Square
    found: Detection


def main() -> None:
    """Print a table for each ground."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--votes", required=True)
    parser.add_argument("--bundle", default="mien-s-ferplus")
    parser.add_argument("--turn", type=float, default=0.0, metavar="DEGREES")
    args = parser.parse_args()
    bundle = mien.Bundle.open(args.bundle)
    faces = mien.open_faces(args.data, votes=args.votes, labels="ferplus")
    _, held_out = hold_out(faces, **bundle.card.training.config["holdout"])
    model, detector = mien.load(bundle, threads=1), mien.YuNet(threads=1)
    right = model(held_out.images).argmax(axis=1) == held_out.targets
    for ground in GROUNDS[-1:] if args.turn else GROUNDS:
        pasted = list(search(held_out, detector, ground=ground, rotation_deg=args.turn))
        rows = np.array([one.face for one in pasted])
        print(f"\n{ground}: {len(rows)} of {len(held_out)} found; not pasted: accuracy {right[rows].mean():.4f}")
        report_geometry(pasted)
        arms = {
            f"margin {margin:+.3f}{', aligned' * align}": (margin, align)
            for margin, align in ARMS
            if not (args.turn and margin)
        }
        for name, square in {"true square": None, **arms}.items():
            images = [
                crop_face(
                    one.picture, face_square(one.found, margin=square[0], align=square[1]) if square else one.true
                )
                for one in pasted
            ]
            said = model(np.array(images))
            hit = said.argmax(axis=1) == held_out.targets[rows]
            gain = 100 * (hit.astype(float) - right[rows])
            loss = -np.log(said[np.arange(len(rows)), held_out.targets[rows]]).mean()
            error = gain.std() / len(gain) ** 0.5
            print(f"  {name:24} {hit.mean():.4f} ({gain.mean():+.2f} ± {error:.2f}), log loss {loss:.3f}", flush=True)


def search(faces: FaceSet, detector: mien.YuNet, *, ground: str, rotation_deg: float) -> Iterator[Pasted]:
    """Paste each face and yield those that are found."""
    generator = np.random.default_rng(7)
    for face, image in enumerate(faces.images):
        picture, true = paste(image, generator, ground=ground, rotation_deg=rotation_deg * (-1) ** face)
        for found in detector.detect(picture):
            box = found.box_px
            shift = max(abs(box.x + box.width / 2 - true.x), abs(box.y + box.height / 2 - true.y))
            if shift < true.side / 2:
                yield Pasted(face, picture, true, found)
                break


def paste(
    image: NDArray[np.uint8], generator: np.random.Generator, *, ground: str, rotation_deg: float
) -> tuple[NDArray[np.uint8], Square]:
    """Enlarge a face and paste it at a random place: an RGB picture and the face's square."""
    side = int(generator.integers(110, 241))
    left, top = (int(generator.integers(BORDER, length - BORDER - side)) for length in (WIDTH, HEIGHT))
    face = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    if ground == "noise":
        picture = generator.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    elif ground == "grey":
        picture = np.full((HEIGHT, WIDTH), generator.integers(0, 256), np.uint8)
    else:
        wide = np.pad(face, ((top, HEIGHT - top - side), (left, WIDTH - left - side)), mode="edge")
        picture = np.array(Image.fromarray(wide).filter(ImageFilter.GaussianBlur(8)))
    picture[top : top + side, left : left + side] = face
    true = Square(left + side / 2, top + side / 2, side, rotation_deg)
    if rotation_deg:
        turned = Image.fromarray(picture).rotate(
            -rotation_deg, Image.Resampling.BICUBIC, center=true[:2], fillcolor=int(np.median(picture))
        )
        picture = np.asarray(turned)
    return np.broadcast_to(picture[:, :, None], (HEIGHT, WIDTH, 3)), true


def report_geometry(pasted: list[Pasted]) -> None:
    """Print the true square in units of the found one: medians, and how much they scatter."""
    ours = [face_square(one.found) for one in pasted]
    units = np.array([square.side for square in ours])
    scale = np.array([one.true.side for one in pasted]) / units
    right = np.array([one.true.x - square.x for one, square in zip(pasted, ours, strict=True)]) / units
    down = np.array([one.true.y - square.y for one, square in zip(pasted, ours, strict=True)]) / units
    print(
        f"  true / found: side {np.median(scale):.3f} (s.d. of its logarithm {np.log(scale).std():.3f}), "
        f"right {np.median(right):+.3f} (s.d. {right.std():.3f}), down {np.median(down):+.3f} (s.d. {down.std():.3f})"
    )


if __name__ == "__main__":
    main()
