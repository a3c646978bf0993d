"""From a face that was found to the 48×48 grey face that a network takes.  Axes: `H`, `W` the picture."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.images import grey, resize
from mien.runtime.detect import Detection


class Square(NamedTuple):
    """A square in a picture, in pixels: its centre, its side, and by how many degrees it is turned clockwise."""

    x: float
    y: float
    side: float
    rotation_deg: float = 0.0


def frame(detection: Detection, *, margin: float = 0.0, align: bool = True) -> Square:
    """Frame a face as FER2013's faces are framed: a square of the box's centre and area.

    That square of YuNet's box was measured to be FER2013's framing, and aligning to cost nothing on upright faces and
    to gain on leaning ones; `docs/photos.md` has the figures.

    Args:
        detection: what a detector found.
        margin: the part of the square's side that is added on each side; a bundle's card has it as `crop_margin`.
        align: turn the square so that the line between the eyes is level in it.

    >>> from mien.runtime.detect import Box
    >>> face = Detection(Box(10, 20, 40, 90), 0.9, np.array([[20, 40], [40, 60], [30, 50], [20, 70], [30, 80]], float))
    >>> frame(face, margin=0.25)
    Square(x=30.0, y=65.0, side=90.0, rotation_deg=45.0)
    """
    x, y, width, height = detection.box_px
    rotation_deg = 0.0
    if align:
        across, down = detection.landmarks_px[1] - detection.landmarks_px[0]
        rotation_deg = math.degrees(math.atan2(down, across))
    side = math.sqrt(width * height) * (1 + 2 * margin)
    return Square(x + width / 2, y + height / 2, side, rotation_deg)


def cut(picture: NDArray[np.uint8], square: Square) -> NDArray[np.uint8]:
    """Cut a square out of an RGB picture `uint8 (H, W, 3)` as a grey face, `uint8 (48, 48)`.

    The square is rounded to whole pixels unless it is turned; then it is sampled at the picture's own resolution,
    bicubic.  Where it reaches over the picture's border, the border's pixels are repeated, as augmentation does in
    training: black would be an edge that no face has.
    """
    side = max(1, round(square.side))
    if not square.rotation_deg:
        return resize(grey(_window(picture, round(square.x - side / 2), round(square.y - side / 2), side)))
    reach = math.ceil(side * math.sqrt(2)) + 4  # what the turned square covers, and the bicubic filter's neighbours
    left, top = math.floor(square.x - reach / 2), math.floor(square.y - reach / 2)
    turn = math.radians(square.rotation_deg)
    c, s = math.cos(turn), math.sin(turn)
    x, y = square.x - left - (c - s) * side / 2, square.y - top - (s + c) * side / 2  # the square's first corner
    levels = grey(_window(picture, left, top, reach)).astype(np.float32)  # Pillow cuts off fractions of uint8
    window = Image.fromarray(levels)
    turned = window.transform((side, side), Image.Transform.AFFINE, (c, -s, x, s, c, y), Image.Resampling.BICUBIC)
    return resize(np.rint(np.asarray(turned)).clip(0, 255).astype(np.uint8))


def _window(picture: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """Take a square of whole pixels; outside the picture its border is repeated."""
    rows = np.arange(top, top + side).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + side).clip(0, picture.shape[1] - 1)
    window: NDArray[np.uint8] = picture[np.ix_(rows, columns)]
    return window
