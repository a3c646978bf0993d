"""Published data sets are known face by face, in any order and beside any others.  Axes: `N` faces, `K` known faces."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.core.arrays import read_arrays
from mien.core.known import KnownFaces
from mien.core.labels import FER2013, FERPLUS

PUBLIC_TEST = Path(__file__).with_name("fer2013_public_test.npz")
"""FER2013's PublicTest without its pixels; `dev/known_faces.py` makes it."""

TRAINING = Path(__file__).with_name("fer2013_training.npz")
"""Which faces FER2013's Training has, by the lower halves of their digests; made likewise."""

LEAST = 0.99
"""The share of a split's faces from which on it is known: copies of a data set differ in a few faces."""


@dataclass(frozen=True, eq=False)
class KnownSplit:
    """A split of FER2013, without its pixels.

    Attributes:
        digests: `uint64 (K,)`, as `FaceSet.digests`.
        targets: `int64 (K,)`, an index into `FER2013`.
        majorities: `int64 (K,)`, the majority of FER+'s votes, an index into `FERPLUS`, or `UNLABELLED`.
        in_training: `bool (K,)`, whether the split Training has the same pixels.
    """

    digests: NDArray[np.uint64]
    targets: NDArray[np.int64]
    majorities: NDArray[np.int64]
    in_training: NDArray[np.bool_]

    @classmethod
    @cache
    def public_test(cls) -> Self:
        """Read FER2013's PublicTest."""
        arrays = read_arrays(PUBLIC_TEST, holds="known faces")
        return cls(
            digests=arrays["digests"],
            targets=arrays["targets"].astype(np.int64),
            majorities=arrays["majorities"].astype(np.int64),
            in_training=arrays["in_training"],
        )


@dataclass(frozen=True, eq=False)
class Recognised:
    """What is known of N faces.

    Attributes:
        known: which split was found among them.
        belongs: `bool (N,)`, the faces of that split.
        in_training: `bool (N,)`, which of these have the same pixels as a face of the data set's split Training.
    """

    known: KnownFaces
    belongs: NDArray[np.bool_]
    in_training: NDArray[np.bool_]


def recognise(
    digests: NDArray[np.uint64], *, classes: tuple[str, ...], targets: NDArray[np.int64] | None = None
) -> Recognised | None:
    """Look for FER2013's PublicTest among N faces.

    Args:
        digests: `uint64 (N,)`, as `FaceSet.digests`.
        classes: the names of the faces' classes.  If they are FER+'s, only faces with a majority of votes are expected.
        targets: `int64 (N,)`: the labels have to be the data set's, too; None compares pixels alone.

    Returns:
        None where more than 1 % of the split's faces are missing.
    """
    split = KnownSplit.public_test()
    names, codes = (FERPLUS, split.majorities) if classes == FERPLUS else (FER2013, split.targets)
    expected = codes >= 0
    rows = np.flatnonzero(np.isin(digests, split.digests))
    if targets is None:
        wanted = Counter(_keys(split.digests[expected]))
        found = _keys(digests[rows])
    else:
        wanted = Counter(_keys(split.digests[expected], codes[expected], names))
        found = _keys(digests[rows], targets[rows], classes)
    known = KnownFaces(
        data_set="FER2013", split="PublicTest", faces=wanted.total(), found=(Counter(found) & wanted).total()
    )
    if known.found < LEAST * known.faces:
        return None
    belongs = np.zeros(len(digests), np.bool_)
    belongs[rows] = [key in wanted for key in found]
    return Recognised(known, belongs, belongs & np.isin(digests, split.digests[split.in_training]))


def is_training_face(digests: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which of N faces FER2013's Training has, pixel by pixel, whatever else is beside them.

    Of other faces, 6 in a million are taken for one.

    Args:
        digests: `uint64 (N,)`, as `FaceSet.digests`.
    """
    return np.isin(halves(digests), _training())


def halves(digests: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the lower halves of digests, `uint32 (N,)`."""
    return (digests & np.uint64(0xFFFFFFFF)).astype(np.uint32)


@cache
def _training() -> NDArray[np.uint32]:
    return np.asarray(read_arrays(TRAINING, holds="known faces")["digests"], np.uint32)


def _keys(
    digests: NDArray[np.uint64], targets: NDArray[np.int64] | None = None, classes: tuple[str, ...] = ()
) -> list[tuple[int, str]]:
    """Return what tells faces apart: their pixels and, with `targets`, the names of their labels."""
    if targets is None:
        return [(digest, "") for digest in digests.tolist()]
    names = (*classes, "")  # the last is UNLABELLED's
    return [(digest, names[target]) for digest, target in zip(digests.tolist(), targets.tolist(), strict=True)]
