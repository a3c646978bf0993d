"""A picture with its faces marked and, below it, why each was called what it was.  Axes: `N` faces, `H = W = 48`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.errors import UsageError
from mien.core.images import SIZE, require_faces, to_uint8
from mien.runtime.annotate import annotate, caption, colour_of, padding, say, text_height
from mien.runtime.results import Face

PAPER = 255
LARGER, A_TEXT = 3, 8
"""A face of 48 pixels is shown 3 times as large, on large pictures 1/8 of the text's height times."""

HEAT = np.array([(90, 0, 110), (220, 50, 30), (255, 225, 70)])
"""The overlay's colours by strength: violet, red, yellow, dark to bright for colour-blind eyes too."""

MOST_COVER = 0.65
"""How much of the face the strongest evidence hides."""


def annotate_with_maps(
    pixels: NDArray[np.uint8], faces: Sequence[Face], maps: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Annotate a picture, and append a strip that shows each face as the network saw it, bare and under its map.

    Faces are numbered in the picture and in the strip.  Of a map only what speaks for the class is shown, in the map's
    own range: colours compare the parts of one face, not two faces.

    Args:
        pixels: RGB, `uint8 (H, W, 3)`; stays as it is.
        faces: the N faces of the picture.
        maps: `float32 (N, 48, 48)`, `mien.runtime.occlusion.occlude`'s.

    Returns:
        `uint8`, wider than the picture only where that is narrower than one face's tile; without faces, the picture.

    Raises:
        DataError: pixels or faces of another dtype or shape.
        UsageError: not one map a face.
    """
    if maps.shape != (len(faces), SIZE, SIZE):
        raise UsageError(f"maps are {maps.shape}, expected ({len(faces)}, {SIZE}, {SIZE})")
    top = annotate(pixels, faces, numbered=True)
    if not faces:
        return top
    text_px = text_height(pixels)
    tiles = [_tile(face, heat, text_px=text_px) for face, heat in zip(faces, to_uint8(maps), strict=True)]
    gap = text_px
    high, wide = tiles[0].shape[:2]
    columns = max(1, (top.shape[1] - gap) // (wide + gap))
    rows = -(-len(tiles) // columns)
    page = np.full((top.shape[0] + gap + rows * (high + gap), max(top.shape[1], wide + 2 * gap), 3), PAPER, np.uint8)
    page[: top.shape[0], : top.shape[1]] = top
    for i, tile in enumerate(tiles):
        y, x = top.shape[0] + gap + i // columns * (high + gap), gap + i % columns * (wide + gap)
        page[y : y + high, x : x + wide] = tile
    return page


def overlay(image: NDArray[np.uint8], heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay evidence `uint8 (H, W)`, 0 is none, in colours over a grey picture `uint8 (H, W)`: `uint8 (H, W, 3)`.

    >>> overlay(np.full((1, 2), 100, np.uint8), np.array([[0, 255]], np.uint8)).tolist()
    [[[100, 100, 100], [201, 181, 80]]]
    """
    colour = np.stack([np.interp(heat, (0, 128, 255), channel) for channel in HEAT.T], axis=-1)
    cover = MOST_COVER * heat[..., None] / 255
    return np.rint(image[..., None] * (1 - cover) + colour * cover).astype(np.uint8)


def _tile(face: Face, heat: NDArray[np.uint8], *, text_px: int) -> NDArray[np.uint8]:
    require_faces(face.image[None], what="the faces' images")
    side, gap = SIZE * max(LARGER, text_px // A_TEXT), padding(text_px)
    image, heat = (_enlarge(part, side) for part in (face.image, heat))
    pair = np.full((side, 2 * side + gap, 3), PAPER, np.uint8)
    pair[:, :side], pair[:, side + gap :] = image[..., None], overlay(image, heat)
    label = caption(say(face, numbered=True), colour_of(face), text_px=text_px, at_most_px=pair.shape[1])
    bar = np.full((label.shape[0], pair.shape[1], 3), label[0, 0], np.uint8)
    bar[:, : label.shape[1]] = label
    return np.concatenate([bar, pair])


def _enlarge(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
