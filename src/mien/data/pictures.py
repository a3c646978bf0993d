"""Encoded pictures to faces, for the readers whose data are picture files."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.images import SIZE, decode, resize

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "private-test": "private-test",
}
"""What folders and files call a split, in lower case, and what mien calls it."""

log = logging.getLogger(__name__)


def decode_faces(
    pictures: Iterable[tuple[str, Path | bytes]], *, skip_bad: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Decode and resize N pictures.

    Args:
        pictures: what to call each in an error, and its path or bytes.
        skip_bad: leave out each one that can't be read, with a warning that names it; else the first one raises.

    Returns:
        The M faces that could be read, `uint8 (M, 48, 48)`, and which of the N they are, `bool (N,)`.

    Raises:
        DataError: a picture can't be read, and `skip_bad` is False.
    """
    faces, good = [], []
    for name, source in pictures:  # a thread pool was measured: at 48 pixels it costs more than it saves
        try:
            faces.append(resize(decode(source, name=name)))
        except DataError as error:
            if not skip_bad:
                raise
            log.warning("left out: %s", error)
            good.append(False)
        else:
            good.append(True)
    return np.array(faces, np.uint8).reshape(-1, SIZE, SIZE), np.array(good, np.bool_)
