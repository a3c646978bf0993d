"""`see`: from pictures to classified faces, in batches.  Axes: `N` faces, `C` classes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE
from mien.runtime.detect import Detector
from mien.runtime.geometry import Box
from mien.runtime.photo import FoundFace, find_faces
from mien.runtime.results import Face, Picture, PictureResult

BATCH = 8
"""Pictures are classified at the latest when those that wait have this many faces together: more are hardly faster, and
an interrupt would lose more."""

MOST_PIXELS = 32_000_000
"""Pictures are classified at the latest when those that wait have this many pixels together: 96 MB."""


def see(
    model: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pictures: Iterator[Picture],
    *,
    labels: Sequence[str],
    detector: Detector,
    margin: float = 0.0,
    align: bool = True,
) -> Iterator[PictureResult]:
    """Find and classify the faces of pictures; the faces of several pictures are classified together.

    A video's frame counts as a face as a whole only if it has 48×48 pixels: one without a face has none.  When reading
    fails, what was read before comes out first, then the error.

    Args:
        model: maps faces `uint8 (N, 48, 48)` to probabilities `float32 (N, C)`.
        pictures: come out in the same order, each with its faces, also those without any.
        labels: the C class names.
        detector: finds the faces.
        margin: see `mien.runtime.photo.face_square`.
        align: see `mien.runtime.photo.face_square`.
    """
    waiting: list[tuple[Picture, list[FoundFace]]] = []
    try:
        for picture in pictures:
            found = find_faces(picture.pixels, detector=detector, margin=margin, align=align)
            waiting.append((picture, [face for face in found if picture.time_s is None or _counts(face, picture)]))
            faces = sum(len(found) for _, found in waiting)
            if faces >= BATCH or sum(each.pixels.size // 3 for each, _ in waiting) >= MOST_PIXELS:
                yield from _classify(model, waiting, labels)
                waiting = []
    except Exception:
        yield from _classify(model, waiting, labels)
        raise
    yield from _classify(model, waiting, labels)


def _counts(face: FoundFace, frame: Picture) -> bool:
    return face.detection is not None or frame.pixels.shape[:2] == (SIZE, SIZE)


def _classify(
    model: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    waiting: list[tuple[Picture, list[FoundFace]]],
    labels: Sequence[str],
) -> Iterator[PictureResult]:
    images = [face.image for _, found in waiting for face in found]
    said: Iterator[NDArray[np.float32]] = iter(model(np.array(images)) if images else [])
    for picture, found in waiting:
        yield PictureResult(
            picture,
            tuple(_face(picture, each, str(i), next(said), labels) for i, each in enumerate(found, start=1)),
        )


def _face(picture: Picture, found: FoundFace, face: str, said: NDArray[np.float32], labels: Sequence[str]) -> Face:
    height, width = picture.pixels.shape[:2]
    return Face(
        source=picture.source,
        face=face,
        probabilities=dict(zip(labels, said.tolist(), strict=True)),
        box=found.detection.box_px if found.detection else Box(0.0, 0.0, width, height),
        image=found.image,
        square=found.square,
        frame=picture.frame,
        time_s=picture.time_s,
    )
