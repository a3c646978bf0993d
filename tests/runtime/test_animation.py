"""Animated pictures, read as videos."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import mien
from mien.core.errors import DataError
from mien.runtime.sources import is_video
from mien.runtime.video import read_frame, read_video
from mien.runtime.video_writer import VideoWriter

from .clips import levels, moving, numbers

LOSSLESS: dict[str, dict] = {"gif": {}, "webp": {"lossless": True}, "png": {}, "avif": {"quality": 95}}


def write_animation(path: Path, frames: Sequence[np.ndarray], duration_ms: int | list[int] = 200) -> Path:
    first, *others = [Image.fromarray(pixels) for pixels in frames]
    options = LOSSLESS[path.suffix[1:]]
    first.save(path, save_all=True, append_images=others, duration=duration_ms, loop=0, **options)
    return path


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_every_frame_at_its_time(tmp_path: Path, suffix: str) -> None:
    path = write_animation(tmp_path / f"clip.{suffix}", levels(5), [40, 100, 1500, 40, 200])
    assert is_video(path)
    seen = list(read_video(path))
    assert numbers([picture.pixels for picture in seen]) == [picture.frame for picture in seen] == list(range(5))
    assert [picture.time_s for picture in seen] == pytest.approx([0, 0.04, 0.14, 1.64, 1.68])
    assert (read_frame(path, 3) == seen[3].pixels).all()


def test_a_picture_for_those_who_can_not_show_it_is_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    first, *others = [Image.fromarray(pixels) for pixels in levels(5)]
    first.save(path, save_all=True, append_images=others, duration=200, default_image=True)
    seen = list(read_video(path))
    assert numbers([picture.pixels for picture in seen]) == [1, 2, 3, 4]
    assert [picture.frame for picture in seen] == [0, 1, 2, 3]
    assert [picture.time_s for picture in seen] == pytest.approx([0, 0.2, 0.4, 0.6])
    assert (read_frame(path, 3) == seen[3].pixels).all()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_picture_that_does_not_move_is_a_picture(tmp_path: Path, suffix: str) -> None:
    path = write_animation(tmp_path / f"still.{suffix}", moving(1))
    assert not is_video(path)


def test_what_cannot_be_opened_is_no_animation(tmp_path: Path) -> None:
    (tmp_path / "text.gif").write_text("no picture")
    assert not is_video(tmp_path / "text.gif")
    assert not is_video(tmp_path / "none.gif")


def test_some_of_the_frames(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "clip.gif", levels(10), 100)
    assert [picture.frame for picture in read_video(path, every=3)] == [0, 3, 6, 9]
    assert [picture.frame for picture in read_video(path, fps=2)] == [0, 5]


def test_frames_without_a_time_are_shown_as_browsers_do(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "clip.gif", levels(4), 0)
    assert [picture.time_s for picture in read_video(path)] == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("suffix", ["gif", "png"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_animation_that_is_cut_off(tmp_path: Path, suffix: str, share: float) -> None:
    path = write_animation(tmp_path / f"clip.{suffix}", moving(8), 100)
    whole = [picture.pixels for picture in read_video(path)]
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    seen = []
    with pytest.raises(DataError, match=r"damaged: nothing can be decoded after .* s; the \d frames before are good"):
        seen.extend(read_video(path))
    assert 1 < len(seen) <= 8
    for picture, pixels in zip(seen[:-1], whole, strict=False):  # the last may have been in the middle of the damage
        assert (picture.pixels == pixels).all()


def test_where_it_is_transparent_it_is_white(tmp_path: Path) -> None:
    clear = np.zeros((2, 48, 64, 4), np.uint8)
    clear[0, :24, :, 3] = 255
    clear[1, 24:, :, 3] = 255
    path = tmp_path / "clip.png"
    first, second = (Image.fromarray(pixels) for pixels in clear)
    first.save(path, save_all=True, append_images=[second], duration=100)
    seen = [picture.pixels for picture in read_video(path)]
    assert seen[0][:24].max() == seen[1][24:].max() == 0
    assert seen[0][24:].min() == seen[1][:24].min() == 255


def scene() -> list[np.ndarray]:
    """A black frame, then a portrait that moves a little."""
    photo = data.astronaut()[:256, 60:400]
    return [np.zeros_like(photo), *(np.roll(photo, 3 * i, axis=1) for i in range(3))]


@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp"])
def test_a_face_after_a_black_first_frame(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / f"clip.{suffix}"
    if suffix == "mp4":
        with VideoWriter(path) as video:
            for i, pixels in enumerate(scene()):
                video.write(pixels, i / 10)
    else:
        write_animation(path, scene(), 100)
    with caplog.at_level(logging.WARNING, "mien"):
        results = mien.predict(path, mien.load(threads=1))
    assert [result.time_s for result in results] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert [[face.face for face in result.faces] for result in results] == [[], ["1"], ["1"], ["1"]]
    assert {face.label for face in results.faces} == {"happy"}
