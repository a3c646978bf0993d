"""What finding the face again costs: FER2013's crops as they are, and enlarged to 192 pixels and given to the detector.

    python benchmarks/enlarged.py fer2013.csv --votes fer2013new.csv

The baseline is the same bundle on the crops as they are; the difference has its standard error.  Faces that are not
found again are taken as a whole, as `mien predict --crops` does.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mien

SIDE = 192


def main() -> None:
    """Print a line for each bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--votes", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--bundles", nargs="+", default=["mien-n", "mien-s-ferplus"])
    args = parser.parse_args()
    for name in args.bundles:
        model, detector = mien.load(name, threads=1), mien.YuNet(threads=1)
        labels = model.bundle.card.training.data.labels
        faces = mien.open_faces(args.data, votes=args.votes, labels=labels).split(args.split)
        targets = np.array([model.classes.index(faces.classes[target]) for target in faces.targets])
        found = []
        for each in enlarged(faces.images):
            again = mien.find_faces(each, detector=detector) or mien.find_faces(each, detector=detector, crops=True)
            found.append(again[0])
        before = model(faces.images).argmax(axis=1) == targets
        after = model(np.array([each.image for each in found])).argmax(axis=1) == targets
        gain = 100 * (after.astype(float) - before)
        share = np.mean([each.square is not None for each in found])
        print(
            f"{name}: {len(faces):,} faces, accuracy {before.mean():.4f}; {share:.1%} found again, {after.mean():.4f} ",
            end="",
        )
        print(f"({gain.mean():+.2f} ± {gain.std() / len(gain) ** 0.5:.2f} points)", flush=True)


def enlarged(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield each face as an RGB picture of `SIDE` pixels."""
    for image in images:
        yield np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB"))


if __name__ == "__main__":
    main()
