"""`predict`, `stream` and `load`: the faces of pictures, videos and tables, found and classified; without PyTorch."""

import logging
import math
import numbers
import time
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Self, TypedDict, Unpack

import numpy as np

from mien.core.arguments import checked
from mien.core.bundle import Bundle, Precision
from mien.core.errors import UsageError
from mien.core.prior import Prior, estimate_prior
from mien.core.runs import RunDir
from mien.core.text import percentage
from mien.runtime.detect import Detector, YuNet
from mien.runtime.pipeline import Orientation, find_and_classify
from mien.runtime.results import Picture, PictureResult, Results
from mien.runtime.selection import Selection
from mien.runtime.session import BundleModel
from mien.runtime.sources import PictureSource, is_picture_source, picture_in_memory, require_channels
from mien.runtime.tracking import SMOOTH_S, Tracker
from mien.workflows.run_bundle import find_model
from mien.workflows.stream import Channels, Source, stream_results

log = logging.getLogger(__name__)


class PredictOptions(TypedDict, total=False):
    """The keyword arguments of `predict` and `stream`, which explain them."""

    align: bool
    channels: Channels
    every: int
    fps: float | None
    smooth_s: float
    split: str | None
    skip_bad: bool
    crops: bool
    min_confidence: float
    min_px: float
    largest: bool


def predict(
    source: Source,
    model: "Model | RunDir | Bundle | str | Path | None" = None,
    *,
    align: bool = True,
    channels: Channels = "rgb",
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    split: str | None = None,
    skip_bad: bool = False,
    crops: bool = False,
    min_confidence: float = 0.0,
    min_px: float = 0.0,
    largest: bool = False,
    prior: Prior | None = None,
) -> Results:
    """Find and classify the faces of pictures and videos, or classify a table of faces.

    The results hold no pictures: they are opened again when asked for.  For long videos and large folders take
    `stream`, which gives one result after the other.

    Args:
        source: a file, a folder with all that lies in it, a pattern such as `pics/*.jpg`; a picture file's bytes, or
            such a file opened in binary mode; a picture opened with Pillow; an array: grey, RGB or RGBA, `uint8` or
            floats from 0 to 1; several of these, as a list or a generator.  Or a table of faces that are cut out
            already: a CSV or Parquet file that `open_faces` reads, `synthetic`, or a `FaceSet`.
        model: what `mien.load` returns, or what it takes.
        align: turn each face so that its eyes are level.
        channels: the order of an array's colours: `rgb`, or `bgr` as OpenCV has it.
        every: take every n-th frame of a video.
        fps: take at most so many frames per second of a video.
        smooth_s: time constant in seconds over which a video's probabilities are averaged along a track; 0: not at all.
        split: only these faces of a table, such as `test`.
        skip_bad: go on after a picture that can't be read: its result has an `error` and no faces.
        crops: each picture is a face that is cut out already, whatever its size.  Else only what the detector finds is
            a face; pictures of at most 48 pixels are too small to search, and are assumed to be faces, with a warning.
        min_confidence: leave out faces of which the detector is less confident, 0 to 1; YuNet itself drops those below
            0.6.
        min_px: leave out faces whose box is narrower or lower, in pixels.
        largest: only the largest face of each picture or frame.
        prior: how frequent the classes are among these faces: `uniform` for alike, a number for each class, in
            proportion to its share, `training` for as in training, or `estimate` to estimate it from the faces
            themselves, for which the source is read twice.  None takes what the model assumes.

    Raises:
        DataError: a file or folder is missing or empty, no picture or damaged; no such model.
        UsageError: something is no source, or arguments don't go together.
        MissingExtraError: a video, and PyAV is not installed; a run that is not exported yet, and PyTorch is not.

    >>> results = predict("synthetic:7", "mien-n")
    >>> len(results), len(results.faces), results[0].faces[0].image.shape
    (7, 7, (48, 48))
    """
    return _loaded(model).predict(
        source,
        align=align,
        channels=channels,
        every=every,
        fps=fps,
        smooth_s=smooth_s,
        split=split,
        skip_bad=skip_bad,
        crops=crops,
        min_confidence=min_confidence,
        min_px=min_px,
        largest=largest,
        prior=prior,
    )


