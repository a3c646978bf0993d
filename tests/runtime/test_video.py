import io
import struct
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from PIL import Image

from mien.core.errors import MissingExtraError, UsageError
from mien.core.images import decode_colour
from mien.runtime.video import LEAST_S, VIDEO_SUFFIXES, _Clock, _lenient, read_video

from .clips import HEIGHT, WIDTH, levels, moving, numbers, show_as, turn, write_clip

CODECS = {
    "mp4": "libx264",
    "mov": "libx264",
    "mkv": "libx264",
    "ts": "libx264",
    "avi": "libx264",
    "webm": "libvpx",
    "mpg": "mpeg2video",
    "wmv": "wmv2",
    "flv": "flv",
}


@pytest.mark.parametrize("suffix", CODECS)
def test_every_frame_at_its_time(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", levels(20), codec=CODECS[suffix])
    seen = list(read_video(str(path)))
    assert numbers([picture.pixels for picture in seen]) == list(range(20))
    assert [picture.frame for picture in seen] == list(range(20))
    assert [picture.time_s for picture in seen] == pytest.approx([i / 25 for i in range(20)], abs=0.0006)
    assert {picture.source for picture in seen} == {str(path)}
    assert all((picture.pixels.dtype, picture.pixels.shape) == (np.uint8, (HEIGHT, WIDTH, 3)) for picture in seen)
    assert path.suffix in VIDEO_SUFFIXES


@pytest.mark.parametrize(("suffix", "rounding_s"), [("mp4", 1e-9), ("mov", 1e-9), ("mkv", 0.0005), ("ts", 1e-9)])
@pytest.mark.parametrize("start_s", [0, 7.5])
def test_a_variable_frame_rate(tmp_path: Path, suffix: str, rounding_s: float, start_s: float) -> None:
    times_s = [0, 0.02, 0.1, 0.11, 0.9, 3.9, 4.0, 4.5]
    path = write_clip(tmp_path / f"clip.{suffix}", levels(8), times_s=[start_s + time_s for time_s in times_s])
    assert [picture.time_s for picture in read_video(path)] == pytest.approx(times_s, abs=rounding_s)


@pytest.mark.parametrize("again", [3, 11, 18])
def test_a_repeated_timestamp_takes_no_other_frame_s_time(tmp_path: Path, again: int) -> None:
    times_s = [i / 25 for i in range(20)]
    times_s[again] = times_s[again - 1]
    path = write_clip(tmp_path / "clip.mkv", levels(20), codec="ffv1", times_s=times_s)
    found = [picture.time_s for picture in read_video(path)]
    assert found == pytest.approx([*times_s[:again], (again - 0.5) / 25, *times_s[again + 1 :]])


def test_timestamps_that_begin_again(tmp_path: Path) -> None:
    """Two recordings in one file: the second goes on after the first, at its own pace."""
    clip = write_clip(tmp_path / "clip.ts", levels(20)).read_bytes()
    (tmp_path / "both.ts").write_bytes(clip + clip)
    found = [picture.time_s for picture in read_video(tmp_path / "both.ts")]
    assert found == pytest.approx([i / 25 for i in range(40)], abs=0.0006)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([10, 40, 80], [0.01, 0.04, 0.08]),
        ([-4, 40, 80], [0, 0.04, 0.08]),
        ([-80, -40, 0, 90], [0, 0.04, 0.08, 0.09]),
        ([None, -40, 90], [0, 0.04, 0.09]),
        ([0, -5000, 90], [0, 0.04, 0.09]),
        ([0, 2**62, 2**62 + 40, 200], [0, 0.04, 0.08, 0.2]),
        ([0, 10**10, 10**10 + 40], [0, 1e7, 1e7 + 0.04]),
    ],
)
def test_times_begin_at_zero_and_grow(stamps: list[int | None], expected: list[float]) -> None:
    """Whatever a damaged file states."""
    stream = SimpleNamespace(average_rate=25, time_base=Fraction(1, 1000), start_time=0)
    clock = _Clock(SimpleNamespace(format=SimpleNamespace(name="matroska")), stream)
    assert [clock.read(SimpleNamespace(pts=stamp)) for stamp in stamps] == pytest.approx(expected)


