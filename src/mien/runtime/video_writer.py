"""`VideoWriter`: from frames to a video file, with PyAV (FFmpeg).  Axes: `H`, `W` the frame."""

import math
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mien.core.errors import UsageError
from mien.core.files import replacing, storage_errors
from mien.runtime.detect import require_rgb
from mien.runtime.video import require_av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""The endings that can be written, and FFmpeg's name of the format; these formats keep each frame's time."""

ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""Of these the first that FFmpeg has is taken: H.264 if possible."""

X264 = {"crf": "20", "preset": "veryfast"}

TICKS_PER_S = 60_000
"""Of the file's clock: a tick is 1/60,000 s; MPEG-4 allows no more than 65,535.  Matroska rounds to milliseconds."""

LONGEST_S = 3600.0
"""A longer pause between two frames is shortened to this: MP4 counts a few pauses' ticks in 32 bits."""

BT709 = 1
"""FFmpeg's number of the colours of HD video, in each of its lists."""


class VideoWriter:
    """Write frames into an MP4, QuickTime or Matroska file: H.264, yuv420p, no sound, each frame at its own time.

    A context manager.  The frames go to a temporary file beside `path`, which takes its name when the block ends, also
    by an exception or an interrupt: what was written until then plays.  But a part doesn't replace a file that was
    there: then `path` keeps what it had.  Without a frame there is no file.

    Args:
        path: the file, which is replaced; its ending is one of `FORMATS`.

    Raises:
        UsageError: another ending.
        MissingExtraError: PyAV is not installed.

    >>> import tempfile
    >>> from mien.runtime.video import read_video
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with VideoWriter(f"{folder}/grey.mp4") as video:
    ...         for time_s in (0.0, 0.04, 0.5):
    ...             video.write(np.full((48, 64, 3), 128, np.uint8), time_s)
    ...     [picture.time_s for picture in read_video(f"{folder}/grey.mp4")]
    [0.0, 0.04, 0.5]
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        suffix = self._path.suffix.lower()
        if suffix not in FORMATS:
            raise UsageError(f"{path}: videos can't be written as {suffix!r}, expected {', '.join(FORMATS)}")
        require_av()
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._format = FORMATS[suffix]
        self._file = ExitStack()
        self._opened: tuple[OutputContainer, VideoStream] | None = None
        self._size = (0, 0)
        self._last_s, self._last_tick = -1.0, -1
        self._origin_s, self._origin_tick = 0.0, 0  # from where ticks are counted
        self._failed: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._file:
            if self._failed:
                raise self._failed
            if error and self._path.exists():
                raise error  # so that the new file is dropped
            if self._opened:
                container, stream = self._opened
                container.mux(stream.encode(None))
                container.close()

    def write(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        """Append an RGB frame, `uint8 (H, W, 3)`, that is shown from `time_s` on.

        The first frame's size is the video's, one pixel more where that is odd.  A frame of another size is scaled to
        fit and centred on black.  Times that are nearer than the file's clock can tell are written one tick apart; a
        pause of more than `LONGEST_S` is shortened to that, and all that follows comes earlier.

        Raises:
            DataError: another dtype or shape.
            UsageError: not later than the frame before, or before 0.
            StorageError: the file can't be written.
        """
        require_rgb(pixels)
        if not (time_s >= 0 and self._last_s < time_s < math.inf):
            raise UsageError(f"{self._path}: a frame at {time_s} s, expected 0 or more and later than the one before")
        if time_s - max(0.0, self._last_s) > LONGEST_S:
            self._origin_s, self._origin_tick = time_s, max(0, self._last_tick) + round(LONGEST_S * TICKS_PER_S)
        tick = self._origin_tick + round((time_s - self._origin_s) * TICKS_PER_S)
        tick = max(tick, self._last_tick + 1)
        with storage_errors(self._path):
            try:
                self._encode(pixels, tick)
            except OSError as error:
                self._failed = error
                raise
        self._last_s, self._last_tick = time_s, tick

    def _encode(self, pixels: NDArray[np.uint8], tick: int) -> None:
        from av import VideoFrame

        if self._failed:  # FFmpeg may crash when it writes on after an error
            raise self._failed
        container, stream = self._opened or self._open(pixels)
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(self._to_size(pixels)),
            format="yuv420p",
            dst_colorspace=BT709,
            dst_color_range=BT709,
        )
        frame.pts, frame.time_base = tick, Fraction(1, TICKS_PER_S)
        container.mux(stream.encode(frame))

    def _open(self, pixels: NDArray[np.uint8]) -> tuple["OutputContainer", "VideoStream"]:
        import av

        height, width = pixels.shape[:2]
        self._size = (width, height)
        name = next(name for name in ENCODERS if name in av.codecs_available)
        with ExitStack() as file:
            container = av.open(file.enter_context(replacing(self._path)), "w", format=self._format)
            file.callback(_close, container)
            options: dict[str, str] = {}
            if name == "libx264":
                options = X264
            stream = cast("VideoStream", container.add_stream(name, options=options))
            stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
            stream.codec_context.thread_count = 1
            stream.bit_rate = 3 * width * height  # for encoders that take no quality, such as mpeg4
            stream.color_range = stream.colorspace = stream.color_primaries = stream.color_trc = BT709
            self._opened = container, stream
            self._file = file.pop_all()  # from here on the file is finished, not dropped
        return self._opened

    def _to_size(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring a frame to the video's size, then to even sides, by repeating its border."""
        height, width = pixels.shape[:2]
        if (width, height) != self._size:
            pixels = np.asarray(ImageOps.pad(Image.fromarray(pixels), self._size))
        return np.pad(pixels, ((0, self._size[1] % 2), (0, self._size[0] % 2), (0, 0)), "edge")


def _close(container: "OutputContainer") -> None:
    """Close a file that is closed already, or could not be: that was raised when it happened."""
    from av import FFmpegError

    with suppress(FFmpegError, OSError):
        container.close()
