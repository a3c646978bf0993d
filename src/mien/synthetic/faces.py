"""Synthetic faces: drawn, labelled, with masks of the pixels that carry the expression.

The expressions are the emotion prototypes of EMFACS (Friesen & Ekman 1983), in action units of the Facial Action Coding
System (Ekman & Friesen 1978); `mien.synthetic.drawing` paints them.  Axes: `N` faces, `H = W = 48`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.core.faces import FaceSet
from mien.core.images import SIZE
from mien.core.labels import FER2013
from mien.synthetic.action_units import LOOKS, PROTOTYPES, UNITS
from mien.synthetic.drawing import PARTS, Array, Canvas, Parameters, as_share, ellipse, stroke

BATCH = 16
"""Number of faces painted at once: few enough for a processor's cache."""

SLOTS = ("test", "train", "train", "validation", "train", "test", "train", "train", "train", "train")
"""The splits of ten consecutive faces of a class."""


def draw_faces(count: int, *, seed: int = 0) -> tuple[FaceSet, NDArray[np.bool_]]:
    """Draw faces of people who do not exist, in FER2013's seven classes.

    A face depends only on `seed` and its number: the same seed gives the same bytes, and a longer set begins with the
    faces, labels and splits of a shorter one.  Every block of 7 faces has one of each class.  In every block of 70,
    each class has 7 faces in `train`, 1 in `validation`, 2 in `test`.

    Args:
        count: N, the number of faces.
        seed: another seed draws other people.

    Returns:
        The faces, with `synthetic=True` and ids "0" to "N-1"; and their masks, `bool (N, 48, 48)`: brows, eyes, mouth,
        wrinkled nose and deep furrows, which carry the expression, without the parts that something hides.

    Raises:
        UsageError: `count` or `seed` is negative.

    >>> faces, masks = draw_faces(14)
    >>> faces.images.shape, masks.shape, masks.dtype
    ((14, 48, 48), (14, 48, 48), dtype('bool'))
    >>> sorted(set(faces.splits.tolist()))
    ['test', 'train', 'validation']
    """
    if count < 0 or seed < 0:
        raise UsageError(f"{count} synthetic faces of seed {seed} asked for, expected 0 or more of each")
    targets, splits = _plan(count, seed)
    images, masks = np.empty((count, SIZE, SIZE), np.uint8), np.empty((count, SIZE, SIZE), np.bool_)
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        generators = [np.random.default_rng([seed, face]) for face in range(count)[rows]]
        looks = sample_looks(generators)
        units = sample_units(generators, [FER2013[target] for target in targets[rows]])
        pictures, masks[rows] = render_faces(looks, units)
        grain = np.stack([generator.standard_normal((SIZE, SIZE), np.float32) for generator in generators])
        images[rows] = np.clip(np.rint(pictures + looks["noise"] * grain), 0, 255)
    faces = FaceSet(
        images=images,
        targets=targets,
        classes=FER2013,
        splits=splits,
        ids=np.arange(count).astype(str),
        source="synthetic",
        synthetic=True,
    )
    return faces, masks


