"""Which parts of a face speak for its class: occlusion, from probabilities alone.  Axes: `N` faces, `C` classes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE, require_faces

WINDOW_PX, STRIDE_PX = 8, 4
"""The square that is blanked, and its step; `mien.explanation.attribution` uses the same."""

SMALLEST = 1e-12
"""Smaller probabilities count as this, so that one rounded to 0 is no infinite evidence."""

Classify = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps faces `uint8 (N, 48, 48)` to probabilities `float32 (N, C)`."""


def occlude(
    model: Classify, images: NDArray[np.uint8], *, classes: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Map which parts of each face speak for its class (Zeiler & Fergus 2014, arXiv 1311.2901).

    A square of 8×8 pixels, moved in steps of 4, is blanked with the face's own mean grey.  A pixel's value is the mean,
    over the squares that cover it, of how far the class's centred logit drops.

    `mien.explanation.attribution` maps how far the logit itself drops, which probabilities can't tell: they stay the
    same when all logits move together.  What they can tell, even where p stays near 1, is the logit minus the mean of
    all logits, and trained networks move that mean little: the two maps of a face agree (`docs/photos.md`).  Log p and
    log-odds, which also drop where a rival class gains, agree less.

    Args:
        model: gives faces' probabilities; it is called once per face, with 122 pictures.
        images: `uint8 (N, 48, 48)`.
        classes: `int64 (N,)`, 0 to C - 1: what to explain; None takes the most probable class of each face.

    Returns:
        `float32 (N, 48, 48)`, in logits after the model's temperature; above 0 speaks for the class.

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
        probabilities = model(np.concatenate([image[None], blanked(image)]))  # (122, C), the whole face first
        explained = probabilities[0].argmax()
        if classes is not None:
            explained = classes[i]
        logits = centred_logits(probabilities)[:, explained]
        drops = logits[0] - logits[1:]  # (121,), one per square
        maps[i] = np.tensordot(drops, _WINDOWS, 1) / _WINDOWS.sum(axis=0)  # (48, 48)
    return maps


def blanked(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a face `uint8 (48, 48)` with one square after the other blanked, `uint8 (121, 48, 48)`.

    The mean grey is rounded to a whole level, since models take `uint8`.
    """
    return np.where(_WINDOWS, np.rint(image.mean()).astype(np.uint8), image)


def centred_logits(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logits behind probabilities `(n, C)`, minus their mean over the classes: `float64 (n, C)`.

    These are the centred log-ratios of Aitchison 1982 (<https://doi.org/10.1111/j.2517-6161.1982.tb01195.x>).

    >>> logits = np.array([[2.0, -3.0, 1.0]])
    >>> centred_logits(np.exp(logits) / np.exp(logits).sum()).round(6).tolist()
    [[2.0, -3.0, 1.0]]
    """
    logs = np.log(probabilities.astype(np.float64).clip(SMALLEST))
    centred: NDArray[np.float64] = logs - logs.mean(axis=1, keepdims=True)
    return centred


def _squares() -> NDArray[np.bool_]:
    starts = np.arange(0, SIZE - WINDOW_PX + 1, STRIDE_PX)
    pixels = np.arange(SIZE)
    on = (pixels >= starts[:, None]) & (pixels < starts[:, None] + WINDOW_PX)
    # (11, 48) rows and columns -> (11, 11, 48, 48) squares -> (121, 48, 48)
    return (on[:, None, :, None] & on[None, :, None, :]).reshape(-1, SIZE, SIZE)


_WINDOWS = _squares()
"""Which pixels each square covers, `(121, 48, 48)`."""
