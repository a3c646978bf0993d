"""`find_faces`: from a picture file to faces as a network takes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE, decode_colour, grey, resize
from mien.runtime.crop import Square, cut, frame
from mien.runtime.detect import SMALL_PX, Detection, Detector, require_rgb
from mien.runtime.panorama import search

NEARLY_SQUARE = 4 / 3
"""The largest ratio of sides at which a small picture may itself be a face."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face of a picture.

    Attributes:
        image: the face as a network takes it, grey, `uint8 (48, 48)`.
        square: where it was cut from the upright picture, in pixels; None if the whole picture is the face.
        detection: what the detector said; None if the whole picture is the face.
    """

    image: NDArray[np.uint8]
    square: Square | None
    detection: Detection | None


def find_faces(
    picture: str | Path | bytes | NDArray[np.uint8], *, detector: Detector, margin: float = 0.0, align: bool = True
) -> list[FoundFace]:
    """Find the faces of a picture and cut them out.

    A picture of 48×48 pixels is a face already and is used as it is.  Any other goes to the detector, a panorama in
    pieces; if that finds nothing, a picture whose longer side has at most `SMALL_PX` pixels and at most 4/3 of the
    shorter one is taken for a face as a whole.

    Args:
        picture: a file's path or bytes, or pixels in RGB, `uint8 (H, W, 3)`.
        detector: finds the faces, `YuNet()` for one; make it once and use it for many pictures.
        margin: a bundle's `crop_margin`, see `mien.runtime.crop.frame`.
        align: turn each face so that its eyes are level.

    Returns:
        The faces, the surest first; none if there are none.

    Raises:
        DataError: no picture, see `mien.core.images.decode_colour`; or pixels of another dtype or shape.

    >>> from mien.runtime.detect import YuNet
    >>> find_faces(np.zeros((480, 640, 3), np.uint8), detector=YuNet(threads=1))
    []
    """
    pixels = picture if isinstance(picture, np.ndarray) else _read(picture)
    require_rgb(pixels)
    height, width = pixels.shape[:2]
    found = [] if height == width == SIZE else search(pixels, detector)
    if found:
        squares = [frame(detection, margin=margin, align=align) for detection in found]
        return [FoundFace(cut(pixels, square), square, seen) for square, seen in zip(squares, found, strict=True)]
    if max(height, width) <= min(SMALL_PX, NEARLY_SQUARE * min(height, width)):
        return [FoundFace(resize(grey(pixels)), None, None)]
    return []


def _read(picture: str | Path | bytes) -> NDArray[np.uint8]:
    return decode_colour(Path(picture) if isinstance(picture, str) else picture)
