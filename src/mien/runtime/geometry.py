"""Rectangles and squares in a picture, and how much they overlap.  Axes: `K` boxes.

Pixel coordinates run right and down from the picture's top left corner, so the first pixel's centre is (0.5, 0.5).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """A rectangle in pixels: the top left corner, width and height."""

    x: float
    y: float
    width: float
    height: float


class Square(NamedTuple):
    """A square in a picture, in pixels: its centre, its side, and by how many degrees it is turned clockwise."""

    x: float
    y: float
    side: float
    rotation_deg: float = 0.0


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1.

    >>> iou(Box(0, 0, 2, 2), Box(1, 0, 2, 2)) == 1 / 3
    True
    """
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.width * a.height + b.width * b.height - shared)


def nms(boxes: NDArray[np.float64], probabilities: NDArray[np.float64], *, max_iou: float) -> NDArray[np.int64]:
    """Of boxes that overlap keep the most probable (greedy non-maximum suppression).

    Args:
        boxes: `(K, 4)` as x, y, width, height.
        probabilities: `(K,)`.
        max_iou: the largest intersection over union at which both stay.

    Returns:
        The indices of the boxes that stay, `int64`, the most probable first.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 5, 5]], float)
    >>> nms(boxes, np.array([0.8, 0.9, 0.7]), max_iou=0.3).tolist()
    [1, 2]
    """
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    area = boxes[:, 2:].prod(axis=1)
    left = np.argsort(-probabilities, kind="stable")
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        # The rectangles' shared width and height (K, 2), below 0 where they don't meet; their product is the area.
        sides = np.minimum(end[left], end[best]) - np.maximum(start[left], start[best])
        shared = sides.clip(0).prod(axis=1)
        left = left[shared <= max_iou * (area[left] + area[best] - shared)]
    return np.array(kept, np.int64)
