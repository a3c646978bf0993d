"""CSV files with one face per line: FER2013's own, and those of a course.  `H = W = 48`.

The grey levels stand in one column, 2,304 numbers with blanks between.  The file is read line by line, and the text of
32 faces at a time becomes numbers in whole-array steps, so neither all the text nor one Python object per pixel is ever
held in memory.  Whatever looks unusual goes to a slow parser that names the mistake.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.images import SIZE
from mien.core.labels import FER2013

FER2013_COLUMNS = ("emotion", "pixels", "Usage")
"""The columns of Kaggle's `fer2013.csv` and `icml_face_data.csv`, in any order."""

USAGE_SPLITS = {"Training": "train", "PublicTest": "test", "PrivateTest": "private-test"}
"""What FER2013's files call its three splits, and what mien calls them."""

TRAIN_COLUMNS = ("label", "feature")
TEST_COLUMNS = ("id", "feature")
TARGET_COLUMNS = ("id", "label")

PIXELS = SIZE * SIZE
FACES_AT_ONCE = 32  # their text and all intermediate arrays fit a processor's second-level cache
HEADER_BYTES = 4096
LINE_BYTES = 1 << 20
"""A line of a face has about 9,000 bytes; one that does not end is not read into memory whole."""


def read_fer2013(path: Path) -> FaceSet:
    """Read a FER2013 file; ids are row numbers from 0, as in the names of FER+'s pictures.

    Args:
        path: the file; about 0.3 times its size is held in memory.

    Returns:
        Images `uint8 (N, 48, 48)`, classes `FER2013`, splits `train`, `test` and `private-test`.

    Raises:
        DataError: a column is missing, or a line is malformed; the message has the line number.

    Source: Goodfellow et al. 2013, arXiv 1307.0414; https://www.kaggle.com/datasets/deadskull7/fer2013
    """
    table = read_table(path, needs=FER2013_COLUMNS, pixels="pixels")
    usage = {name: code for code, name in enumerate(USAGE_SPLITS)}
    splits = np.array(list(USAGE_SPLITS.values()))
    return FaceSet(
        images=table.images,
        targets=table.targets("emotion", FER2013),
        classes=FER2013,
        splits=splits[table.codes("Usage", usage, expected=" or ".join(usage))],
        ids=np.arange(len(table.lines)).astype(str),
        source=str(path),
    )


def read_course(path: Path) -> FaceSet:
    """Read a course's `train.csv` (columns `label,feature`) or `test.csv` (columns `id,feature`, no labels).

    The split is `train` or `test`.  Ids are those of the column `id`, or row numbers from 0 where there is none.

    Returns:
        Images `uint8 (N, 48, 48)`; classes `FER2013`, because the files are FER2013's rows with its label numbers.

    Raises:
        DataError: a column is missing, or a line is malformed; the message has the line number.
    """
    header = read_header(path)
    labelled = "label" in header
    table = read_table(path, needs=TRAIN_COLUMNS if labelled else TEST_COLUMNS, pixels="feature")
    count = len(table.lines)
    if labelled:
        targets, split = table.targets("label", FER2013), "train"
    else:
        targets, split = np.full(count, UNLABELLED, np.int64), "test"
    if "id" in header:
        ids = np.array(table.columns["id"])
    else:
        ids = np.arange(count).astype(str)
    return FaceSet(
        images=table.images,
        classes=FER2013,
        targets=targets,
        splits=np.full(count, split),
        ids=ids,
        source=str(path),
    )


def add_targets(faces: FaceSet, path: Path) -> FaceSet:
    """Give faces the labels of a file `id,label`.

    Args:
        faces: N faces; their ids are looked up, whatever the order of the file's lines.
        path: the file, with each of the N ids exactly once.

    Raises:
        DataError: an id that is unknown, missing or there twice, or a label outside 0 to C - 1.
    """
    header = read_header(path)
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
        return self.codes(column, known, expected=f"0 to {len(classes) - 1} ({', '.join(classes)})")


def read_header(path: Path) -> tuple[str, ...]:
    """Read the column names of a CSV file, without the blanks around them.

    Raises:
        DataError: no such file, empty, or not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            first = file.readline(HEADER_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({getattr(error, 'strerror', error)})") from None
    if not first.strip():
        raise DataError(f"{path}: empty, expected a header line with the column names")
    try:
        names = next(csv.reader([first.decode("utf-8-sig").rstrip("\r\n")]))
    except (UnicodeDecodeError, csv.Error):
        raise DataError(
            f"{path}, line 1: not UTF-8 text, expected a header line with the column names; "
            "save the file as CSV in UTF-8"
        ) from None
    return tuple(name.strip() for name in names)


def read_lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield every line after the header that is not blank: its 1-based number and its fields, one a column.

    Raises:
        DataError: a line with more or fewer fields than `columns`.
    """
    with path.open("rb", buffering=1 << 20) as file:
        next(file)
        for number, line in enumerate(iter(partial(file.readline, LINE_BYTES + 1), b""), 2):
            if len(line) > LINE_BYTES:
                raise DataError(f"{path}, line {number}: more than {LINE_BYTES:,} bytes; is this a table of faces?")
            fields = _fields(line) if b'"' not in line else _quoted(line, where=f"{path}, line {number}")
            if len(fields) == len(columns):
                yield number, fields
            elif line.strip():
                raise DataError(
                    f"{path}, line {number}: {len(fields)} columns, expected {len(columns)} "
                    f"({','.join(columns)}); is the file cut off?"
                )


def _fields(line: bytes) -> list[bytes]:
    """Do what `line.split(b",")` does, three times as fast where fields are long; no line end."""
    fields, start = [], 0
    while (end := line.find(b",", start)) >= 0:
        fields.append(line[start:end])
        start = end + 1
    fields.append(line[start:].rstrip(b"\r\n"))
    return fields


def _quoted(line: bytes, *, where: str) -> list[bytes]:
    text = line.decode("latin-1").rstrip("\r\n")
    try:
        return [field.encode("latin-1") for field in next(csv.reader([text]))]
    except csv.Error as error:
        raise DataError(f"{where}: quotes that are no CSV ({error})") from None


def check_columns(path: Path, header: tuple[str, ...], *, needs: tuple[str, ...]) -> None:
    """Raise `DataError` if a column is missing or there twice."""
    for name in needs:
        if header.count(name) != 1:
            problem = "no" if name not in header else f"{header.count(name)} times the"
            raise DataError(
                f"{path}, line 1: {problem} column '{name}'; "
                f"found {','.join(header)}, expected {','.join(needs)} in any order"
            )


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
