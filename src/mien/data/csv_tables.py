"""CSV files with one face per line: FER2013's own, and those of a course.  `H = W = 48`.

The grey levels stand in one column, 2,304 numbers with blanks between.  The file is read line by line, and the text of
32 faces at a time becomes numbers in whole-array steps, so neither all the text nor one Python object per pixel is ever
held in memory.  Whatever looks unusual goes to a slow parser that names the mistake.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.images import SIZE
from mien.core.labels import FER2013, check_names, order_classes, spell_classes, spelling_notes
from mien.data.csv_lines import check_columns, read_header, read_lines
from mien.data.pictures import split_of

PIXEL_COLUMNS = ("pixels", "feature")
LABEL_COLUMNS = ("emotion", "label")
SPLIT_COLUMNS = ("usage", "split")
"""Column names in lower case: those of Kaggle's `fer2013.csv`, `icml_face_data.csv` and `train.csv`, and of others."""

TARGET_COLUMNS = ("id", "label")

SPLITS_EXPECTED = "Training or PublicTest or PrivateTest, or train, validation or test"

MOST_OF_OTHERS, ENOUGH_TO_TELL = 3, 20
"""If no more of FER2013's seven numbers occur in so many faces, they may well be another numbering."""

PIXELS = SIZE * SIZE
FACES_AT_ONCE = 32  # their text and all intermediate arrays fit a processor's second-level cache


def is_faces(header: tuple[str, ...]) -> bool:
    """Whether a header has a column of grey levels."""
    return any(name.casefold() in PIXEL_COLUMNS for name in header)


def read_csv(path: Path, *, classes: tuple[str, ...] | None = None) -> FaceSet:
    """Read a CSV file with one face per line.

    The grey levels are in `pixels` or `feature`; the label, a number or in all rows a name, in `emotion` or `label`;
    where present, the split is in `Usage` or `split`, and what the face is called in `id`.

    Args:
        path: the file; about 0.3 times its size is held in memory.
        classes: the C names that the numbers 0 to C - 1 stand for; None means `FER2013`.

    Returns:
        Images `uint8 (N, 48, 48)`; labels that are names become classes as folders' names do; without a column for the
        split, it is `train` where there are labels, else `test`; without ids, these are row numbers from 0, as in the
        names of FER+'s pictures.

    Raises:
        DataError: a column is missing or unknown, or a line is malformed; the message has the line number.

    Source: Goodfellow et al. 2013, arXiv 1307.0414; https://www.kaggle.com/datasets/deadskull7/fer2013
    """
    header = read_header(path)
    pixels = column_of(path, header, PIXEL_COLUMNS)
    label = column_of(path, header, LABEL_COLUMNS)
    split = column_of(path, header, SPLIT_COLUMNS)
    identity = column_of(path, header, ("id",))
    others = [name for name in header if name not in (pixels, split, identity)]
    if label is None and others:
        raise DataError(
            f"{path}, line 1: no column of labels; found {','.join(header)}, expected {' or '.join(LABEL_COLUMNS)} "
            "(without labels, only id and Usage or split may stand beside the pixels)"
        )
    assert pixels is not None  # `is_faces` has seen it
    table = read_table(path, needs=(pixels,), pixels=pixels)
    count = len(table.lines)
    targets = np.full(count, UNLABELLED, np.int64)
    splits = np.full(count, "test")
    notes: tuple[str, ...] = ()
    if label is not None:
        splits = np.full(count, "train")
        found = set(table.columns[label])
        if not any(map(_is_number, found)):
            spelled = spell_classes(found)
            check_names(sorted(set(spelled.values())), source=path)
            classes = order_classes(spelled.values())
            known = {name: classes.index(spelled[name]) for name in found}
            targets = table.codes(label, known, expected="a name")
            notes = spelling_notes(spelled)
        else:
            targets = table.targets(label, classes or FER2013)
            if classes is None:
                notes = numbering_notes(set(targets.tolist()), faces=count)
    if split is not None:
        splits = table.splits(split)
    ids = table.columns[identity] if identity else [str(row) for row in range(count)]
    return FaceSet(
        images=table.images,
        targets=targets,
        classes=classes or FER2013,
        splits=splits,
        ids=np.array(ids),
        source=str(path),
        notes=notes,
    )