def test_frames_without_timestamps(tmp_path: Path) -> None:
    """A bare H.264 stream has none, and no frame rate but the one inside."""
    path = write_clip(tmp_path / "clip.mp4", levels(12))
    with av.open(path) as container, (tmp_path / "clip.h264").open("wb") as bare:
        stream = container.streams.video[0]
        unpack = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            for part in unpack.filter(packet if packet.size else None):
                bare.write(bytes(part))
    seen = list(read_video(tmp_path / "clip.h264"))
    assert numbers([picture.pixels for picture in seen]) == list(range(12))
    steps = np.diff([picture.time_s for picture in seen])
    assert steps == pytest.approx(np.full(11, steps[0]))
    assert seen[0].time_s == 0


def test_a_lossless_frame_is_the_picture(tmp_path: Path, portrait: Path) -> None:
    photo = decode_colour(portrait)
    path = write_clip(tmp_path / "clip.mkv", [photo], codec="ffv1", pixel_format="bgr0")
    (picture,) = read_video(path)
    assert (picture.pixels == photo).all()


def test_a_lossy_frame_is_the_picture_within_the_loss(tmp_path: Path) -> None:
    frames = moving(6)
    for picture, pixels in zip(read_video(write_clip(tmp_path / "clip.mp4", frames)), frames, strict=True):
        assert np.abs(picture.pixels.astype(float) - pixels).mean() < 10
        assert np.corrcoef(picture.pixels.ravel(), pixels.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("every", [1, 2, 7, 99])
def test_every_nth_frame(tmp_path: Path, every: int) -> None:
    seen = list(read_video(write_clip(tmp_path / "clip.mp4", levels(20)), every=every))
    expected = list(range(0, 20, every))
    assert [picture.frame for picture in seen] == numbers([picture.pixels for picture in seen]) == expected
    assert [picture.time_s for picture in seen] == pytest.approx([i / 25 for i in expected])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("fps", "rate", "expected"),
    [(30, 30, range(20)), (1000, 30, range(20)), (15, 30, range(0, 20, 2)), (12.5, 50, range(0, 20, 4)), (1, 30, [0])],
)
def test_so_many_frames_a_second(tmp_path: Path, suffix: str, fps: float, rate: int, expected: range) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", levels(20), times_s=[i / rate for i in range(20)])
    assert [picture.frame for picture in read_video(path, fps=fps)] == list(expected)


def test_so_many_frames_a_second_of_a_variable_rate(tmp_path: Path) -> None:
    times_s = [0, 0.1, 0.2, 0.49, 0.51, 0.6, 2.3, 2.4, 2.6]
    path = write_clip(tmp_path / "clip.mp4", levels(9), times_s=times_s)
    assert [picture.time_s for picture in read_video(path, fps=2)] == pytest.approx([0, 0.51, 2.3, 2.6])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"every": 0}, "every 0 frames, expected 1 or more"),
        ({"fps": 0}, "0 frames per second, expected more than 0"),
        ({"fps": -1.5}, "-1.5 frames per second"),
        ({"fps": float("nan")}, "nan frames per second"),
        ({"fps": float("inf")}, "inf frames per second"),
        ({"fps": 1.7e308}, r"1\.7e\+308 frames per second, expected more than 0 and at most 1000"),
        ({"fps": 1000.5}, "at most 1000"),
        ({"every": 2, "fps": 5}, "expected one of the two"),
    ],
)
def test_wrong_use_is_said_at_once(flags: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_video("none.mp4", **flags)


@pytest.mark.parametrize("quarters", range(4))
def test_a_turned_video_is_upright(tmp_path: Path, quarters: int) -> None:
    frames = moving(3)
    path = turn(write_clip(tmp_path / "clip.mp4", frames), quarters)
    for picture, pixels in zip(read_video(path), frames, strict=True):
        upright = np.rot90(pixels, -quarters)
        assert picture.pixels.shape == upright.shape
        assert np.corrcoef(picture.pixels.ravel(), upright.ravel())[0, 1] > 0.97


DISPLAYED = {
    "mirrored": ((-1, 0, 0, 1), lambda pixels: pixels[:, ::-1]),
    "upside down and mirrored": ((1, 0, 0, -1), lambda pixels: pixels[::-1]),
    "a quarter clockwise and mirrored": ((0, 1, 1, 0), lambda pixels: pixels.transpose(1, 0, 2)),
    "a quarter back and mirrored": ((0, -1, -1, 0), lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2)),
    "nearly a quarter": ((0.2, 0.98, -0.98, 0.2), lambda pixels: np.rot90(pixels, -1)),
    "twice as large": ((2, 0, 0, 2), lambda pixels: pixels),
    "nothing": ((0, 0, 0, 0), lambda pixels: pixels),
}


