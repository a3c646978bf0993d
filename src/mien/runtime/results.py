"""What flows through the runtime: pictures to look at, and what was found in them.  Axes: `H`, `W` the picture."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.arguments import checked
from mien.core.errors import DataError, MissingExtraError
from mien.core.schema import SCHEMA_VERSION
from mien.runtime.geometry import Box, Square
from mien.runtime.occlusion import Classify, occlude
from mien.runtime.quality import Flaw

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL import Image

    from mien.core.model_id import ModelId

PROBABILITY_DIGITS, BOX_DIGITS, TIME_DIGITS = 6, 2, 6
"""Decimals of a record's numbers."""

Crop = Literal["given", "assumed"]
"""Why a whole picture is a face: the caller says so, or it is too small to search."""

NO_FACE = "no face found"

Reopen = Callable[[], NDArray[np.uint8]]
"""Reads a picture's pixels again, RGB, `uint8 (H, W, 3)`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, or one frame of a video.

    Attributes:
        source: the file, or what else to call the picture.
        pixels: RGB, `uint8 (H, W, 3)`, upright.
        frame: the frame's number in its video, from 0; None for a picture.
        time_s: the frame's time in seconds; None for a picture.
        reopen: reads the pixels again when nobody has kept them.
    """

    source: str
    pixels: NDArray[np.uint8]
    frame: int | None = None
    time_s: float | None = None
    reopen: Reopen | None = None


@dataclass(frozen=True)
class Unreadable:
    """What takes a picture's place in the stream where it can't be read."""

    source: str
    error: str


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """A classified face: one record of the output.

    Attributes:
        source: the file that it is in.
        face: which one: its number in the picture, from 1, from left to right; its track's number in a video; its id in
            a table of faces.
        probabilities: the probability of each class, in the model's order; they sum to 1.
        box: the detector's rectangle in the upright picture, in pixels; the whole picture where that is the face; None
            in a table of faces.
        image: what the network saw, grey, `uint8 (48, 48)`.
        square: where that was cut out; None where the whole picture is the face.
        frame: the frame's number in its video, from 0; None for a picture.
        time_s: the frame's time in seconds; None for a picture.
        rotated: by how many degrees the picture was turned counter-clockwise before the face was found: 0, 90, 180 or
            270.  `box` and `square` are those of the picture as it is.
        crop: why the whole picture is the face: `given` by the caller, or `assumed`, since it is too small to search;
            None if the detector found the face.
        quality: what makes the label less sure, of `dark`, `pale`, `blurred`, `tiny` and `unsure` (a
            hesitant detector).
    """

    source: str
    face: str
    probabilities: dict[str, float]
    box: Box | None
    image: NDArray[np.uint8]
    square: Square | None = None
    frame: int | None = None
    time_s: float | None = None
    rotated: int = 0
    crop: Crop | None = None
    quality: tuple[Flaw, ...] = ()

    @property
    def label(self) -> str:
        """The most probable class, the first one at a tie."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """The most probable class's probability."""
        return self.probabilities[self.label]

    def record(self) -> dict[str, Any]:
        """Return one plain mapping, as every output format has it; probabilities to 6 digits, boxes to 0.01 pixels."""
        box = None
        if self.box is not None:
            box = [round(side, BOX_DIGITS) for side in self.box]
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "frame": self.frame,
            "time_s": _rounded(self.time_s),
            "face": self.face,
            "box": box,
            "label": self.label,
            "probability": round(self.probability, PROBABILITY_DIGITS),
            "probabilities": {name: round(p, PROBABILITY_DIGITS) for name, p in self.probabilities.items()},
            "rotated": self.rotated,
            "crop": self.crop,
            "quality": list(self.quality),
            "reason": None,
        }

    def __repr__(self) -> str:
        return f"Face({self.face} {self.label} {self.probability:.2f})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the face as the network saw it, and its probabilities."""
        from mien.runtime.notebook import show_face

        return show_face(self)


