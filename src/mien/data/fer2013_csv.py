"""Kaggle's FER2013 files: `fer2013.csv` (`emotion,pixels,Usage`), `icml_face_data.csv` (`emotion, Usage, pixels`)."""

from pathlib import Path

import numpy as np

from mien.core.faces import FaceSet
from mien.core.labels import FER2013
from mien.data.pixel_csv import read_rows

COLUMNS = ("emotion", "pixels", "Usage")
"""The columns, in any order."""

USAGE_SPLITS = {"Training": "train", "PublicTest": "test", "PrivateTest": "private-test"}
"""What the file calls its three parts, and what mien calls them."""


def read(path: Path) -> FaceSet:
    """Read a FER2013 file; ids are 0-based row numbers, as in the FER+ picture names.

    Args:
        path: the file; about 0.3 times its size is held in memory.

    Returns:
        Images `uint8 (N, 48, 48)`, classes `FER2013`, splits `train`, `test` and `private-test`.

    Raises:
        DataError: a column is missing, or a line is malformed; the message has the line number.

    Source: Goodfellow et al. 2013, arXiv 1307.0414; https://www.kaggle.com/datasets/deadskull7/fer2013
    """
    rows = read_rows(path, needs=COLUMNS, pixels="pixels")
    usage = {name: code for code, name in enumerate(USAGE_SPLITS)}
    splits = np.array(list(USAGE_SPLITS.values()))[rows.codes("Usage", usage, expected=" or ".join(usage))]
    return FaceSet(
        images=rows.images,
        targets=rows.labels("emotion", FER2013),
        classes=FER2013,
        splits=splits,
        ids=np.arange(len(rows.lines)).astype(str),
        source=str(path),
    )
