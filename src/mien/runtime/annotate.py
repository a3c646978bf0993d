"""Pictures with their faces marked, readable on any background, and why each face was called what it was.

Axes: `N` faces, `H`, `W` the picture.  Only the pixels under outlines and captions are touched, since every frame of a
video is annotated.
"""

import functools
import io
import itertools
import math
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.core.errors import UsageError
from mien.core.files import write_atomic
from mien.core.images import SIZE, require_faces, to_uint8
from mien.core.labels import FERPLUS_NAMES
from mien.runtime.detect import require_rgb
from mien.runtime.geometry import Box
from mien.runtime.results import Face

Colour = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels; right and bottom are the first ones outside."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)

COLOURS: dict[str, Colour] = {
    "anger": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happiness": (240, 228, 66),
    "sadness": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (204, 204, 204),
    "contempt": (230, 159, 0),
}
"""Seven that colour-blind people tell apart (Okabe & Ito 2008, <https://jfly.uni-koeln.de/color/>), and a light grey:
to some of them a darker one is the colour of fear or disgust."""

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""Kinds of pictures that are written."""

CUT_NAME = 24
"""Letters that are left of a class's name where the whole name does not fit the picture."""

TEXT_SHARE, MIN_TEXT_PX = 1 / 45, 12
"""The text's height: this share of the side of the square that is as large as the picture, or so many pixels."""

PAPER = 255
FACE_SCALE, TEXT_PER_SCALE = 3, 8
"""A face of 48 pixels is shown 3 times as large, on large pictures 1/8 of the text's height times."""

HEAT = np.array([(90, 0, 110), (220, 50, 30), (255, 225, 70)])
"""The overlay's colours by strength: violet, red, yellow, dark to bright for colour-blind eyes too."""

MAX_COVER = 0.65
"""How much of the face the strongest evidence hides."""


def colours(names: Sequence[str]) -> dict[str, Colour]:
    """Give each class its colour: FER2013's and FER+'s always the same, others one that is free; the ninth shares one.

    >>> colours(("happy", "bored"))
    {'happy': (240, 228, 66), 'bored': (213, 94, 0)}
    """
    known: dict[str, Colour] = {}
    for name in names:
        expression = FERPLUS_NAMES.get(name, name)
        if expression in COLOURS:
            known[name] = COLOURS[expression]
    unused = [colour for colour in COLOURS.values() if colour not in known.values()]
    free = itertools.chain(unused, itertools.cycle(COLOURS.values()))
    return {name: known[name] if name in known else next(free) for name in names}


def ascii_names(names: Sequence[str]) -> dict[str, str]:
    """Give each class a name that Pillow's own font can write, which has only the letters of ASCII.

    Accents are left out.  A name in another script, or one that then looks like an earlier one, becomes the class's
    number in the model's order, from 1.

    >>> ascii_names(("happy", "fâché", "高兴"))
    {'happy': 'happy', 'fâché': 'fache', '高兴': 'class 3'}
    """
    written: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        letters = unicodedata.normalize("NFKD", name)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
        if plain.isascii() and plain.isprintable() and plain not in written.values():
            written[name] = plain
        else:
            written[name] = f"class {number}"
    return written


