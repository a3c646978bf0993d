"""Where labels get unsure: the limits of `mien.runtime.quality` and `LEAST_PX`, and what is found in small pictures.

    python benchmarks/quality.py fer2013.csv --votes fer2013new.csv

The faces are those of FER2013's split `train` that the bundle did not learn from (its hold-out).  They are shrunk,
darkened, brightened and blurred step by step: printed are the accuracy, the median of what the limit is set on, and the
share that gets the mark; the baseline is the first row, the faces as they are.  The limits were set where the accuracy
of a network that had learned clean faces alone is ten points lower.  Then they are enlarged to several sizes and
searched: before, a picture of up to 256 pixels without a face found was taken for one.  Last, the same with faces whose
tiles are shuffled, which are none.
"""

import argparse
import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import mien
from mien.core.images import resize
from mien.data.split import hold_out
from mien.runtime.photo import find_faces
from mien.runtime.quality import detail, flaws

SIDES = (48, 32, 24, 20, 16, 14, 12, 10, 8, 6)
TILE = 12
ENLARGED = (50, 64, 96, 128, 192, 256)
CONFIDENCES = (0.6, 0.7, 0.8, 0.85, 0.9, 1.01)


def main() -> None:
    """Print a table for each limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--votes")
    parser.add_argument("--bundle", default="mien-s-ferplus")
    parser.add_argument("--faces", type=int, default=600, help="that are enlarged and searched")
    args = parser.parse_args()
    model = mien.load(args.bundle, threads=1)
    data = mien.open_faces(args.data, votes=args.votes, labels="ferplus")
    _, held_out = hold_out(data, **model.bundle.card.training.config["holdout"])
    images, targets = held_out.images, held_out.targets
    print(f"{len(images):,} held-out faces; tiny: shrunk to that side")
    for side in SIDES:
        shrunk = np.array([resize(resized(image, side)) for image in images])
        line(model, shrunk, targets, step=side, value=side, side_px=side)
    for name, arms in degraded(images).items():
        print(name)
        for step, changed in arms:
            value = detail(changed) if name == "blurred" else changed.mean(axis=(1, 2))
            line(model, changed, targets, step=step, value=float(np.median(value)))
    search(model, images[: args.faces], targets[: args.faces])


def degraded(images: NDArray[np.uint8]) -> dict[str, Iterable[tuple[float, NDArray[np.uint8]]]]:
    """Return faces, `uint8 (N, 48, 48)`, degraded in three ways and by several steps."""
    dark = [(gain, np.rint(images * gain).astype(np.uint8)) for gain in (1, 0.5, 0.3, 0.2, 0.15, 0.1)]
    pale = [(gain, np.rint(255 - (255.0 - images) / gain).astype(np.uint8)) for gain in (1, 2, 3, 4, 5, 6)]
    blurred = []
    for radius in (0, 0.5, 0.75, 1, 1.25, 1.5, 2, 3):
        kernel = ImageFilter.GaussianBlur(radius)
        blurred.append((radius, np.array([np.asarray(Image.fromarray(image).filter(kernel)) for image in images])))
    return {"dark": dark, "pale": pale, "blurred": blurred}


def line(
    model: mien.Model,
    images: NDArray[np.uint8],
    targets: NDArray[np.int64],
    *,
    step: float,
    value: float,
    side_px: float | None = None,
) -> None:
    """Print the accuracy on degraded faces, and how many get which mark."""
    accuracy = (model(images).argmax(axis=1) == targets).mean()
    marks = flaws(images, [side_px] * len(images), [None] * len(images))
    shares = {}
    for flaw in ("dark", "pale", "blurred", "tiny"):
        shares[flaw] = sum(flaw in one for one in marks) / len(marks)
    text = ", ".join(f"{flaw} {share:.1%}" for flaw, share in shares.items())
    print(f"  {step:5g}: accuracy {accuracy:.4f}, median {value:.3f}; {text}", flush=True)


def search(model: mien.Model, images: NDArray[np.uint8], targets: NDArray[np.int64]) -> None:
    """Print what is found in enlarged faces and in shuffled ones, and the accuracy by the detector's confidence."""
    detector = mien.YuNet(threads=1)
    whole = model(images).argmax(axis=1) == targets
    confidences, rights = [], []
    generator = np.random.default_rng(0)
    print(f"enlarged: {len(images)} faces, as they are {whole.mean():.4f}")
    for side in ENLARGED:
        found = right = before = shuffled = 0
        for k, image in enumerate(images):
            faces = find_faces(coloured(resized(image, side)), detector=detector)
            if faces:
                is_right = model(faces[0].image[None]).argmax() == targets[k]
                found, right, before = found + 1, right + is_right, before + is_right
                turned = Image.fromarray(image).rotate(generator.uniform(-50, 50), Image.Resampling.BICUBIC)
                for other in find_faces(coloured(resized(np.asarray(turned), side)), detector=detector)[:1]:
                    confidences.append(other.detection.probability)
                    rights.append(model(other.image[None]).argmax() == targets[k])
            else:
                before += whole[k]
            shuffled += bool(find_faces(coloured(resized(shuffle(image, generator), side)), detector=detector))
        n = len(images)
        print(
            f"  {side} px: found {found / n:.1%}, right {right / n:.4f} (before {before / n:.4f}); shuffled: a label "
            f"for {shuffled / n:.1%} (before 100 %)",
            flush=True,
        )
    print("unsure: the faces turned by up to 50°, by the detector's confidence")
    for low, high in itertools.pairwise(CONFIDENCES):
        chosen = [right for confidence, right in zip(confidences, rights, strict=True) if low <= confidence < high]
        print(f"  {low:.2f} to {min(high, 1):.2f}: {len(chosen)} faces, accuracy {np.mean(chosen):.4f}")


def shuffle(image: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Shuffle a face's tiles, so that it is none: `uint8 (48, 48)`."""
    count = len(image) // TILE
    tiles = image.reshape(count, TILE, count, TILE).swapaxes(1, 2).reshape(-1, TILE, TILE)  # (tiles, TILE, TILE)
    mixed = generator.permutation(tiles)
    return mixed.reshape(count, count, TILE, TILE).swapaxes(1, 2).reshape(image.shape)


def resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize a grey picture to a square of `side` pixels."""
    method = Image.Resampling.BOX if side < len(image) else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((side, side), method))


def coloured(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat grey levels as red, green and blue: `uint8 (H, W, 3)`."""
    return np.repeat(image[:, :, None], 3, axis=2)


if __name__ == "__main__":
    main()
