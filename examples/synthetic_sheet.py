"""Draw a sheet of synthetic faces, and what carries their expression: `python examples/synthetic_sheet.py`."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.core.images import SIZE
from mien.synthetic.faces import draw_faces

TITLE = "Synthetic faces: drawn by mien.synthetic.faces, not photographed"
ZOOM = 3
"""How much a face is enlarged."""
FACES, MASKS = 8, 3
"""Columns of faces; columns that repeat the first of them, pale where nothing carries the expression."""
LEFT, TOP, GAP = 84, 40, 16
"""Pixels beside the rows, above them, and between the faces and the masks."""
STEP = 8
"""Grey levels that are kept are this far apart, which makes the file smaller."""


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/img/synthetic.png"))
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(options.seed).save(options.out, optimize=True)


def draw_sheet(seed: int) -> Image.Image:
    """Return the sheet: a row a class, in grey."""
    faces, masks = draw_faces(FACES * 7, seed=seed)
    tile, columns = SIZE * ZOOM, FACES + MASKS
    sheet = Image.new("L", (LEFT + columns * tile + GAP, TOP + len(faces.classes) * tile), 255)
    pen = ImageDraw.Draw(sheet)
    pen.text((8, 10), f"{TITLE} (seed {seed})", fill=0, font=ImageFont.load_default(18))
    pen.text((LEFT + FACES * tile + GAP, 12), "what carries the expression", fill=0, font=ImageFont.load_default(15))
    for label, name in enumerate(faces.classes):
        top = TOP + label * tile
        pen.text((8, top + tile // 2 - 8), name, fill=0, font=ImageFont.load_default(16))
        rows = np.flatnonzero(faces.targets == label)
        for column, row in enumerate(rows):
            sheet.paste(_enlarge(faces.images[row]), (LEFT + column * tile, top))
        for column, row in enumerate(rows[:MASKS], start=FACES):
            shown = np.where(masks[row], faces.images[row], 190 + faces.images[row] // 4)
            sheet.paste(_enlarge(shown), (LEFT + column * tile + GAP, top))
    return sheet.point([min(255, round(level / STEP) * STEP) for level in range(256)]).quantize(256 // STEP + 1)


def _enlarge(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image).resize((SIZE * ZOOM, SIZE * ZOOM), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
