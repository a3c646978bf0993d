"""Where a face says what the model says: occlusion, from probabilities alone.  Axes: `N` faces, `C` classes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.core.pixels import SIZE, require_faces

WINDOW_PX, STRIDE_PX = 8, 4
"""The square that is blanked, and its step; `mien.explanation.attribution` has them from here."""

SMALLEST = 1e-9
"""Smaller probabilities count as this, so that one rounded to 0 is no infinite evidence."""

Model = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps faces `uint8 (N, 48, 48)` to probabilities `float32 (N, C)`."""


def occlude(
    model: Model, images: NDArray[np.uint8], *, classes: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Map which parts of each face speak for its class (Zeiler & Fergus 2014, arXiv 1311.2901).

    A square of 8×8 pixels, moved in steps of 4, is blanked with the face's own mean grey.  A pixel's value is the mean,
    over the squares on it, of how far the log-odds of the class fall.

    `mien.explanation.attribution` has the fall of the class's logit, which probabilities don't tell: they stay the same
    when all logits move together.  Log-odds, log(p / (1 - p)), are the nearest that they tell: they fall as the logit
    does while the other logits stay, even where p stays near 1, and they fall too where another class gains.

    Args:
        model: gives faces' probabilities; it is called once a face, with 122 pictures.
        images: `uint8 (N, 48, 48)`.
        classes: `int64 (N,)`, 0 to C - 1: what to explain; None takes the most probable class of each face.

    Returns:
        `float32 (N, 48, 48)`, in log-odds, which scale with the model's temperature; above 0 speaks for the class.

    Raises:
        DataError: faces of another dtype or shape.

    >>> def model(faces):  # the brighter the picture's centre, the more probable is the first class
    ...     p = faces[:, 20:28, 20:28].mean(axis=(1, 2)) / 255
    ...     return np.stack([p, 1 - p], axis=1)
    >>> face = np.full((1, 48, 48), 50, np.uint8)
    >>> face[:, 20:28, 20:28] = 200
    >>> found = occlude(model, face)
    >>> bool(found[0, 20:28, 20:28].min() > 0), bool(found[0, :16].any())
    (True, False)
    """
    require_faces(images, what="faces")
    maps = np.empty(images.shape, np.float32)
    for i, image in enumerate(images):
        said = model(np.concatenate([image[None], blanked(image)]))
        odds = log_odds(said, said[0].argmax() if classes is None else classes[i])
        maps[i] = np.tensordot(odds[0] - odds[1:], _WINDOWS, 1) / _WINDOWS.sum(axis=0)
    return maps


def blanked(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a face `uint8 (48, 48)` with one square after the other blanked, `uint8 (121, 48, 48)`.

    The mean grey is rounded to a whole level, for a model takes no other.
    """
    return np.where(_WINDOWS, np.rint(image.mean()).astype(np.uint8), image)


def log_odds(probabilities: NDArray[np.float32], which: int) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of one class in `(n, C)`: `float64 (n,)`.

    1 - p is summed from the other classes' probabilities: where p is nearly 1, its own last digits have lost it.

    >>> log_odds(np.array([[0.75, 0.25], [1, 1e-4]], np.float32), 0).round(4).tolist()
    [1.0986, 9.2103]
    """
    p = probabilities.astype(np.float64)
    others = np.delete(p, which, axis=1).sum(axis=1)
    odds: NDArray[np.float64] = np.log(p[:, which].clip(SMALLEST) / others.clip(SMALLEST))
    return odds


def _squares() -> NDArray[np.bool_]:
    starts = np.arange(0, SIZE - WINDOW_PX + 1, STRIDE_PX)
    pixels = np.arange(SIZE)
    on = (pixels >= starts[:, None]) & (pixels < starts[:, None] + WINDOW_PX)
    return (on[:, None, :, None] & on[None, :, None, :]).reshape(-1, SIZE, SIZE)


_WINDOWS = _squares()
"""Which pixels each square covers, `(121, 48, 48)`."""
