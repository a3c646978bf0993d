"""Encoded pictures to faces, for the readers whose data are picture files."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


FindFace = Callable[[Path | bytes, str], NDArray[np.uint8] | None]
"""Takes a picture file's path or bytes, and its name for errors; returns the face, `uint8 (48, 48)`, or None."""


class Reading(NamedTuple):
    """How data are read.

    Attributes:
        skip_bad: leave out pictures and folders that can't be read, with a warning each; else the first one raises.
        classes: the names of the classes 0, 1, … where the data only number them.
        find_face: cuts the face out of a picture file; None takes the whole picture.
    """

    skip_bad: bool = False
    classes: tuple[str, ...] | None = None
    find_face: FindFace | None = None


LARGE_PX = 2 * SIZE
LARGE = (
    f"pictures larger than {LARGE_PX}×{LARGE_PX} pixels are shrunk to {SIZE}×{SIZE} as a whole, faces in them are not "
    "looked for; if they are photographs, cut the faces out: --detect (detect=True)"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decoded:
    """The faces of N pictures.

    Attributes:
        images: the M faces that could be read, `uint8 (M, 48, 48)`.
        good: which of the N they are, `bool (N,)`.
        not_found: the names of the pictures in which no face was found.
        notes: what a person should know about them.
    """

    images: NDArray[np.uint8]
    good: NDArray[np.bool_]
    not_found: tuple[str, ...]
    notes: tuple[str, ...]


def decode_faces(pictures: Iterable[tuple[str, Path | bytes]], reading: Reading) -> Decoded:
    """Decode N pictures, and resize them or cut out the faces.

    Args:
        pictures: what to call each in an error, and its path or bytes.
        reading: how.

    Raises:
        DataError: a picture can't be read, and `skip_bad` is False.
    """
    faces, good, not_found = [], [], []
    notes: tuple[str, ...] = ()
    for name, source in pictures:  # a thread pool was measured: at 48 pixels it costs more than it saves
        try:
            if reading.find_face is not None:
                face = reading.find_face(source, name)
            else:
                levels = decode(source, name=name)
                face = resize(levels)
                if max(levels.shape) > LARGE_PX:
                    notes = (LARGE,)
        except DataError as error:
            if not reading.skip_bad:
                raise DataError(f"{error} (--skip-bad leaves such files out)") from None
            log.warning("left out: %s", error)
            good.append(False)
            continue
        good.append(face is not None)
        if face is None:
            log.warning("left out: %s: no face found", name)
            not_found.append(name)
        else:
            faces.append(face)
    images = np.array(faces, np.uint8).reshape(-1, SIZE, SIZE)
    return Decoded(images, np.array(good, np.bool_), tuple(not_found), notes)
