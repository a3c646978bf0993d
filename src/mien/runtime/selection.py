"""Which of a picture's faces are classified, and why there are none.  Axes: `H`, `W` the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.runtime.geometry import Box
from mien.runtime.photo import LEAST_PX, FoundFace, largest_face, whole_picture
from mien.runtime.results import NO_FACE


@dataclass(frozen=True)
class Selection:
    """Which faces are wanted.

    Attributes:
        crops: each picture is a face that is cut out already, whatever its size.
        min_confidence: the least confidence of the detector, 0 to 1.
        min_px: the least size: the shorter side of the face's box, in pixels.
        largest: only the largest face of each picture.

    Raises:
        UsageError: a number out of its range.
    """

    crops: bool = False
    min_confidence: float = 0.0
    min_px: float = 0.0
    largest: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"min_confidence {self.min_confidence}, expected 0 to 1")
        if not 0 <= self.min_px < float("inf"):
            raise UsageError(f"min_px {self.min_px}, expected 0 pixels or more")

    def choose(self, faces: Sequence[FoundFace], picture: NDArray[np.uint8]) -> list[FoundFace]:
        """Return the faces of an RGB picture, `uint8 (H, W, 3)`, that are wanted, in their order."""
        chosen = [face for face in faces if self._is_wanted(face, picture)]
        if self.largest and chosen:
            chosen = [largest_face(chosen)]
        return chosen

    def reason(self, faces: Sequence[FoundFace], picture: NDArray[np.uint8]) -> str:
        """Say why none of the faces found in an RGB picture, `uint8 (H, W, 3)`, is left."""
        height, width = picture.shape[:2]
        if faces:
            limits = []
            if self.min_confidence:
                limits.append(f"min_confidence {self.min_confidence:g}")
            if self.min_px:
                limits.append(f"min_px {self.min_px:g}")
            return f"found but not wanted: {len(faces)} ({', '.join(limits)})"
        if whole_picture(picture, crops=self.crops) and min(height, width) < LEAST_PX:
            return f"too small: {width}×{height} pixels, at least {LEAST_PX} are needed"
        return NO_FACE

    def _is_wanted(self, face: FoundFace, picture: NDArray[np.uint8]) -> bool:
        if face.detection is not None and face.detection.probability < self.min_confidence:
            return False
        return min(box_of(face, picture)[2:]) >= self.min_px


def box_of(face: FoundFace, picture: NDArray[np.uint8]) -> Box:
    """Return the detector's box, or that of the whole picture, `uint8 (H, W, 3)`, where that is the face."""
    if face.detection is not None:
        return face.detection.box_px
    height, width = picture.shape[:2]
    return Box(0.0, 0.0, width, height)
