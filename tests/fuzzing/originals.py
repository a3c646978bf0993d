"""Whole files to damage: drawn faces as tables, pictures and clips, and what a study leaves."""

import io
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from mien.core.faces import FaceSet
from mien.synthetic.faces import draw_faces

PICTURES = {
    **{"PNG": ("L", "LA", "RGB", "RGBA", "P", "I;16", "1"), "JPEG": ("L", "RGB", "CMYK"), "GIF": ("L", "P")},
    **{"TIFF": ("L", "RGBA", "I;16", "F", "CMYK"), "WEBP": ("RGB", "RGBA"), "BMP": ("L", "RGB"), "PPM": ("L", "RGB")},
    **{"TGA": ("RGB",), "ICO": ("RGBA",), "PCX": ("L",), "SGI": ("RGB",), "JPEG2000": ("RGB",), "AVIF": ("RGB",)},
}
"""Format to the modes in which a face is written."""

CLIPS = {
    **{".mp4": "libx264", ".mkv": "libx264", ".mov": "mpeg4", ".webm": "libvpx", ".avi": "mpeg4", ".mpg": "mpeg2video"},
    **{".ts": "libx264", ".flv": "flv1", ".3gp": "mpeg4", ".wmv": "wmv2", ".ogv": "libtheora"},
}
"""Container to codec."""


@dataclass(frozen=True)
class Originals:
    """Whole files.

    Attributes:
        run: the folder of a finished study.
        bundle: the folder of its export.
    """

    run: Path
    bundle: Path

    @cached_property
    def faces(self) -> FaceSet:
        """Seven drawn faces, one of each class."""
        return draw_faces(14, seed=3)[0].select(np.arange(7))

    @cached_property
    def face(self) -> Image.Image:
        """One of them as a picture that is not square."""
        return Image.fromarray(self.faces.images[0]).resize((64, 56))

    @cached_property
    def pictures(self) -> list[bytes]:
        """A face in every format and mode; some have EXIF, some are progressive or have two frames."""
        face = self.face
        exif = Image.Exif()
        exif[0x0112] = 6
        options: dict[str, dict[str, Any]] = {
            "JPEG": {"progressive": True, "exif": exif},
            "TIFF": {"compression": "tiff_deflate"},
            "GIF": {"save_all": True, "append_images": [face.convert("P")] * 2},
            "PNG": {"exif": exif},
        }
        found = [_encode(face, form, mode, {}) for form, modes in PICTURES.items() for mode in modes]
        found += [_encode(face, form, modes[0], options.get(form, {})) for form, modes in PICTURES.items()]
        return [content for content in found if content]

    @cached_property
    def clips(self) -> dict[str, list[bytes]]:
        """Suffix to clips of twelve frames in that container."""
        frames = [np.roll(np.repeat(self.faces.images[0][..., None], 3, 2), 3 * i, axis=1) for i in range(12)]
        found = {suffix: _clip(frames, suffix, codec) for suffix, codec in CLIPS.items()}
        return {suffix: [content] for suffix, content in found.items() if content}


def _encode(face: Image.Image, form: str, mode: str, options: dict[str, Any]) -> bytes | None:
    """Write a picture; None where this Pillow can't."""
    picture = face.convert("I").point(lambda level: level * 257) if mode == "I;16" else face
    buffer = io.BytesIO()
    try:
        picture.convert(mode).save(buffer, form, **options)
    except (OSError, ValueError, KeyError):
        return None
    return buffer.getvalue()


def _clip(frames: list[np.ndarray], suffix: str, codec: str) -> bytes | None:
    """Write a clip; None where this FFmpeg can't."""
    buffer = io.BytesIO()
    names = {".mkv": "matroska", ".ts": "mpegts", ".wmv": "asf", ".ogv": "ogg", ".mpg": "mpeg"}
    try:
        with av.open(buffer, "w", format=names.get(suffix, suffix[1:])) as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 48, "yuv420p"
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (av.FFmpegError, ValueError):
        return None
    return buffer.getvalue()
