import errno
import io
import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest

from mien.core import files
from mien.core.errors import DataError, StorageError, UsageError
from mien.runtime import video_writer
from mien.runtime.video import read_video
from mien.runtime.video_writer import LONGEST_S, VideoWriter

from .clips import levels, moving, numbers


def write(path: Path, frames: Iterable[np.ndarray], times_s: Iterable[float] | None = None) -> Path:
    with VideoWriter(path) as video:
        for pixels, time_s in zip(frames, times_s or count(0, 1 / 25), strict=False):
            video.write(pixels, time_s)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "m4v", "mov", "mkv", "MP4"])
def test_each_frame_keeps_its_time(tmp_path: Path, suffix: str) -> None:
    times_s = [0.5, 0.52, 0.6, 1001 / 1500, 3.0, 10.0]
    path = write(tmp_path / f"out.{suffix}", levels(6), times_s)
    with av.open(path) as container:
        stamps = [frame.time for frame in container.decode(video=0)]
    assert stamps == pytest.approx(times_s, abs=0.0006 if suffix == "mkv" else 1 / 120_000)
    assert numbers([picture.pixels for picture in read_video(path)]) == list(range(6))


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_times_nearer_than_a_tick(tmp_path: Path, suffix: str) -> None:
    times_s = [0, 1e-7, 2e-7, 1e-4, 0.04]
    path = write(tmp_path / f"out.{suffix}", levels(5), times_s)
    with av.open(path) as container:
        stamps = [frame.time for frame in container.decode(video=0)]
    assert len(stamps) == 5
    assert stamps == pytest.approx(times_s, abs=0.001)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("pause_s", [LONGEST_S + 1, 1e5, 1e9, 1e18])
def test_a_very_long_pause_is_shortened(tmp_path: Path, suffix: str, pause_s: float) -> None:
    """MP4 with a longer one failed, or had wrong times without a word."""
    times_s = [0.0, 0.04, pause_s, 2 * pause_s]
    path = write(tmp_path / f"out.{suffix}", levels(4), times_s)
    with av.open(path) as container:
        stamps = [frame.time for frame in container.decode(video=0)]
    assert stamps == pytest.approx([0, 0.04, LONGEST_S + 0.04, 2 * LONGEST_S + 0.04], abs=1.001)
    assert numbers([picture.pixels for picture in read_video(path)]) == list(range(4))


def test_what_players_expect(tmp_path: Path) -> None:
    with av.open(write(tmp_path / "out.mp4", levels(3))) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 64, 48)
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


def test_the_pictures_and_their_colours(tmp_path: Path) -> None:
    colours = np.array([[220, 30, 40], [30, 200, 60], [40, 50, 230], [200, 150, 120]], np.uint8)
    flat = [np.tile(colour, (48, 64, 1)) for colour in colours]
    for picture, colour in zip(read_video(write(tmp_path / "flat.mp4", flat)), colours, strict=True):
        assert np.abs(picture.pixels[24, 32].astype(int) - colour).max() <= 4
    frames = moving(6)
    for picture, pixels in zip(read_video(write(tmp_path / "out.mp4", frames)), frames, strict=True):
        assert np.corrcoef(picture.pixels.ravel(), pixels.ravel())[0, 1] > 0.97


@pytest.mark.parametrize(("height", "width"), [(47, 64), (48, 63), (1, 1), (35, 51)])
def test_odd_sides_get_one_pixel(tmp_path: Path, height: int, width: int) -> None:
    pixels = np.full((height, width, 3), 200, np.uint8)
    (picture,) = read_video(write(tmp_path / "out.mp4", [pixels]))
    assert picture.pixels.shape == (height + height % 2, width + width % 2, 3)
    assert picture.pixels.min() > 190


def test_another_size_is_scaled_and_centred_on_black(tmp_path: Path) -> None:
    frames = [np.full(shape, 200, np.uint8) for shape in ((48, 64, 3), (96, 32, 3), (24, 32, 3))]
    whole, tall, small = (picture.pixels for picture in read_video(write(tmp_path / "out.mp4", frames)))
    for pixels in (whole, small):
        assert pixels.min() > 190
    assert tall[:, 26:38].min() > 190
    assert max(tall[:, :20].max(), tall[:, 44:].max()) < 10


def test_without_an_h264_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writer, "ENCODERS", ("nowhere", "mpeg4"))
    times_s = [0, 0.25, 0.3]
    path = write(tmp_path / "out.mp4", moving(3), times_s)
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    seen = list(read_video(path))
    assert [picture.time_s for picture in seen] == pytest.approx(times_s)
    assert np.corrcoef(seen[2].pixels.ravel(), moving(3)[2].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_video_plays(tmp_path: Path, error: type[BaseException]) -> None:
    def interrupted() -> Iterator[np.ndarray]:
        yield from levels(12)
        raise error

    with pytest.raises(error):
        write(tmp_path / "out.mp4", interrupted())
    assert numbers([picture.pixels for picture in read_video(tmp_path / "out.mp4")]) == list(range(12))
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.mp4"
    with VideoWriter(path) as video:
        assert not path.parent.exists()
        video.write(levels(1)[0], 0)
        assert not path.exists()
    assert path.is_file()


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").write_bytes(b"old")
    for name in ("old.mp4", "new.mp4"):
        with VideoWriter(tmp_path / name):
            pass
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old.mp4", b"old")]


def fill(monkeypatch: pytest.MonkeyPatch, kilobytes: int) -> None:
    """Let files that are written atomically find the disk full after so much."""

    class Full(io.FileIO):
        def write(self, content: bytes) -> int:
            if self.tell() + len(content) > 1000 * kilobytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    monkeypatch.setattr(files.os, "fdopen", Full)


@pytest.mark.parametrize("kilobytes", [0, 30, 110, 145])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kilobytes: int, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    path.write_bytes(b"old")
    fill(monkeypatch, kilobytes)
    with pytest.raises(StorageError, match=rf"out\.{suffix}: could not be written \(No space left on device\)"):
        write(path, moving(60))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(path.name, b"old")]


def test_no_frame_is_taken_after_a_failed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, 0)
    video = VideoWriter(tmp_path / "out.mp4")
    failed = []
    for i, pixels in enumerate(moving(60)):
        try:
            video.write(pixels, i)
        except StorageError:
            failed.append(i)
    assert failed == list(range(failed[0], 60))
    with pytest.raises(StorageError, match="No space left on device"):
        video.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.avi: videos can't be written as '\.avi', expected \.mp4, \.m4v"):
        VideoWriter(tmp_path / "out.avi")
    with VideoWriter(tmp_path / "out.mp4") as video:
        with pytest.raises(UsageError, match=r"a frame at -0\.1 s, expected 0 or more"):
            video.write(levels(1)[0], -0.1)
        with pytest.raises(DataError, match=r"expected uint8 \(H, W, 3\) in RGB"):
            video.write(levels(1)[0][..., 0], 0)
        video.write(levels(1)[0], 1.0)
        for time_s in (1.0, 0.9, float("nan"), float("inf")):
            with pytest.raises(UsageError, match="later than the one before"):
                video.write(levels(1)[0], time_s)
    assert len(list(read_video(tmp_path / "out.mp4"))) == 1