def stream(
    source: Source,
    model: "Model | RunDir | Bundle | str | Path | None" = None,
    *,
    align: bool = True,
    channels: Channels = "rgb",
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    split: str | None = None,
    skip_bad: bool = False,
    crops: bool = False,
    min_confidence: float = 0.0,
    min_px: float = 0.0,
    largest: bool = False,
    prior: Prior | None = None,
) -> Iterator[PictureResult]:
    """Find and classify faces like `predict`, one picture or frame after the other; memory doesn't grow.

    One thread decodes, one finds and classifies, in batches across pictures.  A generator's items are taken in the
    caller's own thread; for a webcam take `Model.tracker`, which answers frame by frame.  A result holds its pixels as
    long as you hold the result.

    Args:
        source: as in `predict`.
        model: as in `predict`.
        align: as in `predict`.
        channels: as in `predict`.
        every: as in `predict`.
        fps: as in `predict`.
        smooth_s: as in `predict`.
        split: as in `predict`.
        skip_bad: as in `predict`.
        crops: as in `predict`.
        min_confidence: as in `predict`.
        min_px: as in `predict`.
        largest: as in `predict`.
        prior: as in `predict`.

    Raises:
        MienError: as in `predict`.

    >>> import numpy as np
    >>> black = np.zeros((480, 640, 3), np.uint8)
    >>> for result in stream([black, black], "mien-n"):
    ...     print(result)
    PictureResult(picture 1: no face found)
    PictureResult(picture 2: no face found)
    """
    return _loaded(model).stream(
        source,
        align=align,
        channels=channels,
        every=every,
        fps=fps,
        smooth_s=smooth_s,
        split=split,
        skip_bad=skip_bad,
        crops=crops,
        min_confidence=min_confidence,
        min_px=min_px,
        largest=largest,
        prior=prior,
    )


def load(
    model: RunDir | Bundle | str | Path | None = None,
    *,
    precision: Precision = "default",
    threads: int | None = None,
    device: str = "auto",
    prior: Prior | None = None,
) -> "Model":
    """Make a model ready to find and classify faces.

    Args:
        model: a bundle, its folder, its name below `runs/export`, or the name of one that ships with mien; a training
            run, its folder, its name or `latest`, which is exported into its folder `bundle/` unless that is there
            already; None takes `mien-s`.
        precision: `default` takes the one that the bundle's card names; off the CPU fp32, since int8 is made for CPUs.
        threads: how many compute; None takes as many as the process may use.
        device: `cpu`, `cuda`, `cuda:1`, `coreml`, or `auto`: CUDA if it is there and starts, else the CPU; not CoreML.
        prior: as in `predict`, but not `estimate`, which needs faces.

    Raises:
        DataError: no such model, or a file of it is missing or damaged.
        UsageError: no such precision, device or prior, or `threads` is not 1 to 1024.
        MissingExtraError: a run that is not exported yet, and PyTorch is not installed.

    >>> import numpy as np
    >>> model = load("mien-n", threads=1)
    >>> model(np.zeros((2, 48, 48), np.uint8)).shape, model.classes[:2]
    ((2, 7), ('angry', 'disgust'))
    """
    opened = Model.open(find_model(model), precision=precision, threads=threads, device=device)
    return opened if prior is None else opened.with_prior(prior)


