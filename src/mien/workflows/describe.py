"""`describe`: what a data set holds, before anything is trained on it."""

from collections.abc import Sequence
from pathlib import Path

from mien.core.data_summary import DataSummary
from mien.core.faces import FaceSet
from mien.data.audit import summarise
from mien.data.formats import LabelSource, stream_faces
from mien.runtime.photo import face_finder


def describe(
    data: str | Path | FaceSet,
    *,
    targets: str | Path | None = None,
    votes: str | Path | None = None,
    labels: LabelSource = "own",
    classes: Sequence[str] | None = None,
    detect: bool = False,
    skip_bad: bool = False,
) -> DataSummary:
    """Count what is in a data set, and what a person should look at.

    Memory stays small where the data can be read piece by piece, as Parquet can: about 130 bytes per face are kept.

    Args:
        data: a file, a folder or `synthetic`, as `open_faces` takes it; or faces that are open already.
        targets: as in `open_faces`, like all other arguments; they don't go with a `FaceSet`.
        votes: a FER+ file.
        labels: `own` or `ferplus`.
        classes: the names of classes that the data only number.
        detect: cut out the largest face of each picture, as `predict` finds it.
        skip_bad: leave out pictures that can't be read.

    Raises:
        DataError: as `open_faces`.
        UsageError: as `open_faces`.

    >>> describe("synthetic:70").splits["test"].faces
    14
    """
    if isinstance(data, FaceSet):
        return summarise([data])
    parts = stream_faces(
        data,
        targets=targets,
        votes=votes,
        labels=labels,
        classes=classes,
        find_face=face_finder() if detect else None,
        skip_bad=skip_bad,
    )
    return summarise(parts)
