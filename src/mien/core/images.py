"""The one way from a picture file to a grey 48×48 face; reader, trainer and runtime all use it.

Resizers differ by 5 to 11 grey levels at this size, so there is exactly one here: Pillow's `BOX` filter when shrinking
(every source pixel counts once) and `BICUBIC` when enlarging.
"""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mien.core.errors import DataError, MienError
from mien.core.files import require_name
from mien.core.picture_files import SEQUENCES, brighten_deep_colours, open_picture, require_sane

SIZE = 48
"""Height and width of a face in pixels, `H = W`."""

MAX_PIXELS = 64_000_000
"""A picture with more pixels than this is refused before it is decoded."""

BAND_PIXELS = 100_000
"""So many pixels at a time are turned to grey or colour, so that no second copy of the picture is needed, and that the
rows in work stay in the processor's cache: a photo is decoded in two thirds of the time that one piece takes."""

DEPTHS = (8, 10, 12, 14, 16)
"""The numbers of bits that a level has in files of 16 bits and more; cameras and scanners often use fewer than 16."""

TIFF_PHOTOMETRIC = 262
"""The tag that says whether 0 is black or white."""

log = logging.getLogger(__name__)


def decode(source: Path | bytes, *, name: str | None = None) -> NDArray[np.uint8]:
    """Decode a picture file to grey.

    Args:
        source: a path, or the file's bytes.
        name: what to call it in an error; the path by default.

    Returns:
        `uint8 (height, width)`: luma 601 of the upright picture (EXIF orientation applied), on white where transparent.

    Raises:
        DataError: not a picture, damaged, more than `MAX_PIXELS`, or beyond the limits of `mien.core.picture_files`.
        MissingExtraError: HEIC, and pillow-heif is not installed.

    >>> decode(b"no picture", name="x.png")
    Traceback (most recent call last):
    mien.core.errors.DataError: x.png: not a picture that Pillow can read
    """
    return _decode(source, name, _grey)