def column_of(path: Path, header: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column that has one of these names, whatever their case; None if there is none.

    Raises:
        DataError: there are two.
    """
    found = [name for name in header if name.casefold() in names]
    if len(set(found)) < len(found):
        raise DataError(f"{path}, line 1: {header.count(found[0])} times the column '{found[0]}'; keep one")
    if len(found) > 1:
        raise DataError(f"{path}, line 1: the columns {' and '.join(found)} mean the same; keep one of them")
    return found[0] if found else None


def numbering_notes(numbers: Set[int], *, faces: int) -> tuple[str, ...]:
    """Return a note if only few of FER2013's seven numbers are the labels of so many faces."""
    if not numbers or len(numbers) > MOST_OF_OTHERS or faces < ENOUGH_TO_TELL:
        return ()
    meanings = ", ".join(f"{number} as {FER2013[number]}" for number in sorted(numbers))
    return (
        f"the labels are numbers without names and are read as FER2013's: {meanings}; if they mean something else, "
        "name the classes: --classes NAME_OF_0,NAME_OF_1,…",
    )


def _is_number(label: str) -> bool:
    """Whether a label is written as a number is, or is missing, which is no name either."""
    try:
        float(label or 0)
    except ValueError:
        return False
    return True


def add_targets(faces: FaceSet, path: Path) -> FaceSet:
    """Give faces the labels of a file `id,label`.

    Args:
        faces: N faces; their ids are looked up, whatever the order of the file's lines.
        path: the file, with each of the N ids exactly once.

    Raises:
        DataError: an id that is unknown, missing or there twice, or a label outside 0 to C - 1.
    """
    header = read_header(path, known=TARGET_COLUMNS)
    check_columns(path, header, needs=TARGET_COLUMNS)
    rows = {name: row for row, name in enumerate(faces.ids.tolist())}
    if len(rows) < len(faces):
        repeated = next(name for name, count in Counter(faces.ids.tolist()).items() if count > 1)
        raise DataError(f"{faces.source}: the id '{repeated}' occurs twice, so {path} can't give it one label")
    labels = {str(label): label for label in range(len(faces.classes))}
    targets = np.full(len(faces), UNLABELLED, np.int64)
    for line, fields in read_lines(path, header):
        values = {name: field.decode("utf-8", "replace").strip() for name, field in zip(header, fields, strict=True)}
        name, label = values["id"], values["label"]
        if name not in rows:
            raise DataError(f"{path}, line {line}: id '{name}' is not in {faces.source}")
        if label not in labels:
            raise DataError(f"{path}, line {line}: label '{label}', expected 0 to {len(labels) - 1}")
        if targets[rows[name]] != UNLABELLED:
            raise DataError(f"{path}, line {line}: id '{name}' occurs for the second time")
        targets[rows[name]] = labels[label]
    missing = np.flatnonzero(targets == UNLABELLED)
    if missing.size:
        raise DataError(
            f"{path}: no label for id '{faces.ids[missing[0]]}' and {missing.size - 1:,} more of the "
            f"{len(faces):,} faces in {faces.source}"
        )
    return replace(faces, targets=targets)


@dataclass(frozen=True)
class PixelTable:
    """The rows of a file.

    Attributes:
        path: the file.
        images: `uint8 (N, 48, 48)`.
        columns: the other columns as text, by name.
        lines: the line number of each row, from 1.
    """

    path: Path
    images: NDArray[np.uint8]
    columns: dict[str, list[str]]
    lines: list[int]

    def codes(self, column: str, known: dict[str, int], *, expected: str) -> NDArray[np.int64]:
        """Translate a text column to `int64 (N,)`.

        Raises:
            DataError: a value that `known` lacks.
        """
        for value, line in zip(self.columns[column], self.lines, strict=True):
            if value not in known:
                raise DataError(f"{self.path}, line {line}: {column} '{value}', expected {expected}")
        return np.array([known[value] for value in self.columns[column]], np.int64)

    def targets(self, column: str, classes: tuple[str, ...]) -> NDArray[np.int64]:
        """Translate a column of label numbers to targets, `int64 (N,)`.

        Raises:
            DataError: a label outside 0 to C - 1.
        """
        known = {str(label): label for label in range(len(classes))}
        expected = f"0 to {len(classes) - 1} ({', '.join(classes)})"
        if classes == FER2013:
            expected += "; for other classes give --classes NAME_OF_0,NAME_OF_1,… or write names in all rows"
        return self.codes(column, known, expected=expected)

    def splits(self, column: str) -> NDArray[np.str_]:
        """Translate a column that says which split a face belongs to: `str (N,)`.

        Raises:
            DataError: a value that means no split.
        """
        meanings = {}
        for value in set(self.columns[column]):
            split = split_of(value)
            if split is not None:
                meanings[value] = split
        names = sorted(set(meanings.values()))
        known = {value: names.index(split) for value, split in meanings.items()}
        codes = self.codes(column, known, expected=SPLITS_EXPECTED)
        return np.array(names)[codes]


def read_table(path: Path, *, needs: tuple[str, ...], pixels: str) -> PixelTable:
    """Read a whole file of faces.

    Args:
        path: the file.
        needs: the columns it must have; others are read too.
        pixels: the name of the column with the grey levels.

    Raises:
        DataError: a column is missing, no rows, or a line that does not hold 2,304 numbers from 0 to 255.
    """
    header = read_header(path)
    check_columns(path, header, needs=needs)
    at = header.index(pixels)
    # As many rows as the file can hold with one digit per pixel; the system backs a page only once it is written.
    faces = np.empty((path.stat().st_size // (2 * PIXELS - 1), PIXELS), np.uint8)
    others: list[list[bytes]] = []
    lines: list[int] = []
    rows = read_lines(path, header)
    while block := list(islice(rows, FACES_AT_ONCE)):
        texts = [fields.pop(at) for _, fields in block]
        numbers = [number for number, _ in block]
        out = faces[len(lines) : len(lines) + len(texts)]
        if len(out) < len(texts) or not parse_pixels(texts, out=out):
            _parse_slowly(texts, out=out, path=path, lines=numbers)
        others += (fields for _, fields in block)
        lines += numbers
    if not lines:
        raise DataError(f"{path}: a header and no rows")
    names = [name for name in header if name != pixels]
    columns = {}
    for name, values in zip(names, zip(*others, strict=True), strict=True):
        columns[name] = [field.decode("utf-8", "replace").strip() for field in values]
    images = faces[: len(lines)].reshape(-1, SIZE, SIZE)  # (N, H·W) to (N, H, W)
    return PixelTable(path, images, columns, lines)


def parse_pixels(texts: list[bytes], *, out: NDArray[np.uint8]) -> bool:
    """Turn the text of several faces into numbers, all at once.

    Args:
        texts: R texts of numbers with blanks between.
        out: `uint8 (R, P)`, where to write them.

    Returns:
        Whether every text holds P numbers from 0 to 255 and nothing else; where False, `out` is not to be used.

    >>> out = np.empty((2, 3), np.uint8)
    >>> parse_pixels([b"0 25 255", b"7 80 9"], out=out)
    True
    >>> out.tolist()
    [[0, 25, 255], [7, 80, 9]]
    >>> parse_pixels([b"0 25 256", b"7 80 9"], out=out)
    False
    """
    text = np.frombuffer(b" ".join([b"  ", *texts, b""]), np.uint8)  # three blanks before, one after
    value = text - np.uint8(ord("0"))
    digit = (value < 10).view(np.uint8)  # all arithmetic stays in bytes, where one instruction does 64 of them
    mask = (text == ord(" ")).view(np.uint8)
    mask |= digit
    plain = mask.min() == 1  # nothing but digits and blanks
    value *= digit
    np.bitwise_and(digit[1:], digit[:-1], out=mask[1:])  # this byte and the one before are digits
    plain &= not (mask[3:] & mask[1:-2]).any()  # no number of four digits
    hundreds = value[:-2] * mask[2:]
    number = value[1:-1] * np.uint8(10)
    number += value[2:]
    plain &= hundreds.max() <= 2
    hundreds *= np.uint8(100)
    hundreds += number  # now the number that ends two bytes on
    plain &= not (hundreds < number).any()  # 256 to 299 wrapped around
    ends = np.flatnonzero(digit[2:-1] > digit[3:])
    if not plain or ends.size != out.size:
        return False
    hundreds.take(ends, out=out.reshape(-1), mode="clip")
    last = np.cumsum([len(text) + 1 for text in texts]) - 1  # one past the last byte of each text
    per_face = ends.reshape(out.shape)
    return bool((per_face[:, -1] <= last).all() and (per_face[1:, 0] > last[:-1]).all())


def _parse_slowly(texts: list[bytes], *, out: NDArray[np.uint8], path: Path, lines: list[int]) -> None:
    """Do what `parse_pixels` does with Python's own numbers, and name the first mistake."""
    for row, (text, line) in enumerate(zip(texts, lines, strict=True)):
        where = f"{path}, line {line}"
        numbers = text.split()
        for place, number in enumerate(numbers, 1):
            shown = number[:20].decode("utf-8", "replace")
            if not number.isdigit():
                raise DataError(f"{where}: pixel {place} is '{shown}', expected a whole number from 0 to 255")
            if len(number) > 20 or int(number) > 255:
                raise DataError(f"{where}: pixel {place} is {shown}, expected 0 to 255")
        if len(numbers) != PIXELS:
            raise DataError(f"{where}: {len(numbers):,} pixels, expected {PIXELS:,} ({SIZE}×{SIZE})")
        out[row] = np.array(numbers).astype(np.uint8)
