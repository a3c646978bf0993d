"""Encoded pictures to faces, for the readers whose data are picture files."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.images import SIZE, decode, resize

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "trainset": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "testset": "test",
    "publictest": "test",
    "privatetest": "private-test",
}
"""What folders, files and columns call a split, in lower case, and what mien calls it."""

OTHER_WORDS = frozenset(("set", "split", "data", "dataset", "images", "imgs", "pictures", "faces", "folder"))
"""What else stands in the name of a split's folder."""


def words_of(name: str) -> list[str]:
    """Return the words of a folder's name in lower case.

    >>> words_of("Test_set 2")
    ['test', 'set', '2']
    """
    return re.findall(r"[^\W_]+", name.casefold())


def split_of(name: str) -> str | None:
    """Return the split that a name means, or None if it means none.

    >>> split_of("Train_set"), split_of("testing"), split_of("private-test"), split_of("happy"), split_of("data")
    ('train', 'test', 'private-test', None, None)
    """
    words = [word for word in words_of(name) if word not in OTHER_WORDS]
    if words in (["private", "test"], ["public", "test"]):
        words = ["".join(words)]
    return SPLIT_WORDS.get(words[0]) if len(words) == 1 else None


class Reading(NamedTuple):
    """How data are read.

    Attributes:
        skip_bad: leave out pictures and folders that can't be read, with a warning each; else the first one raises.
        classes: the names of the classes 0, 1, … where the data only number them.
    """

    skip_bad: bool = False
    classes: tuple[str, ...] | None = None


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
                raise DataError(f"{error} (--skip-bad leaves such files out)") from None
            log.warning("left out: %s", error)
            good.append(False)
        else:
            good.append(True)
    return np.array(faces, np.uint8).reshape(-1, SIZE, SIZE), np.array(good, np.bool_)
