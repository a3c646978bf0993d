"""Copies of a face that are not equal pixel by pixel: saved again, brighter, mirrored.  Axes: `N` faces, `P` pairs.

Two faces count as copies if the grey levels of the one correlate highly with those of the other, or of its mirror
image.  Brightness and contrast don't change a correlation.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import FaceSet
from mien.core.images import SIZE

CopyKind = Literal["exact", "near", "mirrored"]

NEAR = 0.96
"""The least correlation of copies.  FER2013's pairs down to 0.92, of which a hundred were looked at, are all copies."""

CELLS = 8
"""Faces are first compared by the means of so many by so many squares, which are 36 times fewer numbers."""

COARSE = 0.97
"""The least correlation of these means.  FER2013's copies have 0.979 or more."""

ROWS_AT_ONCE = 2048
"""So many faces are compared with so many at a time: 16 MB of correlations."""

PAIRS_AT_ONCE = 2048


def find_copies(faces: FaceSet) -> NDArray[np.int64]:
    """Find faces that show the same picture as an earlier one: exact copies, near ones, mirrored ones.

    The time grows with the square of N: about 6 s of one core for 32,298 faces.

    Returns:
        `int64 (N,)`: the place of the first face with the same picture, which is a face's own place if it is the first.
        What is a copy of a copy is a copy, too.
    """
    places, numbers = np.unique(faces.digests, return_index=True, return_inverse=True)[1:]
    first = np.arange(len(places))  # of the different faces, which place stands for which picture
    coarse = _patterns(faces.images[places], cells=CELLS)
    mirrored = _patterns(faces.images[places][:, :, ::-1], cells=CELLS)
    for rows, columns in _tiles(len(places)):
        for others in (coarse, mirrored):
            alike = coarse[rows] @ others[columns].T >= COARSE
            pairs = np.argwhere(alike) + np.array([rows.start, columns.start])  # (P, 2)
            pairs = pairs[pairs[:, 0] < pairs[:, 1]]
            for start in range(0, len(pairs), PAIRS_AT_ONCE):
                some = pairs[start : start + PAIRS_AT_ONCE]
                some = some[first[some[:, 0]] != first[some[:, 1]]]
                near = correlations(faces.images, places[some], mirrored=others is mirrored) >= NEAR
                _join(first, some[near])
    group = first[numbers]  # (N,)
    earliest = np.full(len(places), len(faces))
    np.minimum.at(earliest, group, np.arange(len(faces)))
    return earliest[group]


def kind_of_copy(faces: FaceSet, face: int, other: int) -> CopyKind:
    """Say how one of two copies differs from the other, by their places."""
    if faces.digests[face] == faces.digests[other]:
        return "exact"
    pair = np.array([[face, other]])
    same_way = correlations(faces.images, pair, mirrored=False)[0]
    return "mirrored" if correlations(faces.images, pair, mirrored=True)[0] > same_way else "near"


def correlations(images: NDArray[np.uint8], pairs: NDArray[np.int64], *, mirrored: bool) -> NDArray[np.float32]:
    """Correlate the grey levels of pairs of places, `(P, 2)`; `mirrored` turns the second of each: `float32 (P,)`."""
    second = images[pairs[:, 1]]
    if mirrored:
        second = second[:, :, ::-1]
    products = _patterns(images[pairs[:, 0]], cells=SIZE) * _patterns(second, cells=SIZE)
    found: NDArray[np.float32] = products.sum(axis=1)
    return found


def _patterns(images: NDArray[np.uint8], *, cells: int) -> NDArray[np.float32]:
    """Take the means of cells by cells squares, less their mean and at length 1: `float32 (N, cells²)`.

    The product of two is their correlation; a face with a single grey level correlates with nothing.
    """
    side = SIZE // cells
    squares = images.reshape(len(images), cells, side, cells, side)
    means = squares.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), cells * cells)
    means -= means.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    patterns: NDArray[np.float32] = np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 0)
    return patterns


def _tiles(count: int) -> Iterator[tuple[slice, slice]]:
    """Cut the upper half of a square of all pairs into smaller squares: their rows and columns."""
    starts = range(0, count, ROWS_AT_ONCE)
    for row in starts:
        for column in starts:
            if row <= column:
                yield slice(row, row + ROWS_AT_ONCE), slice(column, column + ROWS_AT_ONCE)


def _join(first: NDArray[np.int64], pairs: NDArray[np.int64]) -> None:
    """Let the groups of both faces of each pair be one; `first` names each face's group and is changed."""
    for one, other in pairs:
        first[first == first[other]] = first[one]
