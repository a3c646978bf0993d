"""Which faces belong together: a table `id,subject`, or `id` and any other column.  Axis: `N` faces."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.data.csv_lines import check_columns, read_header, read_lines


def read_groups(path: str | Path, ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Read the group of each face: the person, the video, whatever makes faces alike.

    Args:
        path: a CSV with two columns, `id` and one of any name; faces with the same value there are a group.
        ids: `str (N,)`, the faces; the file may have others too.

    Returns:
        `int64 (N,)`, groups numbered from 0.

    Raises:
        DataError: another number of columns, an id that is missing or there twice, or an empty group.
    """
    path = Path(path)
    header = read_header(path, known=("id",))
    check_columns(path, header, needs=("id",))
    if len(header) != 2:
        raise DataError(
            f"{path}, line 1: found {','.join(header)}, expected two columns: id, and one such as subject or video "
            "whose value says which faces belong together"
        )
    group_of: dict[str, str] = {}
    for line, fields in read_lines(path, header):
        values = [field.decode().strip() for field in fields]
        face, group = values if header[0] == "id" else reversed(values)
        if face in group_of:
            raise DataError(f"{path}, line {line}: id '{face}' occurs for the second time")
        if not group:
            raise DataError(f"{path}, line {line}: id '{face}' has no group")
        group_of[face] = group
    missing = [face for face in ids.tolist() if face not in group_of]
    if missing:
        raise DataError(
            f"{path}: no group for {len(missing):,} of {len(ids):,} faces, such as id '{missing[0]}'; "
            "add a line for each"
        )
    return np.unique([group_of[face] for face in ids.tolist()], return_inverse=True)[1].astype(np.int64)
