"""Plain greys, stripes, checks and blobs: what a picture that is said to excite a filter has to beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE

GREYS = (*range(0, 256, 32), 255)
WIDTHS_PX = (1, 2, 3, 4, 6, 8, 12)
"""Widths of a stripe and of a square of a checkerboard; the pattern repeats after twice as much."""
ANGLES_DEG = (0, 45, 90, 135)
PHASES = (0.0, 0.25, 0.5, 0.75)
"""Where a pattern begins, as a share of its period; half a period later black and white have changed places."""
BLOB_SDS_PX = (2, 4, 8, 16)


@dataclass(frozen=True, eq=False)
class SimplePictures:
    """The bank.

    Attributes:
        images: `uint8 (B, 48, 48)`.
        names: `str (B,)`, such as `stripes 4 px, 45°`; the angle is the one across the stripes.
    """

    images: NDArray[np.uint8]
    names: NDArray[np.str_]


def simple_pictures() -> SimplePictures:
    """Draw the bank: the same pictures every time, each once.

    >>> bank = simple_pictures()
    >>> len(bank.images) == len(np.unique(bank.images, axis=0))
    True
    """
    rows, columns = np.indices((SIZE, SIZE)) + 0.5  # the middles of the pixels
    pictures: dict[bytes, tuple[NDArray[np.uint8], str]] = {}

    def add(values: NDArray[np.floating], name: str) -> None:
        picture = np.rint(values).astype(np.uint8)
        pictures.setdefault(picture.tobytes(), (picture, name))

    for grey in GREYS:
        add(np.full((SIZE, SIZE), float(grey)), f"grey {grey}")
    for width in WIDTHS_PX:
        for phase in PHASES:
            shift = 2 * width * phase
            for angle in ANGLES_DEG:
                across = columns * np.cos(np.deg2rad(angle)) + rows * np.sin(np.deg2rad(angle))
                add(_bars(across + shift, width), f"stripes {width} px, {angle}°")
            squares = _bars(rows + shift, width) == _bars(columns, width)
            add(255.0 * squares, f"checks {width} px")
    for sd in BLOB_SDS_PX:
        distance = (rows - SIZE / 2) ** 2 + (columns - SIZE / 2) ** 2
        light = 255 * np.exp(-distance / (2 * sd**2))
        add(light, f"light blob {sd} px")
        add(255 - light, f"dark blob {sd} px")
    images, names = zip(*pictures.values(), strict=True)
    return SimplePictures(np.stack(images), np.array(names))


def _bars(position: NDArray[np.floating], width: int) -> NDArray[np.float64]:
    """Return 255 on every other bar and 0 between, along a position in pixels."""
    return np.where(np.floor(position / width) % 2 == 0, 255.0, 0.0)
