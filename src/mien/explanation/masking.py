"""Masked faces: the pixels that matter least by an attribution map are blanked."""

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError


def mask_least_salient(images: NDArray[np.uint8], maps: NDArray[np.float32], *, share: float) -> NDArray[np.uint8]:
    """Replace each face's least salient pixels by the face's mean grey level, as the reference report does.

    Args:
        images: `uint8 (N, 48, 48)`.
        maps: `float32 (N, 48, 48)`; a larger value means more salient.
        share: which share of the pixels is replaced, 0 to 1.

    Returns:
        `uint8 (N, 48, 48)`.

    Raises:
        UsageError: `share` is outside 0 to 1.

    >>> face = np.array([[[10, 20], [30, 100]]], np.uint8)
    >>> mask_least_salient(face, np.array([[[4, 3], [2, 1]]], np.float32), share=0.5).tolist()
    [[[10, 20], [40, 40]]]
    """
    if not 0 <= share <= 1:
        raise UsageError(f"a share of {share} of the pixels, expected 0 to 1")
    flat = images.reshape(len(images), images.shape[1] * images.shape[2])
    order = maps.reshape(flat.shape).argsort(axis=1, kind="stable")
    least = order[:, : round(share * flat.shape[1])]
    means = np.rint(flat.mean(axis=1, keepdims=True)).astype(np.uint8)
    masked = flat.copy()
    np.put_along_axis(masked, least, means, axis=1)
    return masked.reshape(images.shape)
