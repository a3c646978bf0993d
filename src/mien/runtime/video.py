"""`read_video`: from a video or an animation to its frames, with PyAV (FFmpeg).  Axes: `H`, `W` the upright frame."""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, MissingExtraError, UsageError, pip_install
from mien.core.images import MAX_PIXELS
from mien.runtime.animation import is_animation, read_animation
from mien.runtime.results import Picture

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv"}
    | {".3gp", ".ogv"}
)
"""The endings, in lower case, of the files that are taken for videos."""

ROUNDING_S = 0.001
"""By how much a time may be rounded down in the file; Matroska's are whole milliseconds."""

LEAST_S = 1e-4
"""Frames that are nearer in time have the same time, and the later one is put this much after."""

LATEST_S = 1e8
"""A frame that is later than this, three years, is taken for one without a timestamp."""

MAX_FPS = 1000.0
"""More frames per second can't be asked for: no camera of everyday use takes more."""

STREAM_TAIL_S, FILE_TAIL_S = 0.25, 1.0
"""A video that ends this much earlier than its stream, or else its file as a whole, states has lost its end.

Whole files of fragmented MP4 end up to some frames early; where only the file states a length, sound may be longer.
"""


def read_video(path: str | Path, *, every: int = 1, fps: float | None = None) -> Iterator[Picture]:
    """Read a video frame by frame: upright, in the order shown, one at a time in memory.

    `frame` numbers all frames that can be decoded, from 0, also those that `every` and `fps` leave out.  `time_s` is
    the frame's timestamp relative to the start of the video stream, so it is right at a variable frame rate too.  A
    frame without a timestamp, or with one that is not later than that of the frame before, is put one mean frame
    interval after that (1/25 s where the file has no frame rate).  Sound and further video streams are left out.

    Animated GIF, WebP, PNG and AVIF are read with Pillow, see `mien.runtime.animation`.  FFmpeg decodes with one
    thread: with several, the frames just before damaged data are lost.

    Args:
        path: the file; its content, not its name, tells the format of a video.
        every: take every n-th frame, the first one included.
        fps: take at most so many frames per second, up to 1,000: the first frame of each 1/`fps` s.

    Yields:
        Pictures with `source`, `pixels`, `frame` and `time_s`.

    Raises:
        UsageError: `every` below 1, `fps` not above 0 or more than 1,000, or both given.
        DataError: no such file, not a video, or frames of more than `MAX_PIXELS`.  After the last frame that can be
            decoded: the file is damaged; the message says from which time on.
        MissingExtraError: PyAV is not installed.

    >>> read_video("talk.mp4", every=0)
    Traceback (most recent call last):
    mien.core.errors.UsageError: every 0 frames, expected 1 or more
    """
    check_sampling(every=every, fps=fps)
    path = Path(path)
    if is_animation(path):
        return _pictures(path, read_animation(path), every=every, fps=fps)
    require_av()
    return _videos_pictures(path, every=every, fps=fps)


def read_frame(path: str | Path, number: int) -> NDArray[np.uint8]:
    """Read one frame, RGB, `uint8 (H, W, 3)`, by its number in `read_video`; those before it are decoded too.

    Raises:
        DataError: the video has no such frame (any more).
    """
    for picture in read_video(path):
        if picture.frame == number:
            return picture.pixels
    raise DataError(f"{path}: no frame {number}")


def check_sampling(*, every: int, fps: float | None) -> None:
    """Raise `UsageError` unless frames can be taken like that, see `read_video`."""
    if every < 1:
        raise UsageError(f"every {every} frames, expected 1 or more")
    if fps is not None and not 0 < fps <= MAX_FPS:
        raise UsageError(f"{fps} frames per second, expected more than 0 and at most {MAX_FPS:g}")
    if fps is not None and every != 1:
        raise UsageError(f"every {every} frames and {fps} frames per second; expected one of the two")