def _plan(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return the class and the split of each face; in a block of 70, each class takes every place of `SLOTS` once."""
    targets, splits = [np.empty(0, np.int64)], [np.empty(0, "U10")]
    for block in range(-(-count // (len(FER2013) * len(SLOTS)))):
        generator = np.random.default_rng([seed, block, 1])  # three numbers: no face is drawn by this generator
        first_slot = generator.permutation(len(FER2013))
        for turn in range(len(SLOTS)):
            targets.append(generator.permutation(len(FER2013)))
            splits.append(np.array(SLOTS)[(first_slot[targets[-1]] + turn) % len(SLOTS)])
    return np.concatenate(targets)[:count], np.concatenate(splits)[:count]


def sample_looks(generators: Sequence[np.random.Generator]) -> dict[str, Array]:
    """Draw the looks of a person and a photograph with each of N generators: name → `float32 (N, 1, 1)`."""
    low, high = np.array(list(LOOKS.values())).T
    return _columns(LOOKS, [low + (high - low) * generator.random(len(LOOKS)) for generator in generators])


def sample_units(generators: Sequence[np.random.Generator], classes: Sequence[str]) -> dict[str, Array]:
    """Draw an expression of a class with each of N generators: action unit → `float32 (N, 1, 1)`, 0 to 1.

    It is one of the class's variants at an intensity of 0.5 to 1, which varies by up to 20 % between units.  About a
    quarter of the other units are active by up to 0.2.
    """
    rows = []
    for generator, name in zip(generators, classes, strict=True):
        variant = PROTOTYPES[name][int(generator.integers(len(PROTOTYPES[name])))]
        strength = np.array([variant.get(unit, 0.0) for unit in UNITS])
        intensity = generator.uniform(0.5, 1) * generator.uniform(0.8, 1.2, len(UNITS))
        stray = generator.uniform(0, 0.2, len(UNITS)) * (generator.random(len(UNITS)) < 0.25)
        rows.append(np.minimum(np.where(strength > 0, strength * intensity, stray), 1))
    return _columns(UNITS, rows)


def _columns(names: Iterable[str], rows: Sequence[NDArray[np.float64]]) -> dict[str, Array]:
    values = np.stack(rows).astype(np.float32)
    return {name: values[:, column, None, None] for column, name in enumerate(names)}


def render_faces(looks: Parameters, units: Parameters) -> tuple[Array, NDArray[np.bool_]]:
    """Paint N people with these expressions, without the grain.

    Args:
        looks: the result of `sample_looks`.
        units: the result of `sample_units`.

    Returns:
        `float32 (N, 48, 48)` grey levels, 0 to 255 and a little beyond; and the masks, `bool (N, 48, 48)`.
    """
    canvas = Canvas(looks)
    _draw_background(canvas, looks)
    for draw in PARTS:
        draw(canvas, looks, units)
    _draw_glasses(canvas, looks)
    _draw_occluder(canvas, looks)
    image = _blur(canvas.image, looks["blur"])
    return (image - 128) * looks["contrast"] + 128 + looks["brightness"], canvas.expression > 0.5


def _draw_background(canvas: Canvas, looks: Parameters) -> None:
    u, v = canvas.u, canvas.v
    canvas.image += looks["background"] + looks["background_x"] * u + looks["background_y"] * v
    blob = ellipse(u - 14 - 3 * looks["background_y"], v - 9 * looks["background_x"], 9.0, 16.0)
    canvas.paint(blob, looks["clothes"], opacity=0.5, soft=8.0)
    hair = ellipse(u, v + 1, looks["head_width"] + 3.5, 23 + 6 * looks["long_hair"])
    canvas.paint(hair, 0.85 * looks["hair"], opacity=np.clip(4 * looks["long_hair"] - 2, 0, 1), soft=1.5)
    canvas.paint(np.maximum(np.abs(u) - 0.62 * looks["head_width"], 10 - v), 0.68 * looks["skin"], soft=1.5)
    canvas.paint(ellipse(u, v - 31, 25.0, 9.5), looks["clothes"])


def _draw_glasses(canvas: Canvas, looks: Parameters) -> None:
    y = canvas.y - looks["eye_y"]
    rims = np.abs(ellipse(canvas.side - looks["eye_x"], y - 0.4, 5.4, 4.3)) - 0.5
    bridge = stroke(canvas.x / 1.6, y + 0.6, 0.5, 1.6)
    sideways = np.maximum(looks["eye_x"] + 5.2 - canvas.side, np.abs(canvas.u) - looks["head_width"] - 1)
    frame = np.minimum(rims, np.minimum(bridge, np.maximum(np.abs(y + 1) - 0.5, sideways)))
    canvas.cover(frame, 0.5 * looks["iris"], opacity=0.9 * as_share(looks["glasses"] < 0.1))


def _draw_occluder(canvas: Canvas, looks: Parameters) -> None:
    """Hide a part of one face in six with a hat, a lock of hair, a hand or a bar."""
    u, v, at, tone = canvas.u, canvas.v, looks["occluder_at"], looks["occluder_tone"]
    hat, lock, hand, bar = (as_share(np.floor(24 * looks["occluder"]) == kind) for kind in range(4))
    brim = v + 10 - 1.5 * at + 0.012 * u * u
    crown = np.maximum(ellipse(u, brim + 2, 17.5, 22.0), brim)
    canvas.cover(np.minimum(crown, ellipse(u, brim + 0.5, 23.0, 1.4)), tone, opacity=hat)
    canvas.paint(np.maximum(crown, np.abs(brim + 2.5) - 0.8), 0.6 * tone, opacity=hat)
    strand = np.maximum(np.abs(u - 9 * at - 0.4 * at * v - 0.02 * v * v) - 1.8 + 0.07 * v, v - 2.5 - 3.5 * at)
    canvas.cover(strand, 1.1 * looks["hair"], opacity=lock, soft=1.5)
    across = 0.95 * (u - 4 * np.sign(at) - 7 * at) + 0.35 * np.sign(at) * (v - 14)
    gap = np.abs(across % 4.2 - 2.1)  # pixels from the middle of a finger
    fingers = ellipse(across, v - 19, 7.4, 12.0) + 0.35 * gap * gap
    canvas.cover(fingers - 0.7, 0.55 * looks["skin"], opacity=hand)
    canvas.cover(fingers, (1.05 - 0.05 * gap * gap) * looks["skin"], opacity=hand, soft=1.5)
    canvas.cover(np.abs(at * u + (1 - np.abs(at)) * v - 15) - 2.2, tone, opacity=bar)


def _blur(image: Array, share: Array) -> Array:
    """Give a share of each pixel's grey level to each neighbour, first along rows, then along columns."""
    wide = np.pad(image, ((0, 0), (0, 0), (1, 1)), mode="edge")
    image = image + share * (wide[:, :, :-2] + wide[:, :, 2:] - 2 * image)
    tall = np.pad(image, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return image + share * (tall[:, :-2] + tall[:, 2:] - 2 * image)
