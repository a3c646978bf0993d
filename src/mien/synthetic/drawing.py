"""How faces are painted: shapes given by signed distances, one over the other, many faces at once, with NumPy only.

Axes: `N` faces, `H = W = 48`.  Every parameter is an array `float32 (N, 1, 1)`, every shape an array
`float32 (N, 48, 48)`.  Lengths are pixels of a face in the standard pose, whose centre is (0, 0); x grows to the right,
y downwards.  With `side = |x|`, one curve draws the left and the right half.  A *signed distance* is negative inside a
shape; `0.5 - distance`, clipped to 0..1, is the share of a pixel that the shape covers, which gives smooth edges.
A *unit* is an action unit of the Facial Action Coding System (Ekman & Friesen 1978; Ekman, Friesen & Hager 2002), 0 at
rest and 1 at its strongest; `action_units.UNITS` lists them.  Only operations that IEEE 754 rounds correctly are used,
so a face has the same bytes on every processor and in every batch.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mien.core.images import SIZE

Array = NDArray[np.floating]  # float32; NumPy 2.5's types take some results for float64
Parameters = Mapping[str, Array]

DARK = 28.0
"""Grey level of pupils, nostrils and the inside of a mouth."""


class Canvas:
    """N pictures on which shapes are painted, and which of their pixels carry the expression.

    Attributes:
        image: `float32 (N, 48, 48)`, grey levels 0 to 255.
        expression: `float32 (N, 48, 48)`, 0 to 1, how much of a pixel carries the expression.
        u, v: position of each pixel on the head, which rolls; x, y: on the face, which also turns and nods.
        side, sign: `|x|`, and -1 or 1 for the picture's left or right half.
    """

    def __init__(self, looks: Parameters) -> None:
        grid = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
        across = (grid[None, None, :] - looks["shift_x"]) / looks["scale"]
        down = (grid[None, :, None] - looks["shift_y"]) / looks["scale"]
        roll = looks["roll"]  # the tangent of the angle
        cosine = 1 / np.sqrt(1 + roll * roll)
        self.u = cosine * (across + roll * down)
        self.v = cosine * (down - roll * across)
        self.x = self.u - 5 * looks["yaw"]
        self.sign = np.sign(self.x)
        self.x *= 1 + 0.3 * looks["yaw"] * self.sign  # the half that turns away is squeezed
        self.y = self.v - 2.5 * looks["pitch"]
        self.side = np.abs(self.x)
        self.image = np.zeros_like(self.u)
        self.expression = np.zeros_like(self.u)

    def paint(self, distance: Array, tone: Array | float, *, opacity: Array | float = 1.0, soft: float = 1.0) -> Array:
        """Paint a shape over the picture; `soft` is the width of its edge in pixels.

        Returns:
            `float32 (N, 48, 48)`: how much of each pixel was covered, 0 to 1.
        """
        cover = distance * np.float32(-1 / soft)
        cover += 0.5
        np.clip(cover, 0, 1, out=cover)
        cover *= opacity
        change = tone - self.image
        change *= cover
        self.image += change
        return cover

    def cover(self, distance: Array, tone: Array | float, *, opacity: Array, soft: float = 1.0) -> None:
        """Paint something in front of the face; the pixels that it hides no longer carry the expression."""
        self.expression *= 1 - self.paint(distance, tone, opacity=opacity, soft=soft)

    def mark(self, distance: Array, *, margin: float, weight: Array | float = 1.0) -> None:
        """Mark a shape, and `margin` pixels around it, as carrying the expression."""
        np.maximum(self.expression, np.clip(0.5 + margin - distance, 0, 1) * weight, out=self.expression)

    def wrinkle(self, distance: Array, looks: Parameters, depth: Array) -> None:
        """Paint a furrow of the skin; a deep one carries the expression."""
        depth = np.minimum(depth, 1) * looks["wrinkles"]
        self.paint(distance, 0.5 * looks["skin"], opacity=0.55 * depth, soft=1.4)
        self.mark(distance, margin=0.3, weight=1.2 * depth)


def ellipse(x: Array, y: Array, width: Array | float, height: Array | float) -> Array:
    """Return the (approximate) signed distance to an ellipse around the origin with these half axes."""
    radius: Array = np.sqrt((x / width) ** 2 + (y / height) ** 2)
    return (radius - 1) * np.minimum(width, height)


def as_share(condition: NDArray[np.bool_]) -> Array:
    """Return 1 where a condition holds, else 0."""
    return condition.astype(np.float32)


def stroke(along: Array, across: Array, half_width: Array | float, length: Array | float) -> Array:
    """Return the signed distance to a stroke that is thinner at its ends.

    Args:
        along: -1 to 1 from end to end.
        across: pixels from the stroke's middle line.
        half_width: pixels at the middle.
        length: half the stroke's length in pixels.
    """
    aside: Array = np.abs(across) - half_width * (1.1 - 0.5 * along * along)
    return np.maximum(aside, (np.abs(along) - 1) * length)


def draw_head(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the ears, the skin with its light and shade, and the cheeks, which AU6 raises."""
    u, v, skin = canvas.u, canvas.v, looks["skin"]
    width = looks["head_width"]
    canvas.paint(ellipse(np.abs(u) - width - 0.2, v, 1.8, 3.6), 0.8 * skin)
    height = looks["head_height"] + np.where(v > 0, 1.8 * units["AU26"], np.float32(1))
    down = np.clip(v / height, 0, 1)
    radius = np.sqrt((u / (width * (1 - looks["taper"] * down * down))) ** 2 + (v / height) ** 2)
    edge = np.minimum(radius, 1.1) ** 2
    shade = 1.08 - 0.25 * edge * edge + looks["light_x"] * u / 24 + looks["light_y"] * v / 30
    canvas.paint((radius - 1) * width, skin * np.clip(shade, 0.35, 1.3))
    cheeks = ellipse(canvas.side - 8, canvas.y - 4 + 1.5 * units["AU6"], 4.2, 3.2)
    canvas.paint(cheeks, 1.12 * skin, opacity=0.25 + 0.35 * units["AU6"], soft=4.0)


