"""How attribution is distributed over the parts of the face, by a template of the mean face.

Axes: `N` faces, `R` regions, `H = W = 48`.

The boxes were read off the mean of FER2013's 28,709 training faces, where brows, eyes, nose and mouth stand out
clearly.  Single faces lie a few pixels beside it, so the boxes are generous.  A face that is turned or cropped
differently does not fit.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from mien.core.images import SIZE

BOXES: Mapping[str, tuple[tuple[int, int, int, int], ...]] = {
    "brows": ((9, 15, 8, 22), (9, 15, 26, 40)),
    "eyes": ((15, 22, 8, 21), (15, 22, 27, 40)),
    "nose": ((15, 25, 21, 27), (25, 32, 17, 31)),
    "mouth": ((32, 43, 13, 35),),
}
"""Region → boxes of first row, last row + 1, first column, last column + 1; they do not overlap."""

FACE = (24.0, 24.0, 25.0, 18.0)
"""The ellipse of the face: centre row and column, half its height and half its width, in pixels."""

FEATURES = tuple(BOXES)
"""The parts that carry most of an expression."""

REGIONS = (*FEATURES, "rest of the face", "outside")


def template() -> NDArray[np.bool_]:
    """Return `bool (R, 48, 48)`: the pixels of each of `REGIONS`; every pixel belongs to exactly one.

    >>> template().sum(axis=0).min(), template().sum(axis=0).max()
    (np.int64(1), np.int64(1))
    """
    masks = np.zeros((len(REGIONS), SIZE, SIZE), np.bool_)
    for mask, boxes in zip(masks, BOXES.values(), strict=False):
        for top, bottom, left, right in boxes:
            mask[top:bottom, left:right] = True
    rows, columns = np.indices((SIZE, SIZE)) + 0.5
    centre_y, centre_x, high, wide = FACE
    face = ((rows - centre_y) / high) ** 2 + ((columns - centre_x) / wide) ** 2 < 1
    features = masks.any(axis=0)
    masks[-2], masks[-1] = face & ~features, ~face & ~features
    return masks


def feature_mask() -> NDArray[np.bool_]:
    """Return `bool (48, 48)`: the pixels of all `FEATURES`."""
    return np.asarray(template()[: len(FEATURES)].any(axis=0))


def attribution_shares(maps: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of each map's positive attribution that lies inside each mask.

    Args:
        maps: `float32 (N, 48, 48)`.
        masks: `bool (R, 48, 48)`, or `bool (N, R, 48, 48)` with different masks for each face.

    Returns:
        `float64 (N, R)`, 0 to 1; NaN for a map without a positive value.
    """
    positive = np.clip(maps, 0, None).astype(np.float64)
    inside = (positive[:, None] * masks).sum(axis=(2, 3))
    total = positive.sum(axis=(1, 2))[:, None]
    return np.asarray(np.divide(inside, total, out=np.full(inside.shape, np.nan), where=total > 0))


def edge_maps(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how steep the grey levels of each face `uint8 (N, 48, 48)` are, by Sobel: `float32 (N, 48, 48)`."""
    faces = images.astype(np.float32)
    # Not scipy's `sobel`: it would blur over the faces too.
    down = correlate1d(correlate1d(faces, [-1, 0, 1], axis=1), [1, 2, 1], axis=2)
    across = correlate1d(correlate1d(faces, [-1, 0, 1], axis=2), [1, 2, 1], axis=1)
    steep: NDArray[np.float32] = np.hypot(down, across)
    return steep


def gaussian_shares(maps: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share that a Gaussian in the middle of the picture, as spread out as each map, has inside a mask.

    The spread is the mean squared distance from the middle, by positive attribution.  A map that is spread out more
    than a constant one counts as constant.

    Args:
        maps: `float32 (N, 48, 48)`.
        mask: `bool (48, 48)`.

    Returns:
        `float64 (N,)`, 0 to 1; NaN for a map without a positive value.
    """
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    squares = rows**2 + columns**2
    sds = np.geomspace(0.5, 500, 400)
    gaussians = np.exp(-squares / (2 * sds[:, None, None] ** 2))  # (S, H, W)
    gaussians /= gaussians.sum(axis=(1, 2), keepdims=True)
    spreads = (gaussians * squares).sum(axis=(1, 2))
    inside = (gaussians * mask).sum(axis=(1, 2))
    positive = np.clip(maps, 0, None).astype(np.float64)
    total = positive.sum(axis=(1, 2))
    own = np.divide((positive * squares).sum(axis=(1, 2)), total, out=np.full(len(maps), np.nan), where=total > 0)
    return np.asarray(np.interp(own, spreads, inside))
