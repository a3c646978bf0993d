"""Short clips for the tests of video, made with PyAV alone: not with mien's own writer."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from mien.synthetic.faces import draw_faces

CLOCK = 90_000
HEIGHT, WIDTH = 48, 64

Pixels = np.ndarray


def levels(count: int) -> list[Pixels]:
    """Frames that tell their number: frame i is grey level 20 + 4i."""
    return [np.full((HEIGHT, WIDTH, 3), 20 + 4 * i, np.uint8) for i in range(count)]


def numbers(frames: Sequence[Pixels]) -> list[int]:
    """Read the numbers of `levels` again, off by less than half a step of codec loss."""
    return [round((float(pixels.mean()) - 20) / 4) for pixels in frames]


def moving(count: int, *, height: int = 96, width: int = 128) -> list[Pixels]:
    """A drawn face that moves to the right, in colour, hard enough to compress that a file has some length."""
    face = Image.fromarray(draw_faces(1)[0].images[0]).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).integers(0, 40, (count, height, width, 1))
    tinted = np.asarray(face, float)[..., None] * [0.8, 0.7, 0.6]
    return [(np.roll(tinted, 4 * i, axis=1) + grain[i]).clip(0, 255).astype(np.uint8) for i in range(count)]


def pan(photo: Pixels, count: int, *, step: int, side: int) -> list[Pixels]:
    """A window of `side` pixels that moves over a photo, `step` pixels a frame."""
    return [photo[:side, i * step : i * step + side] for i in range(count)]


def zoom(picture: Pixels, count: int, *, step: int) -> list[Pixels]:
    """A picture of which each frame shows less, `step` pixels on each side, at the same size."""
    height, width = picture.shape[:2]
    whole = Image.fromarray(picture)
    boxes = [(i * step, i * step, width - i * step, height - i * step) for i in range(count)]
    return [np.asarray(whole.resize((width, height), Image.Resampling.BILINEAR, box)) for box in boxes]


def write_clip(
    path: Path,
    frames: Sequence[Pixels],
    *,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound_s: float = 0,
    **options: str,
) -> Path:
    """Write frames at 25 a second, or at the given times; `options` are the format's, as `movflags`."""
    times_s = times_s or [i / 25 for i in range(len(frames))]
    with av.open(path, "w", options=options) as container:
        quality = {"libx264": {"crf": "10", "preset": "veryfast"}, "libvpx": {"crf": "4", "b": "2M"}, "ffv1": {}}
        stream = container.add_stream(codec, rate=25, options=quality.get(codec, {"qmax": "4"}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        if path.suffix in (".mp4", ".mov", ".mkv", ".ts"):  # the others keep no times, or have a clock of their own
            stream.time_base = stream.codec_context.time_base = Fraction(1, CLOCK)
        if sound_s:
            sound = container.add_stream("aac", rate=8000, layout="mono")
        for pixels, time_s in zip(frames, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = round(time_s * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for k in range(int(sound_s * 8000) // 1024 if sound_s else 0):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 8000, 1024 * k
            container.mux(sound.encode(silence))
        if sound_s:
            container.mux(sound.encode(None))
    return path


def turn(path: Path, quarters: int) -> Path:
    """Say in an MP4 file that its video is shown turned clockwise."""
    return show_as(path, [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)][quarters])


def show_as(path: Path, matrix: tuple[float, float, float, float]) -> Path:
    """Say in an MP4 file that its video is shown with x' = ax + cy and y' = bx + dy (ISO 14496-12, 8.3.2)."""
    content = path.read_bytes()
    a, b, c, d = (round(65536 * part) for part in matrix)
    header = content.index(b"tkhd")
    upright = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    at = content.index(upright, header)
    path.write_bytes(content[:at] + turned + content[at + len(turned) :])
    return path


def cut_off(path: Path, share: float, *, filled: bool = False) -> Path:
    """Keep a share of a file; what is missing may be zeros instead, as in a download that stopped."""
    content = path.read_bytes()
    kept = content[: round(share * len(content))]
    path.write_bytes(kept + bytes(len(content) - len(kept)) * filled)
    return path
