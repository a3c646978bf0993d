"""FER+ votes: ten annotators looked at each FER2013 face.  Axes: `N` faces, `V = 10` votes, 8 classes.

Source: Barsoum et al. 2016, arXiv 1608.01041; https://github.com/microsoft/FERPlus (`fer2013new.csv`).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.labels import FERPLUS, FERPLUS_VOTES
from mien.data.csv_tables import USAGE_SPLITS, check_columns, read_header, read_lines

COLUMNS = ("Usage", *FERPLUS_VOTES)


def attach(faces: FaceSet, path: Path) -> FaceSet:
    """Give the faces of a FER2013 file their votes, row by row.

    Args:
        faces: N faces in the order of the FER2013 file, with its row numbers as ids.
        path: `fer2013new.csv`, N rows.

    Returns:
        The same faces with votes `uint8 (N, 10)`, named `FERPLUS_VOTES`.

    Raises:
        DataError: another number of rows, a Usage that does not agree, a vote that is no number from 0 to 255.
    """
    if faces.ids.tolist() != [str(row) for row in range(len(faces))]:
        raise DataError(
            f"{faces.source}: votes are joined by row number, and these faces are not numbered 0 to "
            f"{len(faces) - 1}; give the FER2013 file itself"
        )
    header = read_header(path)
    check_columns(path, header, needs=COLUMNS)
    places = [header.index(name) for name in FERPLUS_VOTES]
    usage = header.index("Usage")
    votes = np.zeros((len(faces), len(FERPLUS_VOTES)), np.uint8)
    row = -1
    for row, (line, fields) in enumerate(read_lines(path, header)):
        if row >= len(faces):
            raise DataError(f"{path}, line {line}: more rows than the {len(faces):,} of {faces.source}")
        name = fields[usage].decode("utf-8", "replace").strip()
        if USAGE_SPLITS.get(name) != faces.splits[row]:
            raise DataError(
                f"{path}, line {line}: Usage '{name}', but row {row} of {faces.source} is in split "
                f"'{faces.splits[row]}'; are the two files of the same data?"
            )
        votes[row] = _counts([fields[place] for place in places], where=f"{path}, line {line}")
    if row + 1 < len(faces):
        raise DataError(f"{path}: {row + 1:,} rows, expected {len(faces):,} as in {faces.source}")
    return replace(faces, votes=votes, vote_names=FERPLUS_VOTES)


def _counts(fields: list[bytes], *, where: str) -> list[int]:
    for name, field in zip(FERPLUS_VOTES, fields, strict=True):
        if not field.strip().isdigit() or len(field) > 9 or int(field) > 255:
            raise DataError(
                f"{where}: {name} '{field.decode('utf-8', 'replace')[:20]}', expected a count from 0 to 255"
            )
    return [int(field) for field in fields]


def without_outliers(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Remove every vote that only one person gave, as the paper does: `uint8 (N, 10)`."""
    return np.where(votes > 1, votes, 0)


def distribution(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn votes into soft targets.

    Args:
        votes: `uint8 (N, 10)`, columns `FERPLUS_VOTES`.

    Returns:
        `float32 (N, 8)`: the shares of the eight expressions among the votes that remain when outliers, "unknown" and
        "not a face" are removed; rows sum to 1, or are all 0 where nothing remains.

    >>> distribution(np.array([[6, 2, 0, 1, 1, 0, 0, 0, 0, 0]], np.uint8)).tolist()
    [[0.75, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    kept = without_outliers(votes)[:, : len(FERPLUS)].astype(np.float32)
    total = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    shares: NDArray[np.float32] = np.divide(kept, total, dtype=np.float32)
    return shares


def majority(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find the expression that more than half of the votes name, outliers removed and all ten columns counted.

    Args:
        votes: `uint8 (N, 10)`, columns `FERPLUS_VOTES`.

    Returns:
        `int64 (N,)`: an index into `FERPLUS`, or -1 where there is none, or it is "unknown" or "not a face".

    >>> majority(np.array([[6, 3, 0, 1, 0, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]], np.uint8)).tolist()
    [0, -1]
    """
    kept = without_outliers(votes).astype(np.int64)
    best = kept.argmax(axis=1)
    return np.where((2 * kept.max(axis=1) > kept.sum(axis=1)) & (best < len(FERPLUS)), best, UNLABELLED)


def relabel(faces: FaceSet) -> FaceSet:
    """Give faces the majority of their votes as labels, in the classes `FERPLUS`; those without a majority are dropped.

    Raises:
        DataError: the faces have no FER+ votes, or none has a majority.
    """
    if faces.votes is None or faces.vote_names != FERPLUS_VOTES:
        raise DataError(f"{faces.source}: no FER+ votes, expected the ten columns {', '.join(FERPLUS_VOTES)}")
    targets = majority(faces.votes)
    if (targets == UNLABELLED).all():
        raise DataError(f"{faces.source}: no face has a majority of FER+ votes")
    return replace(faces, targets=targets, classes=FERPLUS).select(targets != UNLABELLED)
