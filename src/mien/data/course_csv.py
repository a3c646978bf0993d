"""The course's files: `train.csv` (`label,feature`), `test.csv` (`id,feature`) and its answers (`id,label`)."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.labels import FER2013
from mien.data.pixel_csv import check_columns, read_header, read_lines, read_rows

TRAIN_COLUMNS = ("label", "feature")
TEST_COLUMNS = ("id", "feature")
ANSWER_COLUMNS = ("id", "label")


def read(path: Path) -> FaceSet:
    """Read `train.csv` (split `train`) or `test.csv` (split `test`, without labels).

    Ids are those of the column `id`, or 0-based row numbers without one.

    Returns:
        Images `uint8 (N, 48, 48)`; classes `FER2013`, because the files are FER2013's rows with its label numbers.

    Raises:
        DataError: a column is missing, or a line is malformed; the message has the line number.
    """
    header = read_header(path)
    train, named = "label" in header, "id" in header
    rows = read_rows(path, needs=TRAIN_COLUMNS if train else TEST_COLUMNS, pixels="feature")
    count = len(rows.lines)
    return FaceSet(
        images=rows.images,
        classes=FER2013,
        targets=rows.labels("label", FER2013) if train else np.full(count, UNLABELLED, np.int64),
        splits=np.full(count, "train" if train else "test"),
        ids=np.array(rows.columns["id"]) if named else np.arange(count).astype(str),
        source=str(path),
    )


def answer(faces: FaceSet, path: Path) -> FaceSet:
    """Give faces the labels of an `id,label` file.

    Args:
        faces: N faces; their ids are looked up, whatever the order of the file's lines.
        path: the file: each of the N ids exactly once.

    Raises:
        DataError: an id that is unknown, missing or there twice, or a label outside 0 to C - 1.
    """
    header = read_header(path)
    check_columns(path, header, needs=ANSWER_COLUMNS)
    places = {name: row for row, name in enumerate(faces.ids.tolist())}
    if len(places) < len(faces):
        twice = next(name for name, count in Counter(faces.ids.tolist()).items() if count > 1)
        raise DataError(f"{faces.source}: id '{twice}' stands there twice, so {path} can't answer for it")
    labels = {str(label): label for label in range(len(faces.classes))}
    targets = np.full(len(faces), UNLABELLED, np.int64)
    for line, fields in read_lines(path, header):
        values = {name: field.decode("utf-8", "replace").strip() for name, field in zip(header, fields, strict=True)}
        name, label = values["id"], values["label"]
        if name not in places:
            raise DataError(f"{path}, line {line}: id '{name}' is not in {faces.source}")
        if label not in labels:
            raise DataError(f"{path}, line {line}: label '{label}', expected 0 to {len(labels) - 1}")
        if targets[places[name]] != UNLABELLED:
            raise DataError(f"{path}, line {line}: id '{name}' for the second time")
        targets[places[name]] = labels[label]
    missing = np.flatnonzero(targets == UNLABELLED)
    if missing.size:
        raise DataError(
            f"{path}: no label for id '{faces.ids[missing[0]]}' and {missing.size - 1:,} more of the "
            f"{len(faces):,} faces in {faces.source}"
        )
    return replace(faces, targets=targets)
