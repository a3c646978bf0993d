"""Whole pictures of kinds that need more than a decoder of 8 bits: HEIC, deep levels, pages, animations."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

DEPTHS = (10, 12, 14, 16)
ANIMATIONS: dict[str, dict[str, Any]] = {
    ".gif": {},
    ".webp": {"lossless": True},
    ".png": {"default_image": True},
    ".avif": {"speed": 10},
}
"""Ending to the options of Pillow's writer."""


def heic(face: Image.Image) -> list[bytes]:
    """One in grey, one in colour, one that is turned by EXIF, one with transparency, one of two pictures."""
    pillow_heif.register_heif_opener(thumbnails=False)
    exif = Image.Exif()
    exif[0x0112] = 6
    colour = face.convert("RGB")
    return [
        _written(face, "HEIF"),
        _written(colour, "HEIF"),
        _written(colour, "HEIF", exif=exif.tobytes()),
        _written(face.convert("RGBA"), "HEIF"),
        _written(colour, "HEIF", save_all=True, append_images=[colour.rotate(90, expand=True)]),
    ]


def deep(face: Image.Image) -> list[bytes]:
    """Levels of 10 to 16 bits, in grey and in colour; white and black change places in one."""
    shares = np.asarray(face) / 255
    found = []
    for bits in DEPTHS:
        levels = np.round(shares * (2**bits - 1)).astype(np.uint16)
        found += [_written(Image.fromarray(levels), kind) for kind in ("PNG", "TIFF", "PPM", "JPEG2000")]
        found.append(_png_in_colour(np.repeat(levels[:, :, None], 3, axis=2)))
    wide = [Image.fromarray((shares * scale).astype(dtype)) for scale, dtype in ((65_535, np.int32), (1, np.float32))]
    found += [_written(picture, "TIFF") for picture in wide]
    found.append(_written(Image.fromarray(levels), "TIFF", tiffinfo={262: 0}))
    return found


def pages(face: Image.Image) -> list[bytes]:
    """TIFF files of three pictures, which need not have one size, mode or packing."""
    small = face.resize((9, 7))
    levels = Image.fromarray(np.asarray(face).astype(np.uint16) * 257)
    found = []
    for packing in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        others = [small, face.convert("RGB")] if packing == "jpeg" else [levels, small.convert("CMYK")]
        found.append(_written(face, "TIFF", compression=packing, save_all=True, append_images=others))
    found.append(_written(face, "TIFF", save_all=True, append_images=[small] * 2, big_tiff=True))
    return found


def animations(face: Image.Image) -> dict[str, list[bytes]]:
    """Suffix to animations of six frames: in grey or colour, with even and with odd times."""
    frames = [Image.fromarray(np.roll(np.asarray(face), 5 * i, axis=1)) for i in range(6)]
    found: dict[str, list[bytes]] = {}
    for suffix, options in ANIMATIONS.items():
        kind = suffix[1:].upper()
        found[suffix] = []
        for mode, times_ms in (("L", 100), ("RGB", [40, 0, 2000, 10, 100, 65]), ("RGBA", 40)):
            first, *others = [frame.convert(mode) for frame in frames]
            found[suffix].append(
                _written(first, kind, save_all=True, append_images=others, duration=times_ms, loop=0, **options)
            )
    return found


def _written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_in_colour(levels: np.ndarray) -> bytes:
    """A PNG of colours `uint16 (H, W, 3)`, which Pillow can't write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    head = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, 2, 0, 0, 0)
    parts = []
    for name, content in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        parts += [struct.pack(">I", len(content)), name, content, struct.pack(">I", zlib.crc32(name + content))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