@pytest.mark.parametrize("shown", DISPLAYED)
def test_the_whole_display_matrix_counts(tmp_path: Path, shown: str) -> None:
    """That of a front camera mirrors; it used to be taken for a turn by 180°."""
    matrix, expected = DISPLAYED[shown]
    frames = moving(2)
    path = show_as(write_clip(tmp_path / "clip.mp4", frames), matrix)
    for picture, pixels in zip(read_video(path), frames, strict=True):
        assert picture.pixels.shape == expected(pixels).shape
        assert np.corrcoef(picture.pixels.ravel(), expected(pixels).ravel())[0, 1] > 0.97


def test_frames_that_are_very_near_in_time(tmp_path: Path) -> None:
    """A damaged AVI may state ten million frames a second; each frame still has a time of its own."""
    path = write_clip(tmp_path / "clip.avi", levels(6))
    content = bytearray(path.read_bytes())
    scale = content.index(b"strh") + 8 + 20
    content[scale : scale + 8] = struct.pack("<II", 1, 10_000_000)
    path.write_bytes(content)
    times_s = [picture.time_s or 0.0 for picture in read_video(path)]
    assert len(times_s) == 6
    assert min(np.diff(times_s)) >= LEAST_S * 0.99


@pytest.mark.parametrize(
    ("version", "passed"), [("18.0.0", True), ("18.1.0rc2", True), ("19.0.0", False), ("20.1", False)]
)
def test_pyav_19_takes_no_metadata_errors(version: str, passed: bool) -> None:
    assert ("metadata_errors" in _lenient(version)) == passed


def test_sound_is_left_out_and_may_be_longer(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "flv"):
        path = write_clip(tmp_path / f"clip.{suffix}", levels(10), codec=CODECS[suffix], sound_s=4)
        assert len(list(read_video(path))) == 10
    named = (tmp_path / "clip.mkv").read_bytes().replace(b"DURATION", b"DURATIOM")  # as others write it, or not at all
    (tmp_path / "clip.mkv").write_bytes(named)
    assert len(list(read_video(tmp_path / "clip.mkv"))) == 10


def test_a_last_frame_that_is_held(tmp_path: Path) -> None:
    """The last frame shown is not the last in the file; how long it is held must not count as a lost end."""
    times_s = [*(i / 25 for i in range(9)), 8.0]
    path = write_clip(tmp_path / "clip.mp4", levels(10), times_s=times_s)
    assert [picture.time_s for picture in read_video(path)] == pytest.approx(times_s)


def test_tags_in_another_encoding(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", levels(3))
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xe4\xf6\xfc\xdf"))
    assert len(list(read_video(path))) == 3


def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(moving(1)[0]).save(buffer, "PNG")
    (tmp_path / "still.mp4").write_bytes(buffer.getvalue())
    (picture,) = read_video(tmp_path / "still.mp4")
    assert (picture.pixels == moving(1)[0]).all()


def test_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[video\]'"):
        read_video("talk.mp4")


def test_memory_is_flat(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", moving(60))
    frame_bytes = 96 * 128 * 3
    list(read_video(path, every=60))  # what is imported and opened once is not counted
    tracemalloc.start()
    try:
        for _ in read_video(path):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert frame_bytes < peak < 6 * frame_bytes
