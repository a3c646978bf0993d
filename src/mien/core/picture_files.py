"""What kinds of picture files are opened, and what a small file may cost to decode."""

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from mien.core.errors import DataError, MissingExtraError, pip_install

FORMATS = frozenset(
    {"AVIF", "BMP", "DIB", "GIF", "HEIF", "ICNS", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "SGI", "TGA"}
    | {"TIFF", "WEBP"}
)
"""What is read of what Pillow knows; it hands PostScript to another program."""

SEQUENCES = frozenset({"AVIF", "GIF", "PNG", "TIFF", "WEBP"})
"""The kinds whose files may hold several pictures that are worth as much as the first."""

HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
AVIF_BRANDS = frozenset((b"avif", b"avis"))
"""How a file says in its first box which kind it is (ISO 14496-12, 4.3)."""

TIFF_KIND, REDUCED = 254, 1
"""The tag that says what a TIFF's picture is, and its bit for a smaller copy of another."""

MAX_SCANS = 100
"""A JPEG in more passes over the whole picture is refused: 1,500 in 389 kB took 104 s, and encoders make 3 to 20."""

MATROSKA = b"\x1aE\xdf\xa3"

MAX_JPEG2000_PIXELS = 16_000_000
"""A JPEG 2000 with more is refused: its decoder takes up to 25 bytes a pixel, so 1.7 kB took 1.6 GB."""

MARKER = re.compile(rb"\xff[\x01-\xcf\xd9-\xfe]")
"""A JPEG's marker that a length follows, or its end (ITU-T T.81, B.1.1)."""

DARK_BYTE = 64
"""Colours of 16 bits whose upper bytes are all below this have 14 bits or fewer."""

SWAPPED = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B" if sys.byteorder == "little" else "RGB;16L",
}
"""How Pillow names the order of two bytes, and the other order, in which it keeps the lower byte."""


def open_picture(source: Path | bytes, name: str) -> ImageFile:
    """Open a picture file without decoding it.

    Raises:
        DataError: not a picture; `name` is what it is called.
        MissingExtraError: HEIC, and pillow-heif is not installed.
    """
    try:
        return Image.open(_file(source))
    except UnidentifiedImageError:
        head = _head(source)
    if not head:
        raise DataError(f"{name}: not a picture that Pillow can read (0 bytes)")
    brands = set()
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[at : at + 4] for at in range(8, size, 4)}
    if brands & AVIF_BRANDS and "AVIF" not in Image.OPEN:
        raise MissingExtraError(f"{name}: AVIF needs Pillow 11.3 or newer: pip install --upgrade pillow")
    if brands & HEIF_BRANDS and "HEIF" not in Image.OPEN:
        _learn_heif(name)
        return open_picture(source, name)
    if brands & (HEIF_BRANDS | AVIF_BRANDS):
        raise DataError(f"{name}: damaged picture; get the file again or leave it out")
    if brands or head.startswith(MATROSKA) or head[8:12] == b"AVI ":
        raise DataError(f"{name}: not a picture but a video or sound; a video needs an ending such as .mp4")
    raise DataError(f"{name}: not a picture that Pillow can read")


def _file(source: Path | bytes) -> Path | io.BytesIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return source


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:256]
    with source.open("rb") as file:
        return file.read(256)


def _learn_heif(name: str) -> None:
    """Let Pillow open HEIC."""
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError(f"{name}: HEIC needs pillow-heif: {pip_install('heic')}") from None
    pillow_heif.register_heif_opener(thumbnails=False)


def require_sane(picture: ImageFile, name: str) -> None:
    """Raise `DataError` for an opened file whose kind is not read, or that costs far more to decode than its size."""
    if picture.format not in FORMATS:
        raise DataError(f"{name}: a picture in {picture.format}, which is not read; save it as PNG")
    if picture.mode == "LAB":
        raise DataError(f"{name}: colours in L*a*b*, which are not read; save it in RGB")
    if getattr(picture, "tag_v2", {}).get(TIFF_KIND, 0) & REDUCED:
        raise DataError(f"{name}: a camera's raw file, of which only the preview can be read; save it as JPEG")
    pixels = picture.width * picture.height
    if picture.format == "JPEG2000" and pixels > MAX_JPEG2000_PIXELS:
        raise DataError(
            f"{name}: {picture.width}×{picture.height} pixels, at most {MAX_JPEG2000_PIXELS:,} are read of a JPEG 2000;"
            " shrink it, or save it as JPEG or PNG"
        )
    if picture.format in ("JPEG", "MPO") and _has_many_scans(picture):
        raise DataError(f"{name}: a JPEG in more than {MAX_SCANS} scans, which takes minutes to decode; save it anew")


def _has_many_scans(picture: ImageFile) -> bool:
    file = picture.fp
    assert file is not None  # it is open
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    # Quick, but what follows the picture, such as a phone's short video, counts too.
    if content.count(b"\xff\xda") <= MAX_SCANS:
        return False
    return _count_scans(content) > MAX_SCANS


def _count_scans(content: bytes) -> int:
    scans, place = 0, 2
    while found := MARKER.search(content, place):
        code = content[found.start() + 1]
        if code == 0xD9:  # the end of the picture
            break
        if code == 0xDA:
            scans += 1
        length = int.from_bytes(content[found.end() : found.end() + 2], "big")
        place = found.end() + length
    return scans


def brighten_deep_colours(picture: ImageFile, source: Path | bytes, white_of: Callable[[float], int]) -> None:
    """Scale the colours of a file of 16 bits that uses 14 or fewer; Pillow keeps the upper byte alone.

    Args:
        picture: that file as it was opened; it is changed.
        source: the file.
        white_of: gives the level that is white by the greatest level there is.
    """
    if not any(_order_of_bytes(tile) in SWAPPED for tile in picture.tile):
        return
    # Row by row: arrays of the whole picture took more than 1 GiB with 64 million pixels.
    brightest = max(cast(tuple[int, int], extremes)[1] for extremes in picture.getextrema())
    if brightest >= DARK_BYTE:
        return
    with Image.open(_file(source)) as again:
        again.tile = [_swapped(tile) for tile in again.tile]
        white = white_of(256 * brightest + 255)
        for row in range(picture.height):
            strip = (0, row, picture.width, row + 1)
            upper, lower = np.asarray(picture.crop(strip)), np.asarray(again.crop(strip))  # (1, W, 3)
            levels = 256 * upper.astype(np.float32) + lower
            scaled = np.minimum(levels * (255 / white), 255).round().astype(np.uint8)
            picture.paste(Image.fromarray(scaled), (0, row))


def _order_of_bytes(tile: Any) -> str:
    """Return Pillow's name of how a part of a picture is stored: a PNG's is alone, a TIFF's the first of several."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _swapped(tile: Any) -> Any:
    """Return a part of a picture with the other order of bytes."""
    other = SWAPPED[_order_of_bytes(tile)]
    return tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