@dataclass(frozen=True, eq=False, repr=False)
class PictureResult:
    """A picture's faces, or a video's frame's.  In a notebook it shows the picture with its faces marked.

    Attributes:
        source: the file; for a picture in memory its own name or its place in the list, `picture 2`.
        faces: from left to right; in a video by track.
        frame: the frame's number in its video, from 0; None for a picture.
        time_s: the frame's time in seconds; None for a picture.
        error: why the picture can't be read, where `skip_bad` allows that; else None.
        reason: why there is no face; None where there are some.
    """

    source: str
    faces: tuple[Face, ...] = ()
    frame: int | None = None
    time_s: float | None = None
    error: str | None = None
    reason: str | None = None
    _pixels: NDArray[np.uint8] | None = field(default=None, kw_only=True)
    _reopen: Reopen | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, picture: Picture, faces: Sequence[Face], reason: str | None = None) -> Self:
        """Combine a picture and its faces, or the reason why it has none."""
        if not faces and reason is None:
            reason = NO_FACE
        return cls(
            picture.source,
            tuple(faces),
            picture.frame,
            picture.time_s,
            reason=reason,
            _pixels=picture.pixels,
            _reopen=picture.reopen,
        )

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The upright picture in RGB, `uint8 (H, W, 3)`: opened again where it was not kept.

        A video's frame is found by decoding the video up to it.

        Raises:
            DataError: the picture can't be read (any more).
        """
        if self._pixels is not None:
            return self._pixels
        if self._reopen is None:
            raise DataError(self.error or f"{self.source}: its pixels were not kept")
        return self._reopen()

    def without_pixels(self) -> Self:
        """Return the same without the pixels; they are read again when asked for."""
        return replace(self, _pixels=None)

    @checked
    def plot(self, explain: Classify | None = None) -> "Image.Image":
        """Return the picture with its faces marked, each with its number, class and probability.

        Args:
            explain: the model, to add maps of which parts of each face speak for its class, as `mien.occlude` makes
                them.

        Raises:
            DataError: the picture can't be read (any more).
        """
        from PIL import Image

        return Image.fromarray(self._drawn(explain))

    @checked
    def save(self, path: str | Path, explain: Classify | None = None) -> None:
        """Write the picture with its faces marked; the ending says the kind, such as `.png` or `.jpg`.

        Args:
            path: of the new picture.
            explain: as in `plot`.

        Raises:
            DataError: the picture can't be read (any more).
            UsageError: an ending that is no picture's.
            StorageError: the file can't be written.
        """
        from mien.runtime.annotate import write_picture

        write_picture(Path(path), self._drawn(explain))

    def _drawn(self, explain: Classify | None) -> NDArray[np.uint8]:
        from mien.runtime.annotate import annotate, annotate_with_maps

        if explain is None or not self.faces:
            return annotate(self.pixels, self.faces)
        maps = occlude(explain, np.array([face.image for face in self.faces]))
        return annotate_with_maps(self.pixels, self.faces, maps)

    def records(self) -> list[dict[str, Any]]:
        """Return one plain mapping per face, as files of results have them.

        A picture without a face has one mapping, whose `reason` says why, and whose face, box, label and probabilities
        are None.
        """
        if self.faces:
            return [face.record() for face in self.faces]
        without: dict[str, Any] = dict.fromkeys(
            ("face", "box", "label", "probability", "probabilities", "rotated", "crop")
        )
        place = {"source": self.source, "frame": self.frame, "time_s": _rounded(self.time_s)}
        reason = self.error or self.reason or NO_FACE
        return [{"schema_version": SCHEMA_VERSION, **place, **without, "quality": [], "reason": reason}]

    def __repr__(self) -> str:
        place = self.source
        if self.time_s is not None:
            place += f" {self.time_s:.3f} s"
        if self.error is not None:
            return f"PictureResult({place}: {self.error})"
        faces = ", ".join(f"{face.face} {face.label} {face.probability:.2f}" for face in self.faces)
        return f"PictureResult({place}: {faces or self.reason or NO_FACE})"

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows; None, for the text, without the picture."""
        from mien.runtime.notebook import show_picture

        return show_picture(self)


class Results(list[PictureResult]):
    """What was found in several pictures, in their order.

    Attributes:
        model: which network classified.
        classes: the C class names, in the order of the probabilities.
        warnings: what the network was not made for, in sentences, see `mien.core.card.Card.warnings`.
    """

    def __init__(
        self,
        pictures: Iterable[PictureResult],
        *,
        model: "ModelId",
        classes: Sequence[str],
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__(pictures)
        self.model = model
        self.classes = tuple(classes)
        self.warnings = tuple(warnings)

    @property
    def faces(self) -> list[Face]:
        """The faces of all pictures."""
        found: list[Face] = []
        for picture in self:
            found.extend(picture.faces)
        return found

    @property
    def unreadable(self) -> list[PictureResult]:
        """The pictures that could not be read; each has its `error`."""
        return [picture for picture in self if picture.error is not None]

    def records(self) -> list[dict[str, Any]]:
        """Return one plain mapping per face, and one of each picture without a face, as files of results have them."""
        found: list[dict[str, Any]] = []
        for picture in self:
            found.extend(picture.records())
        return found

    def to_pandas(self) -> "DataFrame":
        """Return a table with one row per face, one of each picture without a face, and the columns of the CSV file.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from mien.runtime.result_files import columns, flat_record

        try:
            import pandas
        except ImportError:
            raise MissingExtraError("a table needs pandas: pip install pandas") from None
        names = columns(self.classes)
        table = pandas.DataFrame([flat_record(record, self.classes) for record in self.records()], columns=names)
        # Pictures have no frame and no time: columns of nothing would have no numbers' type.
        numbers = [name for name in names if name.startswith(("box_", "p_")) or name == "probability"]
        return table.astype({"frame": "Int64", "time_s": "float64", **dict.fromkeys(numbers, "float64")})

    @checked
    def save(self, path: str | Path) -> None:
        """Write the records; the ending says the format: `.json`, `.jsonl`, `.csv`, `.tsv`, `.parquet`, `.txt`.

        A folder that isn't there is made.

        Raises:
            UsageError: another ending.
            MissingExtraError: Parquet, and pyarrow is not installed.
            StorageError: the file can't be written.
        """
        from mien.core.files import storage_errors
        from mien.runtime.result_files import format_of, open_writer

        place = Path(path)
        format_ = format_of(place)
        with storage_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            writer = open_writer(place, format_, model=self.model, classes=self.classes, warnings=self.warnings)
            with closing(writer):
                for picture in self:
                    writer.write(picture)

    def __repr__(self) -> str:
        unreadable = len(self.unreadable)
        counts = [_count(len(self) - unreadable, "picture"), _count(len(self.faces), "face")]
        if unreadable:
            counts.append(f"{unreadable:,} unreadable")
        return f"Results({', '.join(counts)})"

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows: a single picture, or a table of the faces; None, for the text, without."""
        from mien.runtime.notebook import show_results

        return show_results(self)


def _rounded(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, TIME_DIGITS)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
