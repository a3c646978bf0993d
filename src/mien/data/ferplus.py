"""FER+ votes: ten annotators looked at each FER2013 face.  Axes: `N` faces, `V = 10` votes, 8 classes.

Source: Barsoum et al. 2016, arXiv 1608.01041; https://github.com/microsoft/FERPlus (`fer2013new.csv`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.labels import FERPLUS, FERPLUS_NAMES, FERPLUS_VOTES, number_order
from mien.core.text import percentage
from mien.data.archives import readable_table
from mien.data.csv_lines import check_columns, read_header, read_lines
from mien.data.pictures import split_of

COLUMNS = ("Usage", *FERPLUS_VOTES)
NAME_COLUMN = "Image name"

MOST_ROWS = 1_000_000
"""Of a votes file, or as many as there are faces."""

DOUBTFUL_AGREEMENT, ENOUGH_TO_DOUBT = 0.35, 50
"""A lower share of labels that agree with the votes is that of other faces' votes, if there are so many faces.

Of FER2013's labels 62 % agree; with the votes in another order, the most frequent class alone gives 14 to 30 %.
"""


@dataclass(frozen=True)
class VoteTable:
    """The R rows of a votes file: votes `uint8 (R, 10)`; each row's line, its usage and its picture's name or ""."""

    path: Path
    votes: NDArray[np.uint8]
    lines: list[int]
    usages: list[str]
    names: list[str]


def attach(faces: FaceSet, path: Path) -> FaceSet:
    """Give faces their votes: by the pictures' names if all rows have one of their own on both sides, else row by row.

    Args:
        faces: N faces of a FER2013 file, with its row numbers as ids; or of pictures, whose ids end in their names.
        path: `fer2013new.csv`, which may be packed.

    Returns:
        The same faces with votes `uint8 (N, 10)`, named `FERPLUS_VOTES`; with a note if few labels agree with them.

    Raises:
        DataError: names that are not those of the faces, or out of order; row by row, another number of rows or a Usage
            that does not agree; a vote that is no number from 0 to 255.
    """
    with readable_table(path) as readable:
        table = replace(_read_votes(readable, most=max(len(faces), MOST_ROWS)), path=path)
    face_names = [name.rpartition("/")[2] for name in faces.ids.tolist()]
    are_row_numbers = face_names == [str(row) for row in range(len(faces))]
    names_fit = sorted(table.names) == sorted(face_names) and len(set(face_names)) == len(face_names)
    if are_row_numbers and not names_fit:
        votes = _by_row(faces, table)
    else:
        votes = _by_name(faces, face_names, table)
    faces = replace(faces, votes=votes, vote_names=FERPLUS_VOTES)
    return replace(faces, notes=(*faces.notes, *_doubts(faces, votes, path)))


def _read_votes(path: Path, *, most: int) -> VoteTable:
    header = read_header(path, known=(*COLUMNS, NAME_COLUMN))
    check_columns(path, header, needs=COLUMNS)
    places = [header.index(name) for name in FERPLUS_VOTES]
    usage = header.index("Usage")
    name = header.index(NAME_COLUMN) if NAME_COLUMN in header else None
    counts: list[bytes] = []
    lines: list[int] = []
    usages: list[str] = []
    names: list[str] = []
    for line, fields in read_lines(path, header):
        if len(lines) == most:
            raise DataError(f"{path}, line {line}: more than {most:,} rows; is this a file of votes?")
        counts.append(bytes(_counts([fields[place] for place in places], where=f"{path}, line {line}")))
        lines.append(line)
        usages.append(fields[usage].decode("utf-8", "replace").strip())
        names.append("" if name is None else fields[name].decode("utf-8", "replace").strip())
    votes = np.frombuffer(b"".join(counts), np.uint8).reshape(-1, len(FERPLUS_VOTES))  # (R, 10)
    return VoteTable(path, votes, lines, usages, names)


def _by_row(faces: FaceSet, table: VoteTable) -> NDArray[np.uint8]:
    path = table.path
    if len(table.lines) > len(faces):
        raise DataError(
            f"{path}, line {table.lines[len(faces)]}: more rows than the {len(faces):,} of {faces.source}; "
            "give the votes of the same data"
        )
    for row, (line, usage) in enumerate(zip(table.lines, table.usages, strict=True)):
        if split_of(usage) != faces.splits[row]:
            raise DataError(
                f"{path}, line {line}: Usage '{usage}', but row {row} of {faces.source} is in split "
                f"'{faces.splits[row]}'; are the two files of the same data?"
            )
    if len(table.lines) < len(faces):
        raise DataError(f"{path}: {len(table.lines):,} rows, expected {len(faces):,} as in {faces.source}")
    # Names number only the rows that have votes, so they are no row numbers; but they must go up.
    last = ""
    for line, name in zip(table.lines, table.names, strict=True):
        if name and last and number_order(name) <= number_order(last):
            raise DataError(
                f"{path}, line {line}: '{name}' comes after '{last}', so the rows are not in the order of "
                f"{faces.source}, to which votes are joined row by row; sort them by {NAME_COLUMN}, or take that "
                "column out if they are in the same order"
            )
        last = name or last
    return table.votes


def _by_name(faces: FaceSet, face_names: list[str], table: VoteTable) -> NDArray[np.uint8]:
    remedy = "give the FER2013 file itself, or pictures that are named as in the votes file"
    for name, count in Counter(face_names).items():
        if count > 1:
            raise DataError(
                f"{faces.source}: {count} faces are named '{name}', so votes can't be joined by name; {remedy}"
            )
    rows: dict[str, int] = {}
    for row, (line, name) in enumerate(zip(table.lines, table.names, strict=True)):
        if name in rows:
            raise DataError(
                f"{table.path}, line {line}: '{name}' occurs for the second time, so votes can't be joined by name"
            )
        if name:
            rows[name] = row
    missing = [name for name in face_names if name not in rows]
    if missing:
        raise DataError(
            f"{table.path}: no row has the {NAME_COLUMN} '{missing[0]}' of {faces.source} ({len(missing):,} of "
            f"{len(faces):,} faces have none); {remedy}"
        )
    return table.votes[[rows[name] for name in face_names]]


def _doubts(faces: FaceSet, votes: NDArray[np.uint8], path: Path) -> Iterator[str]:
    """Yield a note if the labels agree with the votes no better than labels of other faces would."""
    names = [FERPLUS_NAMES.get(name, name) for name in faces.classes]
    voted = faces.labelled & (votes.max(axis=1) > 0)
    if not set(names) <= set(FERPLUS_VOTES) or voted.sum() < ENOUGH_TO_DOUBT:
        return
    columns = np.array([FERPLUS_VOTES.index(name) for name in names])
    agreement = float((columns[faces.targets[voted]] == votes[voted].argmax(axis=1)).mean())
    if agreement < DOUBTFUL_AGREEMENT:
        yield (
            f"only {percentage(agreement)} of the labels are the plurality of the votes in {path} "
            "(FER2013's: about 62 %); are the rows in the same order?"
        )


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
