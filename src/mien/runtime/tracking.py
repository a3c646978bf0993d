"""`track`: which faces of a video's frames are one person's, and their probabilities smoothed over time."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mien.core.errors import UsageError
from mien.runtime.geometry import Box, iou
from mien.runtime.results import BOX_DIGITS, PROBABILITY_DIGITS, TIME_DIGITS, Face, PictureResult

MIN_IOU = 0.3
"""A face belongs to a track only if its box and the one expected have at least this intersection over union."""

LOST_S = 1.0
"""A track ends that was not in the frame before, nor within this time."""

SMOOTH_S = 0.25
"""The time constant of the probabilities' smoothing, see `track`."""

NO_BOX = Box(0, 0, 0, 0)

STEADY_S = 0.2
"""The time constant of a track's motion, which tells where its face is expected: long enough that the jitter of the
boxes is not taken for motion."""


def track(
    frames: Iterable[PictureResult], *, smooth_s: float = SMOOTH_S, known: Iterable[Face] = ()
) -> Iterator[PictureResult]:
    """Number the faces of a video by track, and smooth each track's probabilities over time.

    A face belongs to the track whose expected box, moved on as the face has moved so far, it overlaps most; pairs are
    taken from the largest overlap down.  A face that overlaps none by `MIN_IOU` begins a track, as all do after a cut.
    A track ends after `LOST_S` without a face.  Another source begins anew, and pictures pass unchanged.

    Smoothing is exponential: over a time t since the track's face before, the smoothed probabilities p become
    p + (1 − exp(−t / `smooth_s`)) (q − p) with the face's own q, so it does not depend on the frame rate.  The default
    is made for expressions that last from half a second to four seconds (Ekman 2003, *Emotions Revealed*): the shortest
    still shows to 1 − exp(−2) = 86 %, and at 25 frames a second what changes by chance from frame to frame shrinks to
    28 %.  An expression appears about `smooth_s` late.

    Args:
        frames: frames of videos in their order; each is passed on before the next is taken.
        smooth_s: the time constant in seconds; 0 leaves the probabilities as they are.
        known: faces of the first video that have gone through here before, in their order, when a job is resumed.

    Yields:
        The same, where `face` is the track's number, "1", "2", … in the order of appearance.

    Raises:
        UsageError: `smooth_s` below 0.

    >>> import numpy as np
    >>> def frame(i, x, happy):
    ...     box, image = Box(x, 0, 40, 40), np.zeros((48, 48), np.uint8)
    ...     face = Face("a.mp4", "1", {"happy": happy, "sad": 1 - happy}, box, image, frame=i, time_s=i / 4)
    ...     return PictureResult("a.mp4", (face,), i, i / 4)
    >>> list(track([frame(0, 0, 1.0), frame(1, 9, 0.0), frame(2, 90, 0.0)]))
    [PictureResult(a.mp4 0.000 s: 1 happy 1.00), PictureResult(a.mp4 0.250 s: 1 sad 0.63),
     PictureResult(a.mp4 0.500 s: 2 sad 1.00)]
    """
    tracker = Tracker(smooth_s=smooth_s, known=known)
    return (tracker.update(frame) for frame in frames)


