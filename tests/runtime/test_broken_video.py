"""Videos that are damaged, refused, or none."""

import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from mien.core.errors import DataError
from mien.runtime import video
from mien.runtime.results import Picture
from mien.runtime.video import read_video

from .clips import HEIGHT, WIDTH, cut_off, levels, moving, write_clip


def read_until_damage(path: Path) -> tuple[list[Picture], str]:
    """Return the frames, and what the error at the end says."""
    seen: list[Picture] = []
    with pytest.raises(DataError) as caught:
        seen.extend(read_video(path))
    return seen, str(caught.value)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("filled", [False, True])
def test_a_broken_tail(tmp_path: Path, suffix: str, filled: bool) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", moving(60), movflags="faststart")
    whole = list(read_video(path))
    seen, said = read_until_damage(cut_off(path, 0.5, filled=filled))
    assert 20 < len(seen) < 40
    for picture, before in zip(seen[:-1], whole, strict=False):  # the last may have been in the middle of the damage
        assert picture.time_s == before.time_s
        assert (picture.pixels == before.pixels).all()
    found = re.fullmatch(
        rf"{re.escape(str(path))}: damaged: nothing can be decoded after (.*) s, the last .* s are missing; the (.*) "
        "frames before are good",
        said,
    )
    assert found
    assert float(found[1]) == pytest.approx(seen[-1].time_s + 1 / 25, abs=0.006)
    assert int(found[2]) == len(seen)


@pytest.mark.parametrize(
    ("suffix", "codec", "sound_s"),
    [("mp4", "libx264", 0), ("mp4", "libx264", 4), ("mkv", "libx264", 0), ("mkv", "libx264", 4), ("webm", "libvpx", 0)],
)
def test_less_than_a_second_is_lost(tmp_path: Path, suffix: str, codec: str, sound_s: int) -> None:
    """Also where the cut lies between two frames, so that no part of a frame tells it."""
    path = write_clip(tmp_path / f"clip.{suffix}", moving(100), codec=codec, sound_s=sound_s, movflags="faststart")
    with av.open(path) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    whole = path.read_bytes()
    for lost in (12, 20):
        path.write_bytes(whole[: sorted(places)[100 - lost]])
        seen, said = read_until_damage(path)
        assert 100 - lost - 3 <= len(seen) <= 100 - lost
        missing_s = float(re.search(r"the last (.*) s are missing", said)[1])
        assert missing_s == pytest.approx(lost / 25, abs=0.13)


def test_fragments_that_end_a_few_frames_early_are_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", moving(30), movflags="dash")
    assert len(list(read_video(path))) == 30


@pytest.mark.parametrize("suffix", ["mkv", "flv"])
def test_a_broken_tail_of_a_video_with_sound(tmp_path: Path, suffix: str) -> None:
    """The file says how long it is, not how long its video is; what is lost of both is lost."""
    codec = "flv" if suffix == "flv" else "libx264"
    path = write_clip(tmp_path / f"clip.{suffix}", moving(100), codec=codec, sound_s=4)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATIOM"))
    assert len(list(read_video(path))) == 100
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 4])
    assert "damaged" in read_until_damage(path)[1]


def test_a_length_of_too_many_digits_is_none(tmp_path: Path) -> None:
    """Python turns no more than 4,300 digits into a number."""
    path = tmp_path / "clip.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.metadata["DURATION-eng"] = "9" * 5000 + ":00:00"
        for pixels in levels(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    with av.open(path) as container:
        assert len(container.streams[0].metadata["DURATION-eng"]) == 5006
    assert len(list(read_video(path))) == 3


def test_a_damage_in_the_middle(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", moving(60), movflags="faststart")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    seen, said = read_until_damage(path)
    assert seen[-1].time_s == pytest.approx(59 / 25)
    assert re.search(rf"damaged after .* s: of 60 frames {60 - len(seen)} can't be decoded; the others are kept", said)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("mpg", "mpeg2video")])
