"""What flows through the runtime: pictures to look at, and the faces seen in them.  Axes: `H`, `W` the picture."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.schema import SCHEMA_VERSION
from mien.runtime.geometry import Box, Square

PROBABILITY_DIGITS, BOX_DIGITS, TIME_DIGITS = 6, 2, 6
"""Decimals of a record's numbers."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, or one frame of a video.

    Attributes:
        source: the file.
        pixels: RGB, `uint8 (H, W, 3)`, upright.
        frame: the frame's number in its video, from 0; None for a picture.
        time_s: the frame's time in seconds; None for a picture.
    """

    source: str
    pixels: NDArray[np.uint8]
    frame: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, eq=False)
class Face:
    """A classified face: one record of the output.

    Attributes:
        source: the file that it is in.
        face: which one: its number in the picture from 1, the surest first; its track's number in a video; its id in a
            table of faces.
        probabilities: the probability of each class, in the model's order; they sum to 1.
        box: the detector's rectangle in the upright picture, in pixels; the whole picture where that is the face; None
            in a table of faces.
        image: what the network saw, grey, `uint8 (48, 48)`.
        square: where that was cut out; None where the whole picture is the face.
        frame: as in `Picture`.
        time_s: as in `Picture`.
    """

    source: str
    face: str
    probabilities: dict[str, float]
    box: Box | None
    image: NDArray[np.uint8]
    square: Square | None = None
    frame: int | None = None
    time_s: float | None = None

    @property
    def label(self) -> str:
        """The most probable class, the first one at a tie."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """The most probable class's probability."""
        return self.probabilities[self.label]

    def record(self) -> dict[str, Any]:
        """One plain mapping, as every output format has it; probabilities to 6 digits, boxes to 0.01 pixels."""
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "frame": self.frame,
            "time_s": None if self.time_s is None else round(self.time_s, TIME_DIGITS),
            "face": self.face,
            "box": None if self.box is None else [round(side, BOX_DIGITS) for side in self.box],
            "label": self.label,
            "probability": round(self.probability, PROBABILITY_DIGITS),
            "probabilities": {name: round(p, PROBABILITY_DIGITS) for name, p in self.probabilities.items()},
        }


@dataclass(frozen=True, eq=False)
class PictureResult:
    """A picture and its faces."""

    picture: Picture
    faces: tuple[Face, ...]