class Model(BundleModel):
    """A classifier with its face detector; `mien.load` makes one, to be used again and again.

    `model(faces)` classifies faces that are cut out already, `uint8 (N, 48, 48)`: `float32 (N, C)`.

    Attributes:
        bundle: what was loaded.
        precision: `fp32` or `int8`.
        device: `cpu`, `cuda:0`, …
        detector: finds the faces; `YuNet` unless you put another one here.
        prior: the share of each class that the probabilities assume; `with_prior` returns a model for others.
    """

    _detector: Detector | None = None
    _has_warned = False

    @property
    def detector(self) -> Detector:
        """Finds the faces; it is made when it is first needed."""
        if self._detector is None:
            self._detector = YuNet(threads=self.threads)
        return self._detector

    @detector.setter
    def detector(self, detector: Detector) -> None:
        self._detector = detector

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network was not made for, and another prior, in sentences; logged once, at the first use."""
        found = self.bundle.card.warnings()
        if self.prior == self.bundle.card.assumed_shares:
            return found
        shares = ", ".join(f"{name} {percentage(share)}" for name, share in self.prior.items())
        return (*found, f"the probabilities are for another mixture of classes than the model's own: {shares}")

    def warn(self) -> None:
        """Log the warnings, the first time."""
        if not self._has_warned:
            for warning in self.warnings:
                log.warning("%s", warning)
        self._has_warned = True

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the card."""
        return self.bundle._repr_html_()

    @checked
    def predict(self, source: Source, *, prior: Prior | None = None, **options: Unpack[PredictOptions]) -> Results:
        """Find and classify faces; `mien.predict` has the arguments."""
        model = self if prior is None else self.for_prior(prior, source, **options)
        results = [result.without_pixels() for result in model.stream(source, **options)]
        return Results(results, model=model.id, classes=model.classes, warnings=model.warnings)

    @checked
    def stream(
        self, source: Source, *, prior: Prior | None = None, **options: Unpack[PredictOptions]
    ) -> Iterator[PictureResult]:
        """Find and classify faces, one picture or frame after the other; `mien.stream` has the arguments."""
        model = self if prior is None else self.for_prior(prior, source, **options)
        return stream_results(model, source, **options)

    @checked
    def for_prior(self, prior: Prior, source: Source, **options: Unpack[PredictOptions]) -> Self:
        """Return the same model for the mixture of classes in a source; `mien.predict` has the arguments."""
        if prior == "estimate":
            prior = self.estimate_prior(source, **options)
        return self.with_prior(prior)

    @checked
    def estimate_prior(self, source: Source, **options: Unpack[PredictOptions]) -> dict[str, float]:
        """Estimate how frequent each class is among the faces of a source, without labels.

        Every face counts, in a video once for each frame.  `mien.core.prior.estimate_prior` has the method.

        Args:
            source: as in `mien.predict`, but nothing that can be read only once.
            **options: as in `mien.predict`.

        Returns:
            The share of each class, in the order of the classes, as `with_prior` takes them.

        Raises:
            DataError: no face was found.
            UsageError: a generator, or opened files.
        """
        items = source if isinstance(source, Sequence) else [source]
        if isinstance(source, Iterator) or any(hasattr(item, "read") for item in items):
            raise UsageError(
                "prior 'estimate' reads the source twice, and this one can be read only once; give a list, or paths"
            )
        options["smooth_s"] = 0.0
        rows = []
        for result in stream_results(self, source, **options):
            rows += [list(face.probabilities.values()) for face in result.faces]
        probabilities = np.array(rows, np.float32).reshape(-1, len(self.classes))  # (N, C)
        shares = estimate_prior(probabilities, old=self.prior)
        log.info("estimated shares: %s", ",".join(f"{name}={share:.3f}" for name, share in shares.items()))
        return shares

    @checked
    def tracker(
        self,
        *,
        align: bool = True,
        channels: Channels = "rgb",
        smooth_s: float = SMOOTH_S,
        min_confidence: float = 0.0,
        min_px: float = 0.0,
        largest: bool = False,
    ) -> "FrameTracker":
        """Begin to track faces through the frames of your own loop, such as a webcam's.

        Args:
            align: turn each face so that its eyes are level.
            channels: the order of the frames' colours: `rgb`, or `bgr` as OpenCV has it.
            smooth_s: time constant in seconds over which probabilities are averaged along a track; 0: not at all.
            min_confidence: leave out faces of which the detector is less confident, 0 to 1.
            min_px: leave out faces whose box is narrower or lower, in pixels.
            largest: only the largest face of each frame.

        Raises:
            UsageError: a number out of its range, or other channels.
        """
        require_channels(channels)
        self.warn()
        selection = Selection(min_confidence=min_confidence, min_px=min_px, largest=largest)
        return FrameTracker(self, align=align, channels=channels, smooth_s=smooth_s, selection=selection)


class FrameTracker:
    """Tracks faces through the frames of your own loop; `Model.tracker` makes one.

    >>> import numpy as np
    >>> tracker = load("mien-n", threads=1).tracker()
    >>> for i in range(2):
    ...     print(tracker.update(np.zeros((480, 640, 3), np.uint8), time_s=i / 25))
    PictureResult(live 0.000 s: no face found)
    PictureResult(live 0.040 s: no face found)
    """

    def __init__(self, model: Model, *, align: bool, channels: Channels, smooth_s: float, selection: Selection) -> None:
        self._model, self._align, self._channels, self._selection = model, align, channels, selection
        self._tracker = Tracker(smooth_s=smooth_s)
        self._orientation = Orientation()
        self._frame = 0
        self._begun_s = time.monotonic()
        self._last_s: float | None = None

    def update(self, frame: PictureSource, time_s: float | None = None) -> PictureResult:
        """Find, classify and track the faces of the next frame.

        Args:
            frame: pixels, bytes, an opened file or a Pillow picture.
            time_s: when it was taken, in seconds, later than the frame before; None is now.

        Raises:
            DataError: no picture, or damaged.
            UsageError: not later than the frame before, or no source.
        """
        if not is_picture_source(frame) or isinstance(frame, str | PathLike):
            raise UsageError(f"frame: expected pixels, bytes or a Pillow picture, not {type(frame).__name__}")
        if time_s is None:
            time_s = time.monotonic() - self._begun_s
        if not isinstance(time_s, numbers.Real):  # NumPy's too
            raise UsageError(f"time_s is {type(time_s).__name__}, expected float or None")
        if not math.isfinite(time_s):
            raise UsageError(f"time_s is {time_s}, expected a number of seconds")
        if self._last_s is not None and time_s <= self._last_s:
            raise UsageError(f"time_s {time_s}: expected later than the frame before, {self._last_s}")
        opened = picture_in_memory(frame, channels=self._channels)
        picture = Picture("live", opened.pixels, self._frame, time_s, opened.reopen)
        (found,) = find_and_classify(
            self._model,
            [picture],
            labels=self._model.classes,
            detector=self._model.detector,
            margin=self._model.crop_margin,
            align=self._align,
            selection=self._selection,
            orientation=self._orientation,
        )
        self._frame += 1
        self._last_s = time_s
        return self._tracker.update(found)


def _loaded(model: Model | RunDir | Bundle | str | Path | None) -> Model:
    if isinstance(model, Model):
        return model
    return load(model)