def test_a_damage_in_the_first_frame(tmp_path: Path, suffix: str, codec: str) -> None:
    """Those after it build on it, and show faults: it was left out without a word."""
    path = write_clip(tmp_path / f"clip.{suffix}", moving(30), codec=codec)
    with av.open(path) as container:
        first = next(packet for packet in container.demux(video=0) if packet.size)
    content = bytearray(path.read_bytes())
    content[first.pos + first.size // 3 : first.pos + first.size // 2] = bytes(first.size // 2 - first.size // 3)
    path.write_bytes(content)
    seen, said = read_until_damage(path)
    assert len(seen) == 29
    assert (
        "damaged after 0.00 s: of 30 frames 1 can't be decoded; the others are kept, but those just after may" in said
    )


OPEN_GOP = {"libx264": {"x264-params": "open-gop=1:keyint=9:min-keyint=9:bframes=2:b-adapt=0:scenecut=0"}}
OPEN_GOP["mpeg2video"] = {"bf": "2", "g": "9"}


@pytest.mark.parametrize("codec", OPEN_GOP)
@pytest.mark.parametrize("first", [4, 9, 10, 18])
def test_a_recording_that_begins_between_two_key_frames(tmp_path: Path, codec: str, first: int) -> None:
    """A recorder that is switched on during a broadcast; frames just after a key frame may need what came before."""
    path = tmp_path / "clip.ts"
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=25, options=OPEN_GOP[codec])
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for pixels in moving(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    whole = [picture.pixels for picture in read_video(path)]
    assert len(whole) == 40
    with av.open(path) as container:
        starts = [packet.pos for packet in container.demux(video=0) if packet.size and packet.pos]
    path.write_bytes(path.read_bytes()[starts[first] :])
    seen = [picture.pixels for picture in read_video(path)]
    assert 0 < len(seen) <= 40 - first
    assert (seen[-1] == whole[-1]).all()


def test_every_frame_damaged(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", moving(10), movflags="faststart")
    content = path.read_bytes()
    frames = content.index(b"mdat") + 4
    path.write_bytes(content[:frames] + bytes(len(content) - frames))
    assert read_until_damage(path) == ([], f"{path}: none of its frames can be decoded; get the file again")


def write_song(path: Path) -> None:
    """Sound with a cover, which FFmpeg shows as a video stream."""
    cover = io.BytesIO()
    Image.fromarray(moving(1)[0]).save(cover, "JPEG")
    with av.open(path, "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        stream.disposition = Disposition.attached_pic
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        picture = av.Packet(cover.getvalue())
        picture.stream = stream
        container.mux(picture)
        container.mux(sound.encode(None))
    with av.open(path) as container:
        assert len(container.streams.video) == 1


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 1000)
    (tmp_path / "empty.mp4").touch()
    cut_off(write_clip(tmp_path / "no_index.mp4", levels(20)), 0.9)
    write_song(tmp_path / "song.mp4")
    expected = {
        "text.mp4": "not a video that FFmpeg can read",
        "no_index.mp4": "not a video that FFmpeg can read (Invalid data found when processing input), or one that lost",
        "empty.mp4": "not a video (0 bytes)",
        "song.mp4": "only sound in it; give a file that shows something",
        "none.mp4": "no such file",
        "": "a folder, expected a video file",
    }
    for name, message in expected.items():
        seen, said = read_until_damage(tmp_path / name)
        assert seen == []
        assert said.startswith(f"{tmp_path / name}: {message}")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mov"])
def test_sound_alone_is_called_that(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk.{suffix}"
    with av.open(path, "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    assert read_until_damage(path) == ([], f"{path}: only sound in it; give a file that shows something")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a\.mp4: can't be read \(Permission denied\)"):
        next(read_video(tmp_path / "a.mp4"))


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", levels(3))
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile clip.mp4\n")
    assert len(list(av.open(tmp_path / "list.mp4").decode(video=0))) == 3
    with pytest.raises(DataError, match="not a video that FFmpeg can read"):
        next(read_video(tmp_path / "list.mp4"))


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", levels(2))
    monkeypatch.setattr(video, "MAX_PIXELS", HEIGHT * WIDTH)
    assert len(list(read_video(path))) == 2
    monkeypatch.setattr(video, "MAX_PIXELS", HEIGHT * WIDTH - 1)
    with pytest.raises(DataError, match=r"clip\.mp4: frames of 64×48 pixels, at most 3,071 are read"):
        next(read_video(path))