class Tracker:
    """Tracks the faces of one frame after the other; `track` has the arguments and what is done."""

    def __init__(self, *, smooth_s: float = SMOOTH_S, known: Iterable[Face] = ()) -> None:
        if not 0 <= smooth_s < math.inf:
            raise UsageError(f"smoothing over {smooth_s} s, expected 0 or more")
        self._smooth_s = smooth_s
        self._source = ""
        self._last_s = -math.inf
        self._count = 0
        self._tracks: list[_Track] = []
        self._resumed = _replay(known)

    def update(self, frame: PictureResult) -> PictureResult:
        """Return the next frame with its faces numbered by track, and their probabilities smoothed."""
        if frame.time_s is None:
            return frame
        time_s = round(frame.time_s, TIME_DIGITS)
        self._begin(frame.source, time_s)
        self._tracks = [one for one in self._tracks if one.time_s == self._last_s or time_s - one.time_s <= LOST_S]
        boxes = [_rounded(face.box or NO_BOX) for face in frame.faces]
        # Boxes are compared as records have them, so that a resumed job finds the same tracks.
        owners = _match(boxes, [one.expected(time_s) for one in self._tracks])
        faces = []
        for k, (face, box) in enumerate(zip(frame.faces, boxes, strict=True)):
            if k in owners:
                owner = self._tracks[owners[k]]
                owner.follow(face, box, time_s, self._smooth_s)
            else:
                self._count += 1
                owner = _Track(self._count, box, time_s, face.probabilities)
                self._tracks.append(owner)
            faces.append(replace(face, face=str(owner.number), probabilities=owner.probabilities))
        self._last_s = time_s
        return replace(frame, faces=tuple(faces))

    def _begin(self, source: str, time_s: float) -> None:
        """Begin anew where this is another video, or the same one from its start."""
        if source != self._source:
            self._source = source
            self._last_s, self._tracks = self._resumed.pop(source, (-math.inf, []))
            self._count = len(self._tracks)
        if time_s <= self._last_s:
            self._last_s, self._count, self._tracks = -math.inf, 0, []


@dataclass
class _Track:
    """A face over time: its last box, its velocity in pixels a second, its smoothed probabilities.

    Nothing is followed more exactly than a record has it, so that a job that is resumed after its records gives the
    same as one that never stopped.
    """

    number: int
    box: Box
    time_s: float
    probabilities: dict[str, float]
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time_s: float) -> Box:
        passed_s = time_s - self.time_s
        x, y = (side + speed * passed_s for side, speed in zip(self.box[:2], self.velocity, strict=True))
        return Box(x, y, self.box.width, self.box.height)

    def follow(self, face: Face, box: Box, time_s: float, smooth_s: float) -> None:
        """Take the track's next face, at a later time."""
        passed_s = time_s - self.time_s
        moved = (a - b for a, b in zip(_centre(box), _centre(self.box), strict=True))
        # Motion is smoothed too: the boxes' jitter must not look like motion.
        steady, weight = _weight(passed_s, STEADY_S), _weight(passed_s, smooth_s)
        vx, vy = (v + steady * (move / passed_s - v) for v, move in zip(self.velocity, moved, strict=True))
        self.velocity = (vx, vy)
        known = {name: round(p, PROBABILITY_DIGITS) for name, p in self.probabilities.items()}
        self.probabilities = {name: p + weight * (face.probabilities[name] - p) for name, p in known.items()}
        self.box, self.time_s = box, time_s


def _replay(known: Iterable[Face]) -> dict[str, tuple[float, list[_Track]]]:
    """Follow faces of one source whose tracks and probabilities are known: its last time and all its tracks."""
    tracks: dict[int, _Track] = {}
    source, last_s = "", -math.inf
    for face in known:
        box, time_s, number = face.box or NO_BOX, face.time_s or 0.0, int(face.face)
        if number in tracks:
            tracks[number].follow(face, box, time_s, 0.0)
        else:
            tracks[number] = _Track(number, box, time_s, face.probabilities)
        source, last_s = face.source, time_s
    return {source: (last_s, list(tracks.values()))}


def _match(boxes: list[Box], expected: list[Box]) -> dict[int, int]:
    """Pair boxes with expected ones, each at most once, from the largest overlap down: box to expected one."""
    pairs = []
    for k, box in enumerate(boxes):
        for t, other in enumerate(expected):
            pairs.append((iou(box, other), k, t))
    owners: dict[int, int] = {}
    for overlap, k, t in sorted(pairs, reverse=True):
        if overlap >= MIN_IOU and k not in owners and t not in owners.values():
            owners[k] = t
    return owners


def _rounded(box: Box) -> Box:
    return Box(*(round(side, BOX_DIGITS) for side in box))


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def _weight(passed_s: float, constant_s: float) -> float:
    """Return how much of a change exponential smoothing has followed after a time."""
    if constant_s == 0:
        return 1.0
    return 1 - math.exp(-passed_s / constant_s)