def require_av() -> None:
    """Raise `MissingExtraError` unless PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"video needs PyAV: {pip_install('video')}") from None


def _pictures(
    path: Path, frames: Iterator[tuple[Callable[[], NDArray[np.uint8]], float]], *, every: int, fps: float | None
) -> Iterator[Picture]:
    """Yield the frames that are to be taken; each comes as a function that gives its pixels, and its time."""
    last = -1
    for number, (pixels, time_s) in enumerate(frames):
        # The frame's place among those to take: the first frame of each place is taken.
        if fps is None:
            place = number // every
        else:
            place = math.floor((time_s + ROUNDING_S) * fps)
        if place > last:
            last = place
            yield Picture(str(path), pixels(), number, time_s, reopen=partial(read_frame, path, number))


def _videos_pictures(path: Path, *, every: int, fps: float | None) -> Iterator[Picture]:
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    with _opened(path) as (container, stream):
        frames = ((partial(_upright, frame, reformatter), time_s) for frame, time_s in _frames(path, container, stream))
        yield from _pictures(path, frames, every=every, fps=fps)


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """Open the file and its first video stream that is not a cover picture."""
    import av

    if path.is_dir():
        raise DataError(f"{path}: a folder, expected a video file")
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    with file:
        if not path.stat().st_size:
            raise DataError(f"{path}: not a video (0 bytes)")
        try:  # a playlist must not open other files or addresses, hence the protocols
            container = av.open(file, "r", options={"protocol_whitelist": "none"}, **_lenient(av.__version__))
        except (av.FFmpegError, OSError) as error:
            raise DataError(
                f"{path}: not a video that FFmpeg can read ({error.strerror}), or one that lost its index, which may "
                "stand at its end"
            ) from None
        with container:
            yield container, _video_stream(path, container)


def _lenient(version: str) -> dict[str, Any]:
    """Return what lets PyAV open files whose tags are not UTF-8; from 19 on it does so by itself."""
    if int(version.partition(".")[0]) < 19:
        return {"metadata_errors": "replace"}
    return {}


def _video_stream(path: Path, container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            _require_size(path, stream.codec_context.width, stream.codec_context.height)
            stream.codec_context.thread_count = 1
            return stream
    if container.streams.audio:
        raise DataError(f"{path}: only sound in it; give a file that shows something")
    raise DataError(f"{path}: no video in it that FFmpeg can decode")


def _frames(path: Path, container: "InputContainer", stream: "VideoStream") -> Iterator[tuple["VideoFrame", float]]:
    """Yield each good frame and its time in seconds; after them, raise `DataError` if some are missing."""
    clock = _Clock(container, stream)
    count = lost = 0
    lost_after_s = 0.0
    for frame in _decoded(container, stream, clock):
        if frame is not None and not frame.is_corrupt:
            _require_size(path, frame.width, frame.height)
            count += 1
            yield frame, clock.read(frame)
        elif count or clock.key_lost or (frame is not None and frame.key_frame):
            # Others at the start are no damage: a recording may begin between two key frames.
            if not lost:
                lost_after_s = clock.end_s
            lost += 1
    if not count:
        raise DataError(f"{path}: none of its frames can be decoded; get the file again")
    missing_s = clock.missing_s()
    if missing_s:
        raise DataError(
            f"{path}: damaged: nothing can be decoded after {clock.end_s:.2f} s, the last {missing_s:.1f} s are "
            f"missing; the {count} frames before are good"
        )
    if lost:
        raise DataError(
            f"{path}: damaged after {lost_after_s:.2f} s: of {count + lost} frames {lost} can't be decoded; the others "
            "are kept, but those just after may show faults"
        )


def _decoded(container: "InputContainer", stream: "VideoStream", clock: "_Clock") -> Iterator["VideoFrame | None"]:
    """Yield the frames in the order shown, and None for each error."""
    import av

    try:
        for packet in container.demux():
            if packet.stream is not stream:
                clock.pass_by(packet)
                continue
            try:
                frames = stream.decode(packet)
            except av.FFmpegError:
                clock.key_lost = clock.key_lost or packet.is_keyframe
                yield None
                continue
            clock.pass_by(packet)
            yield from frames
    except (av.FFmpegError, OSError):
        yield None


class _Clock:
    """Tells the time of one frame after the other, in seconds from the stream's start.

    Attributes:
        end_s: when the last frame ends.
        key_lost: whether a packet of a key frame, which can be decoded by itself, could not be decoded.
    """

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._container, self._stream = container, stream
        self._avi = container.format.name == "avi"  # has decoding times only; frames come out at an even delay
        rate = stream.average_rate or stream.guessed_rate or 25
        self._interval_s = float(1 / rate)
        self._base_s = stream.time_base or Fraction(1)
        self._start = None if self._avi else stream.start_time
        self._last_s, self._last_stamp_s = -math.inf, math.inf
        self._decoded = 0
        self._passed_s = 0.0
        self.end_s = 0.0
        self.key_lost = False

    def read(self, frame: "VideoFrame") -> float:
        """Return a frame's time: 0 or more, and later than that of the frame before."""
        stamp = frame.dts if self._avi else frame.pts
        if self._start is None:
            self._start = stamp
        stamp_s = math.inf  # without a stamp: no time, and near to no other
        if stamp is not None:
            stamp_s = self._seconds(stamp)
        if stamp_s > LATEST_S:
            stamp_s = math.inf
        if self._last_s + LEAST_S <= stamp_s < math.inf:
            time_s = max(0.0, stamp_s)  # a damaged file may state that it begins after its first frame
        else:
            step_s = self._interval_s
            if abs(stamp_s - self._last_stamp_s) < LEAST_S:
                step_s /= 2  # a repeated stamp must not take the next frame's time
            time_s = max(0.0, self._last_s + max(step_s, LEAST_S))
        self._last_stamp_s = stamp_s
        self._last_s = time_s
        self.end_s = time_s + self._interval_s
        return time_s

    def pass_by(self, packet: "Packet[Any]") -> None:
        """Note where a packet of any stream ends, one of video only if it could be decoded.

        Only packets state how long a frame is shown, and they come in another order than the frames.
        """
        end = max((stamp for stamp in (packet.pts, packet.dts) if stamp is not None), default=0)
        end += packet.duration or 0
        if packet.stream is self._stream:
            self._decoded = max(self._decoded, end)
        self._passed_s = max(self._passed_s, float(end * (packet.time_base or 0)))

    def missing_s(self) -> float:
        """Return by how much the length that the file states exceeds what could be decoded; 0 within the usual.

        The stream may state it, or its tag (Matroska), or else the file as a whole, whose sound may end later: there
        the last packet of any stream counts.
        """
        if self._stream.duration:
            missing_s, usual_s = (
                float(self._stream.duration * self._base_s) - self._seconds(self._decoded),
                STREAM_TAIL_S,
            )
        elif (tagged_s := self._tagged_s()) is not None:
            missing_s, usual_s = tagged_s - float(self._decoded * self._base_s), STREAM_TAIL_S
        else:
            missing_s, usual_s = (self._container.duration or 0) / 1e6 - self._passed_s, FILE_TAIL_S
        return missing_s if missing_s > usual_s else 0.0

    def _tagged_s(self) -> float | None:
        for name, value in self._stream.metadata.items():
            if name.startswith("DURATION") and (tag := re.fullmatch(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)", value)):
                return 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
        return None

    def _seconds(self, stamp: int) -> float:
        return float((stamp - (self._start or 0)) * self._base_s)


def _upright(frame: "VideoFrame", reformatter: "VideoReformatter") -> NDArray[np.uint8]:
    """Return a frame as the file's display matrix says: turned to the nearest right angle, and mirrored."""
    pixels = np.asarray(reformatter.reformat(frame, format="rgb24").to_ndarray(), np.uint8)
    side_data = cast(Any, frame.side_data)  # PyAV's own annotation is of another class
    if "DISPLAYMATRIX" not in side_data:
        return pixels
    # Shown are x' = ax + cy and y' = bx + dy (ISO 14496-12, 8.3.2), in nine numbers: a, b, u, c, d, v, x, y, w.
    a, b, _, c, d = np.frombuffer(side_data["DISPLAYMATRIX"], np.int32)[:5].tolist()
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)  # x' goes with y, and y' with x
        a, d = c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _require_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise DataError(f"{path}: frames of {width}×{height} pixels, at most {MAX_PIXELS:,} are read; shrink it")