def decode_colour(source: Path | bytes, *, name: str | None = None, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a picture file to `uint8 (height, width, 3)` in RGB; all else, errors included, as in `decode`.

    `grey` of it is what `decode` gives, to within a grey level where the file is in inks or a palette.  A picture of
    more than `max_pixels`, at most `MAX_PIXELS`, is refused.
    """
    return _decode(source, name, to_rgb, max_pixels)


def grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return luma 601 of an RGB picture `uint8 (H, W, 3)`: `uint8 (H, W)`.

    >>> grey(np.array([[[9, 9, 9], [255, 0, 0]]], np.uint8))
    array([[ 9, 76]], dtype=uint8)
    """
    return np.asarray(Image.fromarray(picture).convert("L"), dtype=np.uint8)


def _decode(
    source: Path | bytes,
    name: str | None,
    convert: Callable[[Image.Image], NDArray[np.uint8]],
    max_pixels: int = MAX_PIXELS,
) -> NDArray[np.uint8]:
    name = name or (str(source) if isinstance(source, Path) else "picture")
    try:
        with open_picture(source, name) as picture:
            if picture.width * picture.height > max_pixels:
                raise DataError(
                    f"{name}: {picture.width}×{picture.height} pixels, at most {max_pixels:,} are read; shrink it"
                )
            require_sane(picture, name)
            if picture.format in SEQUENCES and getattr(picture, "is_animated", False):
                log.warning("%s: a file of several pictures; only the first is read, save the others as files", name)
            brighten_deep_colours(picture, source, white_of)
            _forget_broken_exif(picture)
            ImageOps.exif_transpose(picture, in_place=True)
            return convert(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = int(re.search(r"\d+", str(error))[0])  # type: ignore[index]
        raise DataError(f"{name}: {count:,} pixels, at most {max_pixels:,} are read; shrink it") from None
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{name}: a folder, expected a picture file; give the pictures in it") from None
    except PermissionError:
        raise DataError(f"{name}: can't be read (permission denied)") from None
    except MienError:
        raise
    except UnicodeEncodeError:  # the name, which names the reason
        require_name(Path(name))
        raise
    except Exception as error:  # Pillow's decoders raise a dozen kinds for damaged files
        raise DataError(f"{name}: damaged picture ({error}); get the file again or leave it out") from None


def _grey(picture: Image.Image) -> NDArray[np.uint8]:
    levels = np.empty((picture.height, picture.width), np.uint8)
    deep = picture.mode[0] in "IF"
    scale = _scale(picture) if deep else 1
    for rows, band in _bands(picture):
        if deep:  # scaled to 8 bits instead of clipped
            levels[rows] = np.clip(_values(band) / scale, 0, 255).round()
        else:
            levels[rows] = np.asarray(_on_white(band).convert("L"))
    if deep and _is_negative(picture):
        return 255 - levels
    return levels


def _is_negative(picture: Image.Image) -> bool:
    """Whether a TIFF says that 0 is white, which Pillow heeds up to 8 bits only."""
    tags = getattr(picture, "tag_v2", {})
    return picture.mode.startswith("I;16") and tags.get(TIFF_PHOTOMETRIC) == 0


def _forget_broken_exif(picture: Image.Image) -> None:
    """Leave out EXIF data that can't be read: they tell how to turn a picture, not what it shows."""
    try:
        picture.getexif()
    except Exception:  # Pillow's readers raise a dozen kinds for damaged data
        picture.info.pop("exif", None)


def _scale(picture: Image.Image) -> float:
    """Say by what the levels of a deep picture are divided to become 0 to 255; floats may be shares of white."""
    brightest = _brightest(picture)
    if picture.mode == "F" and brightest <= 1:
        return 1 / 255
    return white_of(brightest) / 255


def white_of(brightest: float) -> int:
    """Say which level is white in a picture whose brightest pixel has this level: the least of `DEPTHS` that holds it.

    Many files of 16 bits hold 12 bits or fewer: by 65,535 their pictures would be nearly black.

    >>> white_of(4000), white_of(60_000)
    (4095, 65535)
    """
    for bits in DEPTHS:
        if brightest < 1 << bits:
            return (1 << bits) - 1
    return 65_535


def to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    """Convert an opened picture of any mode to RGB, on white where it is transparent: `uint8 (H, W, 3)`."""
    if picture.mode[0] in "IF":
        return np.repeat(_grey(picture)[:, :, None], 3, axis=2)
    levels = np.empty((picture.height, picture.width, 3), np.uint8)
    for rows, band in _bands(picture):
        levels[rows] = np.asarray(_on_white(band).convert("RGB"))
    return levels


def _brightest(picture: Image.Image) -> float:
    """Find the greatest level of a picture of more than 8 bits."""
    return max(float(_values(band).max(initial=0)) for _, band in _bands(picture))


def _values(band: Image.Image) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(band, dtype=np.float64))


def _bands(picture: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield some rows of a picture at a time."""
    height = max(1, BAND_PIXELS // picture.width)
    for top in range(0, picture.height, height):
        bottom = min(top + height, picture.height)
        yield slice(top, bottom), picture.crop((0, top, picture.width, bottom))


def _on_white(picture: Image.Image) -> Image.Image:
    if "A" not in picture.mode and "transparency" not in picture.info:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def require_faces(images: NDArray[np.uint8], *, what: str) -> None:
    """Raise `DataError`, which calls them `what`, unless images are `uint8 (N, 48, 48)`."""
    if not isinstance(images, np.ndarray):
        raise DataError(f"{what} are a {type(images).__name__}, expected an array uint8 (N, {SIZE}, {SIZE})")
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE):
        raise DataError(f"{what} are {images.dtype} {images.shape}, expected uint8 (N, {SIZE}, {SIZE})")


def resize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize one grey picture of any size to a face, `uint8 (48, 48)`; one of that size comes back unchanged.

    >>> resize(np.full((96, 60), 7, np.uint8)).shape
    (48, 48)
    """
    if image.shape == (SIZE, SIZE):
        return image
    smaller = max(image.shape) >= SIZE and min(image.shape) >= SIZE
    method = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((SIZE, SIZE), method), dtype=np.uint8)


def to_uint8(maps: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Show maps `(N, H, W)` as grey levels `uint8 (N, H, W)`: 0 or less is black, a map's strongest pixels are white.

    White begins at each map's 99.5th percentile, so that a single pixel does not darken all the others.
    """
    positive = np.clip(np.nan_to_num(maps), 0, None)
    top = np.percentile(positive, 99.5, axis=(1, 2), keepdims=True)
    top = np.where(top > 0, top, np.maximum(positive.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny))
    return np.asarray(np.rint(255 * np.minimum(positive / top, 1)), np.uint8)