def annotate(pixels: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """Draw each face's box and a caption with its number, class and probability, `1 happy 0.97`, on a picture.

    The number is `Face.face`, which tables of results have too.  An outline is three lines, a dark, a coloured and a
    light one; the coloured one runs along the inside of the box.  Lines and text grow with the picture.  A box is drawn
    as far as the picture reaches, and a caption lies inside the picture and off the others where there is room.

    Args:
        pixels: RGB, `uint8 (H, W, 3)`; stays as it is.
        faces: those of the picture; one without a box is left out.

    Returns:
        `uint8 (H, W, 3)`.

    Raises:
        DataError: pixels of another dtype or shape.

    >>> face = Face("a.jpg", "1", {"happy": 0.97, "sad": 0.03}, Box(20, 40, 50, 50), np.zeros((48, 48), np.uint8))
    >>> drawn = annotate(np.zeros((100, 200, 3), np.uint8), [face])
    >>> drawn[60, 19:24].tolist()
    [[0, 0, 0], [240, 228, 66], [240, 228, 66], [255, 255, 255], [0, 0, 0]]
    """
    require_rgb(pixels)
    drawn = pixels.copy()
    height, width = pixels.shape[:2]
    boxed = [(face, face.box) for face in faces if face.box is not None]
    text_px = text_height(pixels)
    for face, box in boxed:
        _outline(drawn, box, colour_of(face), line_px=max(1, round(text_px / 6)))
    boxes = [_to_rectangle(box) for _, box in boxed]
    captions: list[Rectangle] = []
    for i, (face, _) in enumerate(boxed):
        label = caption_of(face, text_px=text_px, at_most_px=width)
        others = boxes[:i] + boxes[i + 1 :]
        # Covering another caption is worse than covering another face; of equal places the first is taken.
        places = _places(boxes[i], label.shape[:2], (height, width))
        place = min(places, key=lambda place: (_shared(place, captions), _shared(place, others)))
        left, top, right, bottom = place
        drawn[top:bottom, left:right] = label[: bottom - top, : right - left]
        captions.append(place)
    return drawn


def annotate_with_maps(
    pixels: NDArray[np.uint8], faces: Sequence[Face], maps: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Annotate a picture, and append a strip that shows each face as the network saw it, bare and under its map.

    Of a map only what speaks for the class is shown, in the map's own range: colours compare the parts of one face, not
    two faces.

    Args:
        pixels: RGB, `uint8 (H, W, 3)`; stays as it is.
        faces: the N faces of the picture.
        maps: `float32 (N, 48, 48)`, from `mien.occlude`.

    Returns:
        `uint8`, wider than the picture only where that is narrower than one face's tile; without faces, the picture.

    Raises:
        DataError: pixels or faces of another dtype or shape.
        UsageError: not one map for each face.
    """
    if maps.shape != (len(faces), SIZE, SIZE):
        raise UsageError(f"maps are {maps.shape}, expected ({len(faces)}, {SIZE}, {SIZE})")
    top = annotate(pixels, faces)
    if not faces:
        return top
    text_px = text_height(pixels)
    tiles = [_tile(face, heat, text_px=text_px) for face, heat in zip(faces, to_uint8(maps), strict=True)]
    gap = text_px
    tile_height, tile_width = tiles[0].shape[:2]
    columns = max(1, (top.shape[1] - gap) // (tile_width + gap))
    rows = math.ceil(len(tiles) / columns)
    page_height = top.shape[0] + gap + rows * (tile_height + gap)
    page_width = max(top.shape[1], tile_width + 2 * gap)
    page = np.full((page_height, page_width, 3), PAPER, np.uint8)
    page[: top.shape[0], : top.shape[1]] = top
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        y, x = top.shape[0] + gap + row * (tile_height + gap), gap + column * (tile_width + gap)
        page[y : y + tile_height, x : x + tile_width] = tile
    return page


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an RGB picture `uint8 (H, W, 3)`; the ending says the kind.

    Raises:
        UsageError: an ending that is none of `PICTURE_ENDINGS`, or a kind that can't hold such a large picture.
        StorageError: the file can't be written.
    """
    ending = path.suffix.lower()
    if ending not in PICTURE_ENDINGS:
        raise UsageError(f"{path}: expected a name that ends in {', '.join(PICTURE_ENDINGS)}")
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, Image.registered_extensions()[ending], quality=95)
    except (OSError, ValueError) as error:
        size = f"{pixels.shape[1]}×{pixels.shape[0]}"
        raise UsageError(f"{path}: {size} pixels can't be written as {ending} ({error}); choose .png") from None
    write_atomic(path, buffer.getvalue())


def overlay(image: NDArray[np.uint8], heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay evidence `uint8 (H, W)`, 0 is none, in colours over a grey picture `uint8 (H, W)`: `uint8 (H, W, 3)`.

    >>> overlay(np.full((1, 2), 100, np.uint8), np.array([[0, 255]], np.uint8)).tolist()
    [[[100, 100, 100], [201, 181, 80]]]
    """
    colour = np.stack([np.interp(heat, (0, 128, 255), channel) for channel in HEAT.T], axis=-1)  # (H, W, 3)
    cover = MAX_COVER * heat[..., None] / 255
    return np.rint(image[..., None] * (1 - cover) + colour * cover).astype(np.uint8)


def text_height(pixels: NDArray[np.uint8]) -> int:
    """Return the height of captions on a picture `uint8 (H, W, 3)`, in pixels."""
    return max(MIN_TEXT_PX, round(math.sqrt(pixels.shape[0] * pixels.shape[1]) * TEXT_SHARE))


def caption_of(face: Face, *, text_px: int, at_most_px: int) -> NDArray[np.uint8]:
    """Write a face's caption on its class's colour: `uint8 (h, w, 3)`; a long name is cut only where it doesn't fit."""
    name = ascii_names(tuple(face.probabilities))[face.label]
    text = f"{face.face} {name} {face.probability:.2f}"
    if len(name) > CUT_NAME and _text_width(text, text_px) > at_most_px:
        text = f"{face.face} {name[: CUT_NAME - 3]}... {face.probability:.2f}"
    return caption(text, colour_of(face), text_px=text_px, at_most_px=at_most_px)


def colour_of(face: Face) -> Colour:
    """Return the colour of a face's class."""
    return colours(tuple(face.probabilities))[face.label]


def caption(text: str, colour: Colour, *, text_px: int, at_most_px: int) -> NDArray[np.uint8]:
    """Write a text on a colour, in black or white, whichever stands out: `uint8 (h, w, 3)`.

    The text is smaller than `text_px` where it would be wider than `at_most_px`.
    """
    text_px = min(text_px, max(1, int(text_px * at_most_px / _text_width(text, text_px))))
    pad, wide = padding(text_px), _text_width(text, text_px)
    _, top, _, bottom = _font(text_px).getbbox("Ag")
    label = Image.new("RGB", (min(math.ceil(wide), at_most_px), math.ceil(bottom - top) + 2 * pad), colour)
    ink = BLACK if luminance(colour) > 0.179 else WHITE  # where both have the same contrast, 4.6
    ImageDraw.Draw(label).text((pad, pad - top), text, ink, _font(text_px))
    return np.asarray(label)


def padding(text_px: int) -> int:
    """Return how many pixels lie between things around a text."""
    return max(2, text_px // 5)


def _text_width(text: str, text_px: int) -> float:
    return _font(text_px).getlength(text) + 2 * padding(text_px)


def luminance(colour: Colour) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2, <https://www.w3.org/TR/WCAG22/>)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@functools.lru_cache(maxsize=8)
def _font(text_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(text_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _to_rectangle(box: Box) -> Rectangle:
    return round(box.x), round(box.y), round(box.x + box.width), round(box.y + box.height)


def _outline(drawn: NDArray[np.uint8], box: Box, colour: Colour, *, line_px: int) -> None:
    height, width = drawn.shape[:2]
    thin = math.ceil(line_px / 2)
    left, top, right, bottom = _to_rectangle(box)
    left, top = max(left - thin, 0), max(top - thin, 0)
    right, bottom = min(right + thin, width), min(bottom + thin, height)
    # Dark, coloured and light: on any background one of the three stands out.
    for wanted, shade in ((thin, BLACK), (line_px, colour), (thin, WHITE)):
        if right <= left or bottom <= top:
            return
        line = min(wanted, right - left, bottom - top)
        drawn[top : top + line, left:right] = drawn[bottom - line : bottom, left:right] = shade
        drawn[top:bottom, left : left + line] = drawn[top:bottom, right - line : right] = shade
        left, top, right, bottom = left + line, top + line, right - line, bottom - line


def _places(box: Rectangle, size: tuple[int, int], picture: tuple[int, int]) -> list[Rectangle]:
    """List where a caption of height and width `size` may lie, the best first: above its box, below, inside."""
    caption_height, caption_width = size
    height, width = picture
    left, top, right, bottom = box
    rows = [y for y in (top - caption_height, bottom) if 0 <= y <= height - caption_height]
    rows += [top, bottom - caption_height]
    places = []
    for row in rows:
        for column in (left, right - caption_width):
            y = min(max(row, 0), max(height - caption_height, 0))
            x = min(max(column, 0), max(width - caption_width, 0))
            places.append((x, y, min(x + caption_width, width), min(y + caption_height, height)))
    return places


def _shared(one: Rectangle, others: Iterable[Rectangle]) -> int:
    """Return how many pixels a rectangle shares with others."""
    pixels = 0
    for other in others:
        width = min(one[2], other[2]) - max(one[0], other[0])
        height = min(one[3], other[3]) - max(one[1], other[1])
        pixels += max(0, width) * max(0, height)
    return pixels


def _tile(face: Face, heat: NDArray[np.uint8], *, text_px: int) -> NDArray[np.uint8]:
    """Show a face bare and under its map, side by side below its caption."""
    require_faces(face.image[None], what="the faces' images")
    side, gap = SIZE * max(FACE_SCALE, text_px // TEXT_PER_SCALE), padding(text_px)
    image = _enlarge(face.image, side)
    pair = np.full((side, 2 * side + gap, 3), PAPER, np.uint8)
    pair[:, :side] = image[..., None]
    pair[:, side + gap :] = overlay(image, _enlarge(heat, side))
    label = caption_of(face, text_px=text_px, at_most_px=pair.shape[1])
    bar = np.full((label.shape[0], pair.shape[1], 3), label[0, 0], np.uint8)
    bar[:, : label.shape[1]] = label
    return np.concatenate([bar, pair])


def _enlarge(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
