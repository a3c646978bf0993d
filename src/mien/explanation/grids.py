"""Many small grey pictures in one PNG."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP_PX, SCALE = 2, 2
PAPER = 255


def sheet(pictures: NDArray[np.uint8], *, columns: int) -> bytes:
    """Arrange pictures `uint8 (N, H, W)` row by row, enlarged twofold: the content of a PNG file."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    page = np.full((rows * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX), PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        top = GAP_PX + number // columns * (height + GAP_PX)
        left = GAP_PX + number % columns * (width + GAP_PX)
        page[top : top + height, left : left + width] = picture
    buffer = io.BytesIO()
    large = (page.shape[1] * SCALE, page.shape[0] * SCALE)
    Image.fromarray(page).resize(large, Image.Resampling.NEAREST).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def side_by_side(columns: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Interleave arrays `(N, H, W)`: first of each, second of each and so on: `uint8 (N · len(columns), H, W)`."""
    return np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
