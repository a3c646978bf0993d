"""Pictures with their faces marked, readable on any background.  Axes: `H`, `W` the picture.

Only the pixels under outlines and captions are touched: a video has this done to every frame.
"""

import functools
import itertools
import math
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.core.labels import FERPLUS_NAMES
from mien.runtime.detect import Box, require_rgb
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

LONGEST = 24
"""Letters of a class's name that are written."""

SHARE, SMALLEST_PX = 1 / 45, 12
"""The text's height: this share of the side of the square that is as large as the picture, or so many pixels."""


def colours(names: Sequence[str]) -> dict[str, Colour]:
    """Give each class its colour: FER2013's and FER+'s always the same, others one that is free; the ninth shares one.

    >>> colours(("happy", "bored"))
    {'happy': (240, 228, 66), 'bored': (213, 94, 0)}
    """
    known = {name: COLOURS[FERPLUS_NAMES.get(name, name)] for name in names if FERPLUS_NAMES.get(name, name) in COLOURS}
    free = itertools.chain((c for c in COLOURS.values() if c not in known.values()), itertools.cycle(COLOURS.values()))
    return {name: known[name] if name in known else next(free) for name in names}


def ascii_names(names: Sequence[str]) -> dict[str, str]:
    """Give each class a name that Pillow's own font can write, and it has only the letters of ASCII.

    Accents are left out and long names cut; a name in another script, or one that looks like an earlier one then,
    becomes the class's number in the model's order, from 1.

    >>> ascii_names(("happy", "fâché", "高兴"))
    {'happy': 'happy', 'fâché': 'fache', '高兴': 'class 3'}
    """
    spelt: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
        plain = "".join(letters)
        plain = plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 3]}..."
        good = plain.isascii() and plain.isprintable() and plain not in spelt.values()
        spelt[name] = plain if good else f"class {number}"
    return spelt


def annotate(pixels: NDArray[np.uint8], faces: Sequence[Face], *, numbered: bool = False) -> NDArray[np.uint8]:
    """Draw each face's box and a caption, `happy 0.97`, on a picture.

    An outline is three lines, a dark, a coloured and a light one; the coloured one runs along the inside of the box.
    Lines and text grow with the picture.  A box is drawn as far as the picture reaches, and a caption lies inside the
    picture and off the others where there is room.

    Args:
        pixels: RGB, `uint8 (H, W, 3)`; stays as it is.
        faces: those of the picture; one without a box is left out.
        numbered: captions begin with `Face.face`, `3 happy 0.97`; those of a video, where it is the track, always do.

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
    boxes = [_pixels(box) for _, box in boxed]
    taken: list[Rectangle] = []
    for i, (face, _) in enumerate(boxed):
        text = say(face, numbered=numbered or face.time_s is not None)
        label = caption(text, colour_of(face), text_px=text_px, at_most_px=width)
        places = _places(boxes[i], label.shape[:2], (height, width))
        others = boxes[:i] + boxes[i + 1 :]
        left, top, right, bottom = min(places, key=lambda at: (_shared(at, taken), _shared(at, others)))
        drawn[top:bottom, left:right] = label[: bottom - top, : right - left]
        taken.append((left, top, right, bottom))
    return drawn


def text_height(pixels: NDArray[np.uint8]) -> int:
    """Return the height of captions on a picture `uint8 (H, W, 3)`, in pixels."""
    return max(SMALLEST_PX, round(math.sqrt(pixels.shape[0] * pixels.shape[1]) * SHARE))


def say(face: Face, *, numbered: bool) -> str:
    """Return a face's caption."""
    number = f"{face.face} " if numbered else ""
    return f"{number}{ascii_names(tuple(face.probabilities))[face.label]} {face.probability:.2f}"


def colour_of(face: Face) -> Colour:
    """Return the colour of a face's class."""
    return colours(tuple(face.probabilities))[face.label]


def caption(text: str, colour: Colour, *, text_px: int, at_most_px: int) -> NDArray[np.uint8]:
    """Write a text on a colour, in black or white, whichever stands out: `uint8 (h, w, 3)`.

    The text is smaller than `text_px` where it would be wider than `at_most_px`.
    """
    wide = _font(text_px).getlength(text) + 2 * padding(text_px)
    text_px = min(text_px, max(1, int(text_px * at_most_px / wide)))
    pad, wide = padding(text_px), _font(text_px).getlength(text) + 2 * padding(text_px)
    _, top, _, bottom = _font(text_px).getbbox("Ag")
    label = Image.new("RGB", (min(math.ceil(wide), at_most_px), math.ceil(bottom - top) + 2 * pad), colour)
    ink = BLACK if luminance(colour) > 0.179 else WHITE  # where both have the same contrast, 4.6
    ImageDraw.Draw(label).text((pad, pad - top), text, ink, _font(text_px))
    return np.asarray(label)


def padding(text_px: int) -> int:
    """Return how many pixels lie between things around a text."""
    return max(2, text_px // 5)


def luminance(colour: Colour) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2, <https://www.w3.org/TR/WCAG22/>)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@functools.lru_cache(maxsize=8)
def _font(text_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(text_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _pixels(box: Box) -> Rectangle:
    return round(box.x), round(box.y), round(box.x + box.width), round(box.y + box.height)


def _outline(drawn: NDArray[np.uint8], box: Box, colour: Colour, *, line_px: int) -> None:
    height, width = drawn.shape[:2]
    thin = math.ceil(line_px / 2)
    left, top, right, bottom = _pixels(box)
    left, top = max(left - thin, 0), max(top - thin, 0)
    right, bottom = min(right + thin, width), min(bottom + thin, height)
    for wanted, shade in ((thin, BLACK), (line_px, colour), (thin, WHITE)):
        if right <= left or bottom <= top:
            return
        line = min(wanted, right - left, bottom - top)
        drawn[top : top + line, left:right] = drawn[bottom - line : bottom, left:right] = shade
        drawn[top:bottom, left : left + line] = drawn[top:bottom, right - line : right] = shade
        left, top, right, bottom = left + line, top + line, right - line, bottom - line


def _places(box: Rectangle, size: tuple[int, int], picture: tuple[int, int]) -> list[Rectangle]:
    """List where a caption of height and width `size` may lie, the best first: above its box, below, inside."""
    (high, wide), (height, width), (left, top, right, bottom) = size, picture, box
    above, below = top - high, bottom
    rows = [y for y in (above, below) if 0 <= y <= height - high] + [top, bottom - high]
    rows = [min(max(y, 0), max(height - high, 0)) for y in rows]
    columns = [min(max(x, 0), max(width - wide, 0)) for x in (left, right - wide)]
    return [(x, y, min(x + wide, width), min(y + high, height)) for y in rows for x in columns]


def _shared(one: Rectangle, others: Iterable[Rectangle]) -> int:
    """Return how many pixels a rectangle shares with others."""
    return sum(
        max(0, min(one[2], other[2]) - max(one[0], other[0])) * max(0, min(one[3], other[3]) - max(one[1], other[1]))
        for other in others
    )
