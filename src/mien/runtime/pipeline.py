"""From pictures to classified faces, in batches.  Axes: `N` faces, `C` classes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mien.runtime.detect import Detector
from mien.runtime.occlusion import Classify
from mien.runtime.photo import FoundFace, find_faces
from mien.runtime.quality import Flaw, flaws
from mien.runtime.results import Face, Picture, PictureResult, Unreadable
from mien.runtime.selection import Selection, box_of

BATCH = 8
"""Pictures are classified at the latest when those that wait have this many faces together: more are hardly faster, and
an interrupt would lose more."""

MAX_PIXELS = 32_000_000
"""Pictures are classified at the latest when those that wait have this many pixels together: 96 MB."""

FoundFaces = tuple[Picture, list[FoundFace], str | None]
"""A picture, its faces, not yet classified, and why there are none."""

TURN_S = 1.0
"""Seconds of a video between two tries of other orientations."""

EVERY_FACE = Selection()


def find_and_classify(
    model: Classify,
    pictures: Iterable[Picture | Unreadable],
    *,
    labels: Sequence[str],
    detector: Detector,
    margin: float = 0.0,
    align: bool = True,
    selection: Selection = EVERY_FACE,
    orientation: "Orientation | None" = None,
) -> Iterator[PictureResult]:
    """Find and classify the faces of pictures; the faces of several pictures are classified together.

    A picture's faces come from left to right.  When reading fails, what was read before comes out first, then the
    error.

    Args:
        model: maps faces `uint8 (N, 48, 48)` to probabilities `float32 (N, C)`.
        pictures: come out in the same order, each with its faces, also those without any.
        labels: the C class names.
        detector: finds the faces.
        margin: see `mien.runtime.photo.face_square`.
        align: see `mien.runtime.photo.face_square`.
        selection: which faces are wanted.
        orientation: what earlier calls learned about the same video's frames; None begins anew.
    """
    waiting: list[FoundFaces] = []
    faces = pixels = 0
    orientation = orientation or Orientation()
    try:
        for picture in pictures:
            if isinstance(picture, Unreadable):
                yield from _classify(model, waiting, labels)
                waiting, faces, pixels = [], 0, 0
                yield PictureResult(picture.source, error=picture.error)
                continue
            turn = orientation.may_turn(picture)
            found = find_faces(
                picture.pixels,
                detector=detector,
                margin=margin,
                align=align,
                crops=selection.crops,
                quarters=orientation.quarters,
                turn=turn,
            )
            if turn:
                orientation.keep(found)
            chosen = selection.choose(found, picture.pixels)
            if picture.time_s is None:
                chosen.sort(key=_from_left)
            reason = None
            if not chosen:
                reason = selection.reason(found, picture.pixels)
            waiting.append((picture, chosen, reason))
            faces += len(chosen)
            pixels += picture.pixels.size // 3
            if faces >= BATCH or pixels >= MAX_PIXELS:
                yield from _classify(model, waiting, labels)
                waiting, faces, pixels = [], 0, 0
    except Exception:
        yield from _classify(model, waiting, labels)
        raise
    yield from _classify(model, waiting, labels)


def classify_faces(
    model: Classify, images: NDArray[np.uint8], ids: Iterable[str], *, labels: Sequence[str], source: str
) -> Iterator[PictureResult]:
    """Classify faces that are cut out already, `uint8 (N, 48, 48)`: one result each, with its id as `face`."""
    unknown = [None] * len(images)
    marks = flaws(images, unknown, unknown)
    for image, face_id, row, quality in zip(images, ids, model(images), marks, strict=True):
        probabilities = dict(zip(labels, row.tolist(), strict=True))
        face = Face(source, str(face_id), probabilities, None, image, quality=quality)
        yield PictureResult(source, (face,), _reopen=partial(np.repeat, image[:, :, None], 3, axis=2))


class Orientation:
    """By how many quarters pictures are turned for the first search, and whether others follow it.

    A picture begins upright.  A video's frames begin with the orientation in which a face was found last, and the
    others are tried at its first frame and then at most once in `TURN_S`, since they cost three more searches.
    """

    def __init__(self) -> None:
        self.quarters = 0
        self._source: str | None = None
        self._next_s = 0.0

    def may_turn(self, picture: Picture) -> bool:
        """Say whether other orientations may be tried on this picture."""
        if picture.time_s is None or picture.source != self._source:
            self.quarters, self._source = 0, picture.source
        elif picture.time_s < self._next_s:
            return False
        self._next_s = (picture.time_s or 0.0) + TURN_S
        return True

    def keep(self, found: list[FoundFace]) -> None:
        """Take the orientation of the most confident face for the frames that follow."""
        if found and found[0].detection is not None and self._source is not None:
            self.quarters = found[0].detection.rotated // 90


def _from_left(face: FoundFace) -> tuple[float, float]:
    """Return by what a picture's faces are sorted: their centres from left to right, then from top to bottom."""
    if face.detection is None:
        return 0.0, 0.0
    box = face.detection.box_px
    return box.x + box.width / 2, box.y + box.height / 2


def _classify(model: Classify, waiting: list[FoundFaces], labels: Sequence[str]) -> Iterator[PictureResult]:
    images: list[NDArray[np.uint8]] = []
    sides_px: list[float | None] = []
    confidences: list[float | None] = []
    for picture, found, _ in waiting:
        for face in found:
            images.append(face.image)
            sides_px.append(_side_px(face, picture))
            confidences.append(face.detection.probability if face.detection else None)
    rows: Iterator[NDArray[np.float32]] = iter([])
    marks: Iterator[tuple[Flaw, ...]] = iter([])
    if images:
        batch = np.array(images)  # (N, 48, 48)
        rows = iter(model(batch))  # (N, C)
        marks = iter(flaws(batch, sides_px, confidences))
    for picture, found, reason in waiting:
        faces = []
        for number, face in enumerate(found, start=1):
            probabilities = dict(zip(labels, next(rows).tolist(), strict=True))
            faces.append(_to_face(picture, face, number=number, probabilities=probabilities, quality=next(marks)))
        yield PictureResult.of(picture, faces, reason)


def _side_px(face: FoundFace, picture: Picture) -> float:
    """Return how large a face is in its picture: the side of its square, or the picture's shorter side."""
    if face.square is not None:
        return face.square.side
    return float(min(picture.pixels.shape[:2]))


def _to_face(
    picture: Picture,
    found: FoundFace,
    *,
    number: int,
    probabilities: dict[str, float],
    quality: tuple[Flaw, ...],
) -> Face:
    rotated = 0
    if found.detection is not None:
        rotated = found.detection.rotated
    return Face(
        source=picture.source,
        face=str(number),
        probabilities=probabilities,
        box=box_of(found, picture.pixels),
        image=found.image,
        square=found.square,
        frame=picture.frame,
        time_s=picture.time_s,
        rotated=rotated,
        crop=found.crop,
        quality=quality,
    )
