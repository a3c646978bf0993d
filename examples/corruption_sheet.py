"""Draw a sheet of one face with every corruption at every severity: `python examples/corruption_sheet.py`."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import mien
from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.images import SIZE

PHOTO = Path(__file__).parents[1] / "docs/img/astronaut.jpg"
ZOOM = 2
"""How much a face is enlarged."""
STEP = SIZE * ZOOM + 4
"""Pixels from one face to the next."""
LEFT, TOP, GAP = 130, 30, 30
"""Pixels beside the rows, above them, and between the two halves of the sheet."""


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--out", type=Path, default=Path("docs/img/corruptions.png"))
    options = parser.parse_args()
    found = mien.find_faces(options.photo, detector=mien.YuNet())
    draw_sheet(found[0].image).save(options.out, optimize=True)


def draw_sheet(face: NDArray[np.uint8]) -> Image.Image:
    """Return the sheet of a face `uint8 (48, 48)`: a row per corruption, in two halves side by side."""
    size = (SIZE * ZOOM, SIZE * ZOOM)
    half = (len(CORRUPTIONS) + 1) // 2
    width = LEFT + len(SEVERITIES) * STEP
    sheet = Image.new("L", (2 * width + GAP, TOP + half * STEP), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (name, one) in enumerate(CORRUPTIONS.items()):
        left, top = (place // half) * (width + GAP), TOP + (place % half) * STEP
        pen.text((left + 4, top + STEP // 2), one.title, fill=0, font=font, anchor="lm")
        for column, severity in enumerate(SEVERITIES):
            spoiled = Image.fromarray(corrupt(face[None], name, severity)[0])
            sheet.paste(spoiled.resize(size, Image.Resampling.NEAREST), (left + LEFT + column * STEP, top))
            middle = left + LEFT + column * STEP + STEP // 2
            pen.text((middle, 8), str(severity), fill=0, font=font, anchor="ma")
    return sheet.quantize(64)


if __name__ == "__main__":
    main()
