"""From pictures to classified faces, in batches.  Axes: `N` faces, `C` classes."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE
from mien.runtime.detect import Detector
from mien.runtime.geometry import Box
from mien.runtime.occlusion import Classify
from mien.runtime.photo import FoundFace, find_faces
from mien.runtime.results import Face, Picture, PictureResult, Unreadable

BATCH = 8
"""Pictures are classified at the latest when those that wait have this many faces together: more are hardly faster, and
an interrupt would lose more."""

MAX_PIXELS = 32_000_000
"""Pictures are classified at the latest when those that wait have this many pixels together: 96 MB."""

FoundFaces = tuple[Picture, list[FoundFace]]
"""A picture and its faces, not yet classified."""


def find_and_classify(
    model: Classify,
    pictures: Iterable[Picture | Unreadable],
    *,
    labels: Sequence[str],
    detector: Detector,
    margin: float = 0.0,
    align: bool = True,
) -> Iterator[PictureResult]:
    """Find and classify the faces of pictures; the faces of several pictures are classified together.

    A picture's faces come from left to right.  A video's frame counts as a face as a whole only if it has 48×48 pixels:
    one without a face has none.  When reading fails, what was read before comes out first, then the error.

    Args:
        model: maps faces `uint8 (N, 48, 48)` to probabilities `float32 (N, C)`.
        pictures: come out in the same order, each with its faces, also those without any.
        labels: the C class names.
        detector: finds the faces.
        margin: see `mien.runtime.photo.face_square`.
        align: see `mien.runtime.photo.face_square`.
    """
    waiting: list[FoundFaces] = []
    faces = pixels = 0
    try:
        for picture in pictures:
            if isinstance(picture, Unreadable):
                yield from _classify(model, waiting, labels)
                waiting, faces, pixels = [], 0, 0
                yield PictureResult(picture.source, error=picture.error)
                continue
            found = find_faces(picture.pixels, detector=detector, margin=margin, align=align)
            if picture.time_s is None:
                found.sort(key=_from_left)
            else:
                found = [face for face in found if _counts_in_video(face, picture)]
            waiting.append((picture, found))
            faces += len(found)
            pixels += picture.pixels.size // 3
            if faces >= BATCH or pixels >= MAX_PIXELS:
                yield from _classify(model, waiting, labels)
                waiting, faces, pixels = [], 0, 0
    except Exception:
        yield from _classify(model, waiting, labels)
        raise
    yield from _classify(model, waiting, labels)


def _from_left(face: FoundFace) -> tuple[float, float]:
    """Return by what a picture's faces are sorted: their centres from left to right, then from top to bottom."""
    if face.detection is None:
        return 0.0, 0.0
    box = face.detection.box_px
    return box.x + box.width / 2, box.y + box.height / 2


def _counts_in_video(face: FoundFace, frame: Picture) -> bool:
    return face.detection is not None or frame.pixels.shape[:2] == (SIZE, SIZE)


def _classify(model: Classify, waiting: list[FoundFaces], labels: Sequence[str]) -> Iterator[PictureResult]:
    images: list[NDArray[np.uint8]] = []
    for _, found in waiting:
        images.extend(face.image for face in found)
    rows: Iterator[NDArray[np.float32]] = iter([])
    if images:
        rows = iter(model(np.array(images)))  # (N, 48, 48) -> (N, C)
    for picture, found in waiting:
        faces = []
        for number, face in enumerate(found, start=1):
            probabilities = dict(zip(labels, next(rows).tolist(), strict=True))
            faces.append(_to_face(picture, face, number=number, probabilities=probabilities))
        yield PictureResult.of(picture, faces)


def _to_face(picture: Picture, found: FoundFace, *, number: int, probabilities: dict[str, float]) -> Face:
    height, width = picture.pixels.shape[:2]
    box = Box(0.0, 0.0, width, height)
    if found.detection:
        box = found.detection.box_px
    return Face(
        source=picture.source,
        face=str(number),
        probabilities=probabilities,
        box=box,
        image=found.image,
        square=found.square,
        frame=picture.frame,
        time_s=picture.time_s,
    )
