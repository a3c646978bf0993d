"""Corruptions: what cameras, compression, things before a face and careless crops do to it, at five severities.

The idea is that of Hendrycks and Dietterich (2019, arXiv 1903.12261).  Their parameters are for pictures of 224 pixels;
these are made for faces of 48.  `docs/robustness.md` has the formulas and a picture.  Axes: `N` faces, `H = W = 48`.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mien.core.errors import UsageError, nearest
from mien.core.images import SIZE, require_faces, resize

SEVERITIES = (1, 2, 3, 4, 5)

Levels = NDArray[np.floating] | NDArray[np.integer]
"""Grey levels `(48, 48)` of one face; they are rounded and cut to 0 to 255 at the end."""

MIDDLE = (SIZE - 1) / 2
"""Row and column of the middle of a face, 23.5."""


@dataclass(frozen=True)
class Corruption:
    """One way to spoil a face.

    Attributes:
        title: its name in words.
        strengths: the parameter of the formula at severity 1 to 5.
        unit: what the parameter is, in words.
        apply: the formula, of a face `uint8 (48, 48)`, a strength and the face's generator.
    """

    title: str
    strengths: tuple[float, float, float, float, float]
    unit: str
    apply: Callable[[NDArray[np.uint8], float, Generator], Levels]


def corrupt(faces: NDArray[np.uint8], corruption: str, severity: int) -> NDArray[np.uint8]:
    """Spoil faces `uint8 (N, 48, 48)`; the result has the same shape and dtype.

    What is random depends on the corruption, the severity and the face's own pixels alone, so a face is spoiled in the
    same way in any order and beside any others.

    Args:
        faces: are not changed.
        corruption: a name in `CORRUPTIONS`.
        severity: 1 to 5.

    Raises:
        DataError: faces of another dtype or shape.
        UsageError: no such corruption or severity.

    >>> face = np.full((1, 48, 48), 100, np.uint8)
    >>> corrupt(face, "over-exposure", 3)[0, 0, 0]
    np.uint8(200)
    """
    require_faces(faces, what="faces")
    if corruption not in CORRUPTIONS:
        raise UsageError(f"no corruption '{corruption}', {nearest(corruption, CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise UsageError(f"severity {severity}, expected 1 to 5")
    chosen = CORRUPTIONS[corruption]
    spoiled = np.empty_like(faces)
    for i, face in enumerate(faces):
        generator = _generator(face, corruption, severity)
        levels = chosen.apply(face, float(chosen.strengths[severity - 1]), generator)
        spoiled[i] = np.clip(np.rint(levels), 0, 255)
    return spoiled


def _generator(face: NDArray[np.uint8], corruption: str, severity: int) -> Generator:
    seed = hashlib.blake2b(f"{corruption} {severity} ".encode() + face.tobytes(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(seed, "little"))


def _noise(face: NDArray[np.uint8], sigma: float, generator: Generator) -> Levels:
    return face + generator.normal(0, sigma, face.shape)


def _low_light(face: NDArray[np.uint8], brightness: float, generator: Generator) -> Levels:
    """Count photons, one for each two grey levels that are left."""
    return 2 * generator.poisson(brightness * face / 2)


def _over_exposure(face: NDArray[np.uint8], gain: float, _: Generator) -> Levels:
    return gain * face


def _contrast(face: NDArray[np.uint8], share: float, _: Generator) -> Levels:
    return 128 + share * (face - 128.0)


def _defocus(face: NDArray[np.uint8], sigma: float, _: Generator) -> Levels:
    return np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(sigma)))


def _motion(face: NDArray[np.uint8], length: float, generator: Generator) -> Levels:
    """Average the face over places on a line, one pixel apart."""
    angle = generator.uniform(0, np.pi)
    places = np.linspace(-length / 2, length / 2, int(length) + 1)
    moved = [_reframe(face, right=place * np.cos(angle), down=place * np.sin(angle)) for place in places]
    mean: NDArray[np.float64] = np.mean(moved, axis=0)
    return mean


def _jpeg(face: NDArray[np.uint8], quality: float, _: Generator) -> Levels:
    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=int(quality))
    return np.asarray(Image.open(file))


def _low_resolution(face: NDArray[np.uint8], side: float, _: Generator) -> Levels:
    small = Image.fromarray(face).resize((int(side), int(side)), Image.Resampling.BOX)
    return resize(np.asarray(small))


def _mouth(face: NDArray[np.uint8], top: float, _: Generator) -> Levels:
    """Cover all rows from `top` down, as a hand or a scarf would."""
    covered = face.copy()
    covered[int(top) :] = 128
    return covered


def _eyes(face: NDArray[np.uint8], half: float, _: Generator) -> Levels:
    """Cover a bar of twice `half` rows over both eyes."""
    covered = face.copy()
    covered[17 - int(half) : 17 + int(half), 4:44] = 128
    return covered


def _mask(face: NDArray[np.uint8], top: float, _: Generator) -> Levels:
    """Put on a light mask with folds; its upper edge is at row `top` in the middle and falls to the cheeks."""
    row, column = np.mgrid[:SIZE, :SIZE]
    mask = np.where(row % 4 == 0, 170, 205)
    return np.where(row >= top + abs(column - MIDDLE) / 4, mask, face)


def _glasses(face: NDArray[np.uint8], tint: float, _: Generator) -> Levels:
    """Put on glasses with dark rims, whose lenses hold back the share `tint` of the light."""
    row, column = np.mgrid[:SIZE, :SIZE]
    from_eye = np.abs(column - MIDDLE) - 9  # columns from the middle of the nearer eye
    radius = (from_eye / 8) ** 4 + ((row - 18) / 6) ** 4  # below 1 inside of a lens with its rim
    levels = np.where(radius < 1, face * (1 - tint) + 20 * tint, face)
    rims = (radius < 1) & (radius > 0.42)
    bridge = (row >= 15) & (row < 17) & (radius >= 1)
    return np.where(rims | bridge, 20, levels)


def _rotation(face: NDArray[np.uint8], degrees: float, generator: Generator) -> Levels:
    return _reframe(face, turn_deg=_sign(generator) * degrees)


def _shift(face: NDArray[np.uint8], pixels: float, generator: Generator) -> Levels:
    return _reframe(face, right=_sign(generator) * pixels, down=_sign(generator) * pixels)


def _scale(face: NDArray[np.uint8], factor: float, generator: Generator) -> Levels:
    """Cut the face out `factor` times too large or, as often, too small."""
    return _reframe(face, factor=factor ** _sign(generator))


def _sign(generator: Generator) -> int:
    return 2 * int(generator.integers(2)) - 1


def _reframe(
    face: NDArray[np.uint8], *, turn_deg: float = 0, factor: float = 1, right: float = 0, down: float = 0
) -> NDArray[np.uint8]:
    """Cut out another square than the face's: turned about its middle, larger by a factor, and moved.

    What lies outside of the face repeats its border; pixels are interpolated by Pillow's BICUBIC.
    """
    padded = np.pad(face, SIZE // 2, mode="edge")
    across = factor * np.cos(np.deg2rad(turn_deg))
    aside = factor * np.sin(np.deg2rad(turn_deg))
    # A point (x, y) of the result comes from (across x - aside y + …, aside x + across y + …), middle to middle.
    half = SIZE / 2
    from_x = SIZE + right - (across - aside) * half
    from_y = SIZE + down - (aside + across) * half
    square = (across, -aside, from_x, aside, across, from_y)
    picture = Image.fromarray(padded)
    return np.asarray(
        picture.transform((SIZE, SIZE), Image.Transform.AFFINE, square, Image.Resampling.BICUBIC), np.uint8
    )


CORRUPTIONS = {
    "noise": Corruption("Gaussian noise", (5, 10, 15, 22, 30), "standard deviation in grey levels", _noise),
    "low-light": Corruption("low light", (0.5, 0.35, 0.25, 0.15, 0.08), "share of the light", _low_light),
    "over-exposure": Corruption("over-exposure", (1.3, 1.6, 2, 2.6, 3.5), "gain", _over_exposure),
    "contrast": Corruption("low contrast", (0.6, 0.45, 0.3, 0.2, 0.1), "share of the contrast", _contrast),
    "defocus": Corruption("defocus blur", (0.6, 1, 1.5, 2, 3), "standard deviation in pixels", _defocus),
    "motion": Corruption("motion blur", (2, 4, 6, 9, 12), "length in pixels", _motion),
    "jpeg": Corruption("JPEG", (40, 30, 20, 10, 5), "quality", _jpeg),
    "low-resolution": Corruption("low resolution", (36, 30, 24, 16, 12), "side in pixels", _low_resolution),
    "mouth": Corruption("mouth covered", (40, 36, 32, 28, 24), "first covered row", _mouth),
    "eyes": Corruption("eyes covered", (2, 3, 4, 5, 7), "half of the covered rows", _eyes),
    "mask": Corruption("face mask", (38, 34, 30, 26, 22), "highest row", _mask),
    "glasses": Corruption("glasses", (0, 0.3, 0.6, 0.85, 1), "share of light held back", _glasses),
    "rotation": Corruption("rotation", (5, 10, 15, 20, 30), "degrees", _rotation),
    "shift": Corruption("shift", (2, 4, 6, 8, 10), "pixels across and down", _shift),
    "scale": Corruption("scale", (1.1, 1.2, 1.3, 1.45, 1.6), "factor, or its inverse", _scale),
}
"""Every corruption by its name, in the order of reports."""