def draw_nose(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the nose; AU9 pulls it up, widens it, and makes it carry the expression."""
    x, side, skin = canvas.x, canvas.side, looks["skin"]
    y = canvas.y - 4.5 + 1.3 * units["AU9"] + 0.3 * units["AU10"]  # from the tip
    lit = np.sign(looks["light_x"])
    bridge = stroke((y + 4) / 4.5, x + lit * (1.2 + 0.12 * (y + 4)), 0.7, 4.5)
    canvas.paint(bridge, 0.62 * skin, opacity=0.45, soft=1.6)
    canvas.paint(ellipse(x - 0.4 * lit, y + 0.6, 1.4, 1.6), 1.2 * skin, opacity=0.45, soft=2.0)
    width = looks["nose_width"] + 0.5 * units["AU9"] + 0.3 * units["AU12"]
    wing = stroke(y / 1.7, side - width - 0.25 * (1 - y * y), 0.45, 1.7)
    canvas.paint(wing, 0.55 * skin, opacity=0.55 + 0.35 * units["AU9"])
    canvas.paint(stroke(x / width, y - 1.5 + 0.08 * x * x, 0.5, width), 0.5 * skin, opacity=0.6)
    canvas.paint(ellipse(side - 0.5 * width, y - 1.2, 0.8, 0.6), DARK, opacity=0.8)
    canvas.mark(ellipse(x, y + 1.5, width + 1.2, 4.5), margin=0, weight=np.clip(3 * units["AU9"] - 0.4, 0, 1))


def draw_furrows(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the lines of the forehead (AU1, 2), frown (AU4), nose (AU9), smile (AU10, 12) and crow's feet (AU6)."""
    x, y, side = canvas.x, canvas.y, canvas.side
    raised = np.maximum(units["AU1"], 0.8 * units["AU2"])
    for height, length in ((-13.2, 8.0), (-15.4, 7.0)):
        arch = y - height - 0.02 * x * x + raised
        canvas.wrinkle(stroke(x / length, arch, 0.35, length), looks, 0.9 * raised)
    frown = stroke((y + 8) / 2.4, side - 1.2 - 0.1 * (y + 8), 0.4, 2.4)
    canvas.wrinkle(frown, looks, 1.5 * units["AU4"])
    for height in (-4.6, -2.8, -1.2):
        canvas.wrinkle(stroke(x / 2.4, y - height - 0.12 * x * x, 0.35, 2.4), looks, 1.3 * units["AU9"])
    pulled = np.maximum(units["AU12"], np.maximum(units["AU10"], 0.8 * units["AU9"]))
    down = (y - 4) / (looks["mouth_y"] - 4)  # 0 at the nose, 1 at the mouth
    reach = looks["mouth_width"] - 0.6 + 1.4 * units["AU12"] + 0.6 * units["AU10"]
    fold = side - 3.2 - reach * down * (1.35 - 0.35 * down)
    canvas.wrinkle(stroke(2 * down - 1, 0.8 * fold, 0.5, 3.5), looks, 0.2 + 0.8 * pulled)
    feet = stroke((side - 12.3) / 1.6, y - looks["eye_y"] - 0.3 * np.abs(side - 11), 0.3, 1.6)
    canvas.wrinkle(feet, looks, 0.9 * units["AU6"])


def draw_hair(canvas: Canvas, looks: Parameters, units: Parameters) -> None:  # noqa: ARG001 - one signature for all
    """Paint the beard, which most people have not, and the hair in locks, with its shadow on the forehead."""
    u, v, width = canvas.u, canvas.v, looks["head_width"]
    jaw = ellipse(u, v + 2, width - 0.3, looks["head_height"] + 2.5)
    below_nose = looks["mouth_y"] - 4.4 + 0.45 * np.minimum(canvas.side, 8) - 1.1 * np.maximum(canvas.side - 8, 0)
    canvas.paint(
        np.maximum(jaw, below_nose - canvas.y),
        np.minimum(looks["hair"], 0.5 * looks["skin"]),
        opacity=np.clip(4.8 * looks["beard"] - 4.2, 0, 0.6),
        soft=2.0,
    )
    locks = np.abs((u * looks["strands"] + 0.04 * v * u) % 2 - 1)  # a zigzag across the head ...
    locks = locks * locks * (3 - 2 * locks)  # ... without its corners
    aside = np.minimum(np.abs(u - looks["parting"]) / width, 1.2)
    line = looks["hairline"] + looks["temples"] * aside * aside * aside + looks["fringe"] * (locks - 0.5)
    steep = 3 * looks["temples"] * aside * aside / width  # the line's slope; makes a height a distance
    scalp = ellipse(u, v + 1, width + 1.7, looks["head_height"] + 3.2)
    distance = np.maximum(scalp, (v - line) / np.sqrt(1 + steep * steep))
    there = 1 - 0.85 * as_share(looks["bald"] < 0.06)
    canvas.paint(distance - 1.2, 0.6 * looks["skin"], opacity=0.5 * there, soft=2.5)
    shine = 1 + 0.25 * (locks - 0.5) - 0.03 * (v + 16) + 0.03 * looks["light_x"] * u
    canvas.cover(distance, looks["hair"] * shine, opacity=there, soft=1.4)


def draw_eyes(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the eyes: AU5 opens them, AU7 tightens the lids, AU6 and 9 push the lower lid up, AU4 the upper down."""
    width, skin = looks["eye_width"], looks["skin"]
    x = canvas.side - looks["eye_x"]
    along = x / width
    bulge = 1 - along * along
    y = canvas.y - looks["eye_y"] - (looks["eye_slant"] + 0.4 * units["AU1"]) * along
    canvas.paint(ellipse(x, y + 1, width + 1.5, 3.8), 0.62 * skin, opacity=looks["sockets"], soft=3.0)
    squeeze = 0.9 * units["AU7"] + 0.6 * units["AU9"]
    above = np.maximum(looks["eye_open"] + 1.6 * units["AU5"] - squeeze - 0.4 * units["AU4"] - 0.3 * units["AU6"], 0.35)
    below = np.maximum(1.25 + 0.35 * units["AU5"] - 0.9 * squeeze - 0.9 * units["AU6"], 0.1)
    upper, lower = -above * bulge, below * bulge
    eye = np.maximum(upper - y, y - lower)
    canvas.paint(eye, np.minimum(248, 0.55 * skin + 115))
    gaze_x, gaze_y = canvas.sign * x - looks["gaze_x"], y + 0.35 - looks["gaze_y"]
    iris = np.sqrt(gaze_x * gaze_x + gaze_y * gaze_y)
    canvas.paint(np.maximum(iris - 1.7, eye), looks["iris"])
    canvas.paint(np.maximum(iris - 0.8, eye), DARK)
    canvas.paint(np.maximum(ellipse(gaze_x + 0.5, gaze_y + 0.6, 0.55, 0.55), eye), 235.0, opacity=0.8)
    canvas.paint(stroke(along / 1.1, y - upper, 0.6, width), 0.22 * skin + 8, opacity=0.9)
    canvas.paint(stroke(along, y - lower, 0.3, width), 0.45 * skin, opacity=0.6)
    canvas.paint(stroke(along, y + 1.5 - 0.85 * upper, 0.3, width), 0.5 * skin, opacity=0.45)
    bags = 0.2 + 0.8 * units["AU6"] + 0.3 * units["AU7"]
    canvas.wrinkle(stroke(along, y - lower - 1.5 * bulge, 0.35, width), looks, bags)
    canvas.mark(eye, margin=1.2)


def draw_brows(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the brows; AU1 raises the inner, AU2 the outer ends, AU4 lowers them and draws them together."""
    width = looks["brow_width"]
    along = (canvas.side - looks["brow_x"] + 0.9 * units["AU4"]) / width  # -1 at the inner end, 1 at the outer end
    inner = np.clip(0.5 - 0.5 * along, 0, 1.2) ** 2
    outer = np.clip(0.5 + 0.5 * along, 0, 1.2)
    raised = (
        looks["brow_arch"] * (1 - along * along)
        - looks["brow_slant"] * along
        + 3.4 * units["AU1"] * inner
        + 3.2 * units["AU2"] * outer
        + 0.4 * units["AU5"]
        - units["AU4"] * (1.2 + 2.1 * inner)
        - 0.8 * units["AU9"] * (0.5 + inner)
        + looks["asymmetry"] * canvas.sign
    )
    shape = stroke(along, canvas.y - looks["brow_y"] + raised, looks["brow_thick"] * (1 - 0.25 * along), width)
    canvas.paint(shape, np.minimum(0.8 * looks["hair"], 0.5 * looks["skin"]), opacity=looks["brow_dark"])
    canvas.mark(shape, margin=0.7)


def draw_mouth(canvas: Canvas, looks: Parameters, units: Parameters) -> None:
    """Paint the mouth: AU12 and 15 move its corners, 20 stretches, 10, 16, 25 and 26 open, 23 and 24 thin the lips."""
    tight = np.maximum(units["AU23"], units["AU24"])
    wide = 1 + 0.3 * units["AU12"] + 0.3 * units["AU20"] - 0.25 * units["AU26"] - 0.18 * tight
    width, skin = looks["mouth_width"] * wide, looks["skin"]
    x = canvas.x - 0.6 * looks["asymmetry"]
    along = x / width
    square = along * along
    boxy = np.maximum(0.8 * np.maximum(units["AU20"], units["AU16"]), 0.5 * units["AU26"])
    bulge = 1 - square * (1 - boxy * (1 - square))
    corners = (
        looks["mouth_curve"] - 3.2 * units["AU12"] + 2.7 * units["AU15"] + 0.5 * units["AU20"] + 0.9 * units["AU16"]
    )
    y = canvas.y - looks["mouth_y"] - 0.3 * units["AU26"] + 0.6 * units["AU17"] - corners * (square - 0.4)
    above = 0.7 * units["AU25"] + 1.5 * units["AU26"] + 0.08
    below = (2.4 + 0.6 * units["AU16"]) * units["AU25"] + 4.6 * units["AU26"] + 0.08
    raised = (0.9 * units["AU10"] + 0.25 * units["AU17"]) * bulge
    upper, lower = -above * bulge - raised, below * bulge - raised * (1 - np.minimum(1, 1.3 * units["AU25"]))
    thin = 1 - 0.65 * tight - 0.25 * units["AU12"] - 0.3 * units["AU16"]
    top = upper - thin * looks["upper_lip"] * (bulge - 0.35 * np.clip(1 - np.abs(x), 0, 1))
    bottom = lower + thin * looks["lower_lip"] * bulge
    lips = np.maximum(top - y, y - bottom)
    canvas.paint(stroke(along / 0.8, y - bottom - 1.3, 0.8, width), 0.6 * skin, opacity=0.4, soft=1.8)
    canvas.paint(lips, looks["lips"] * skin)
    _draw_inside(canvas, looks, units, upper=y - upper, lower=y - lower)
    closed = np.clip(0.95 - 2 * (units["AU25"] + units["AU26"]), 0, 1)
    canvas.paint(stroke(along, y - 0.5 * (upper + lower), 0.45, width), 0.3 * skin, opacity=closed)
    corner = ellipse(np.abs(x) - width, y - 0.2, 0.9, 0.9)
    canvas.paint(corner, 0.4 * skin, opacity=0.5, soft=1.2)
    canvas.mark(np.minimum(lips, corner), margin=1.0)


def _draw_inside(canvas: Canvas, looks: Parameters, units: Parameters, *, upper: Array, lower: Array) -> None:
    """Paint what an open mouth shows; `upper` and `lower` are the pixels below its upper and its lower edge."""
    inside = np.maximum(-upper, lower)
    canvas.paint(inside, DARK + 8)
    tongue = np.maximum(inside, -lower - 1.8)
    canvas.paint(tongue, 0.35 * looks["skin"] + 25, opacity=units["AU26"], soft=1.8)
    teeth = 0.3 * looks["skin"] + 165
    shown = np.clip(1.8 * units["AU25"] - 0.3 * units["AU26"], 0, 1) * looks["teeth"]
    canvas.paint(np.maximum(inside, upper - 2.0), teeth, opacity=shown)
    shown = np.clip(1.5 * units["AU16"], 0, 1) * looks["teeth"]
    canvas.paint(np.maximum(inside, -lower - 1.2), teeth, opacity=shown)


PARTS: tuple[Callable[[Canvas, Parameters, Parameters], None], ...] = (
    draw_head,
    draw_nose,
    draw_furrows,
    draw_hair,
    draw_eyes,
    draw_brows,
    draw_mouth,
)
"""The parts of a face, in the order in which they are painted over each other."""
