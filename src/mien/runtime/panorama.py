"""Searching long pictures: a detector that sees a fixed number of pixels would see little of a panorama."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mien.runtime.detect import Box, Detection, Detector, suppress

LONG = 2.0
"""A picture with a larger ratio of sides is also searched in squares."""

MOST_PIECES = 100
"""Pieces of a still longer picture are no squares but longer, so that a strip of a few pixels takes no minutes."""

MAX_OVERLAP = 0.3
"""Of two faces with a larger intersection over union, found in two squares, the less sure one is dropped."""


def search(picture: NDArray[np.uint8], detector: Detector) -> list[Detection]:
    """Find the faces of an RGB picture, `uint8 (H, W, 3)`, whatever its shape, the surest first.

    A picture more than twice as long as wide is searched as a whole, and once more in squares of its shorter side, each
    half over the one before.  A box that crosses an edge between squares is left to the square that has all of it.
    """
    found = detector.detect(picture)
    height, width = picture.shape[:2]
    if max(height, width) <= LONG * min(height, width):
        return found
    for piece in _pieces(height, width):
        left, top, right, bottom = piece
        seen = detector.detect(np.ascontiguousarray(picture[top:bottom, left:right]))
        found += [each for each in (_moved(one, left, top) for one in seen) if _is_whole(each, piece, picture)]
    if not found:
        return []
    boxes, probabilities = np.array([each.box_px for each in found]), np.array([each.probability for each in found])
    return [found[i] for i in suppress(boxes, probabilities, max_overlap=MAX_OVERLAP)]


def _pieces(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, right and bottom of pieces that cover a picture, the last one flush with its end."""
    longer = max(height, width)
    side = max(min(height, width), 2 * longer // MOST_PIECES)
    for start in [*range(0, longer - side, max(1, side // 2)), longer - side]:
        yield (start, 0, start + side, height) if width > height else (0, start, width, start + side)


def _moved(found: Detection, left: int, top: int) -> Detection:
    x, y, width, height = found.box_px
    return Detection(
        Box(x + left, y + top, width, height), found.probability, found.landmarks_px + np.array([left, top])
    )


def _is_whole(found: Detection, piece: tuple[int, int, int, int], picture: NDArray[np.uint8]) -> bool:
    """Whether a box does not cross an edge of its piece that lies inside the picture."""
    height, width = picture.shape[:2]
    left, top, right, bottom = piece
    x, y, wide, high = found.box_px
    ends = ((x, x + wide, left, right, width), (y, y + high, top, bottom, height))
    return all((low >= start or start == 0) and (high <= stop or stop >= end) for low, high, start, stop, end in ends)
