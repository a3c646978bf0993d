"""Which faces are unlike those that networks learn from, so that their labels are less sure.  Axes: `N` faces.

Each limit was set where a network that had learned clean faces alone lost about ten points of accuracy on held-out
FER2013 training faces, degraded step by step.  `docs/photos.md` has the figures, also for a network of today, and
`benchmarks/quality.py` prints them.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Flaw = Literal["dark", "pale", "blurred", "tiny", "unsure"]

DARK, PALE = 26.0, 226.0
"""A face whose mean grey level is lower is dark, and one whose mean is higher is pale: overexposed, or in a haze."""

BLURRED = 0.04
"""A face whose `detail` is lower is blurred."""

TINY_PX = 20.0
"""A face whose square in the picture has a side of at most this, in pixels, is tiny."""

UNSURE = 0.8
"""If the detector is less confident, it is unsure whether this is a face that can be classified."""


def flaws(
    images: NDArray[np.uint8], sides_px: Sequence[float | None], confidences: Sequence[float | None]
) -> list[tuple[Flaw, ...]]:
    """Say of each face what makes its label less sure.

    Args:
        images: what the network sees, grey, `uint8 (N, 48, 48)`.
        sides_px: the side that each face has in its picture, in pixels; None in a table of faces.
        confidences: the detector's confidence, 0 to 1; None where the whole picture is the face.

    >>> flaws(np.zeros((1, 48, 48), np.uint8), [20.0], [None])
    [('dark', 'tiny')]
    """
    found: list[tuple[Flaw, ...]] = []
    brightness = images.mean(axis=(1, 2))  # (N,)
    details = detail(images)  # (N,)
    for k in range(len(images)):
        one: list[Flaw] = []
        side_px, confidence = sides_px[k], confidences[k]
        if brightness[k] < DARK:
            one.append("dark")
        if brightness[k] > PALE:
            one.append("pale")
        if details[k] < BLURRED:
            one.append("blurred")
        if side_px is not None and side_px <= TINY_PX:
            one.append("tiny")
        if confidence is not None and confidence < UNSURE:
            one.append("unsure")
        found.append(tuple(one))
    return found


def detail(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the fine detail of faces `uint8 (N, 48, 48)`: `float64 (N,)`, whatever their contrast; inf of a plain one.

    The variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy") falls with
    contrast as well as with sharpness; divided by the variance of the grey levels it tells sharpness alone.
    """
    levels = images.astype(np.float32)  # (N, H, W)
    middle = levels[:, 1:-1, 1:-1]
    beside = levels[:, 1:-1, :-2] + levels[:, 1:-1, 2:]
    above = levels[:, :-2, 1:-1] + levels[:, 2:, 1:-1]
    laplacian = beside + above - 4 * middle
    contrast = levels.var(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = laplacian.var(axis=(1, 2)) / contrast
    return np.where(contrast > 0, share, np.inf).astype(np.float64)
