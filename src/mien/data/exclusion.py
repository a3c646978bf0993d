"""Faces that are left out of a training: a CSV file names them by the digests of their pixels.  Axes: `D` digests."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.files import write_atomic
from mien.core.label_audit import digest_text
from mien.data.csv_lines import check_columns, read_header, read_lines

COLUMN = "digest"
_DIGEST = re.compile("0x[0-9a-f]{16}", re.IGNORECASE)


def read_digests(path: Path) -> NDArray[np.uint64]:
    """Read the column `digest` of a CSV file, such as `audit.csv` of `mien data audit`: `uint64 (D,)`.

    Raises:
        DataError: no such file, no such column, or a value that is no digest; the message has the line number.
    """
    header = read_header(path, known=(COLUMN,))
    check_columns(path, header, needs=(COLUMN,))
    place = header.index(COLUMN)
    digests = []
    for line, fields in read_lines(path, header):
        text = fields[place].decode().strip()
        if not _DIGEST.fullmatch(text):
            raise DataError(
                f"{path}, line {line}: digest '{text}', expected 0x and 16 hexadecimal digits as `mien data audit` "
                "writes them"
            )
        digests.append(int(text, 16))
    return np.array(digests, np.uint64)


def write_digests(path: Path, digests: NDArray[np.uint64]) -> None:
    """Write what `read_digests` reads, atomically."""
    write_atomic(path, "\n".join([COLUMN, *map(digest_text, digests.tolist())]) + "\n")
