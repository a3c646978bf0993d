"""`find_faces`: from a picture to its faces as a network takes them.  Axes: `H`, `W` the picture."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.card import CROP_MARGIN
from mien.core.images import SIZE, decode, decode_colour, grey, resize
from mien.runtime.detect import SMALL_PX, Detection, Detector, YuNet, require_rgb
from mien.runtime.geometry import Box, Square, iou, nms
from mien.runtime.results import Crop

NEARLY_SQUARE = 4 / 3
"""The largest ratio of sides at which a small picture may itself be a face."""

LEAST_PX = 12
"""A picture with a shorter side is no face as a whole: of held-out faces shrunk to 12 pixels 55 % were classified
rightly, of smaller ones less than half, by the network for which this was set (`benchmarks/quality.py`)."""

PANORAMA_RATIO = 2.0
"""A picture with a larger ratio of sides is also searched in pieces."""

MAX_PIECES = 100
"""In a still longer picture the pieces are no squares but longer, so that a strip of a few pixels takes no minutes."""

MAX_IOU = 0.3
"""Of two faces with a larger intersection over union, found in two pieces, the less confident one is dropped."""


SURE_PROBABILITY = 0.9
"""A face with a lower detector probability is looked at in the other orientations, too: 15 % of upright faces have one,
and all but a few of those that are upside down.  This and the next two: `benchmarks/rotated.py`."""

SURER = 0.02
"""By how much the detector must be surer of a face in another orientation to turn it."""

TURNED_PROBABILITY = 0.75
"""What is found in a turned picture needs this probability, since three more searches see three times as many things
that are no faces."""

GRID = 1 / 8
"""A turned square's centre and angle are multiples of this, in pixels and degrees, far less than a detector's jitter:
its last digits depend on the processor, and one grey level of one pixel moves a probability of an int8 graph by up to
0.02.  So every processor, and a browser, cuts out the same pixels."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face of a picture.

    Attributes:
        image: the face as a network takes it, grey, `uint8 (48, 48)`.
        square: where it was cut from the upright picture, in pixels; None if the whole picture is the face.
        detection: what the detector found; None if the whole picture is the face.
        crop: why the whole picture is the face; None if the detector found it.
    """

    image: NDArray[np.uint8]
    square: Square | None
    detection: Detection | None
    crop: Crop | None = None


def find_faces(
    picture: str | Path | bytes | NDArray[np.uint8],
    *,
    detector: Detector,
    margin: float = 0.0,
    align: bool = True,
    crops: bool = False,
    quarters: int = 0,
    turn: bool = True,
) -> list[FoundFace]:
    """Find the faces of a picture and cut them out.

    A picture goes to the detector, a panorama also in pieces, and only what is found is a face.  A picture of at most
    48 pixels, its longer side at most 4/3 of the shorter one, is not searched: it is taken for a face that is cut out
    already, and marked as assumed.  Below `LEAST_PX` pixels a picture has no face.

    Args:
        picture: a file's path or bytes, or pixels in RGB, `uint8 (H, W, 3)`.
        detector: finds the faces, `YuNet()` for one; make it once and use it for many pictures.
        margin: a bundle's `crop_margin`, see `face_square`.
        align: turn each face so that its eyes are level.
        crops: the picture is a face that is cut out already, whatever its size.
        quarters: see `detect_faces`.
        turn: see `detect_faces`.

    Returns:
        The faces, the most confident first; none if there are none.

    Raises:
        DataError: no picture, see `mien.core.images.decode_colour`; or pixels of another dtype or shape.

    >>> from mien.runtime.detect import YuNet
    >>> find_faces(np.zeros((480, 640, 3), np.uint8), detector=YuNet(threads=1))
    []
    """
    if isinstance(picture, np.ndarray):
        pixels = picture
    elif isinstance(picture, str):
        pixels = decode_colour(Path(picture))
    else:
        pixels = decode_colour(picture)
    require_rgb(pixels)
    crop = whole_picture(pixels, crops=crops)
    if crop is not None:
        if min(pixels.shape[:2]) < LEAST_PX:
            return []
        return [FoundFace(resize(grey(pixels)), None, None, crop)]
    found = []
    for detection in detect_faces(pixels, detector, quarters=quarters, turn=turn):
        square = face_square(detection, margin=margin, align=align)
        found.append(FoundFace(crop_face(pixels, square), square, detection))
    return found


def whole_picture(picture: NDArray[np.uint8], *, crops: bool = False) -> Crop | None:
    """Say whether an RGB picture, `uint8 (H, W, 3)`, is a face as a whole and not searched, and why.

    >>> whole_picture(np.zeros((48, 40, 3), np.uint8)), whole_picture(np.zeros((49, 48, 3), np.uint8))
    ('assumed', None)
    """
    if crops:
        return "given"
    height, width = picture.shape[:2]
    if max(height, width) <= min(SIZE, NEARLY_SQUARE * min(height, width)):
        return "assumed"
    return None


def face_finder() -> Callable[[Path | bytes, str], NDArray[np.uint8] | None]:
    """Return a function that cuts the largest face out of a picture file, to read data by `open_faces(find_face=...)`.

    It takes the file's path or bytes, and its name for errors, and returns the face, `uint8 (48, 48)`, or None if none
    is found.  A picture of at most 48 pixels is a face already.
    """
    detector: Detector | None = None

    def find(picture: Path | bytes, name: str) -> NDArray[np.uint8] | None:
        nonlocal detector
        pixels = decode_colour(picture, name=name)
        if max(pixels.shape[:2]) <= SIZE:
            return resize(decode(picture, name=name))
        detector = detector or YuNet()
        found = find_faces(pixels, detector=detector, margin=CROP_MARGIN)
        return largest_face(found).image if found else None

    return find


def largest_face(faces: Sequence[FoundFace]) -> FoundFace:
    """Return the face of a picture with the largest box; one that is the whole picture has no box."""

    def area(face: FoundFace) -> float:
        return 0.0 if face.detection is None else face.detection.box_px.width * face.detection.box_px.height

    return max(faces, key=area)


def detect_faces(
    picture: NDArray[np.uint8], detector: Detector, *, quarters: int = 0, turn: bool = True
) -> list[Detection]:
    """Detect the faces of an RGB picture, `uint8 (H, W, 3)`, upright or turned by quarters, the most confident first.

    A detector also finds faces that are upside down or lie on their side, but it is less sure of them, and puts the
    landmarks where an upright face would have them.  So where nothing is found, and around each face of which the
    detector isn't sure, the picture is searched again in the other three orientations, and of what overlaps the most
    confident face is kept.

    Args:
        picture: the picture as it is shown.
        detector: finds upright faces.
        quarters: by how many quarters the picture is turned counter-clockwise for the first search.
        turn: whether to look in the other orientations.
    """
    found = _detect_at(picture, detector, quarters)
    if not turn:
        return found
    if not found:
        return _detect_turned(picture, detector, quarters)
    faces = [_looked_at_again(picture, face, detector) for face in found]
    others = {face.rotated // 90 for face in faces} - {quarters}
    if not others:
        return faces
    for other in sorted(others):  # the whole picture has the face at the size for which the framing was measured
        faces += _surest(_detect_at(picture, detector, other))
    return _most_confident(faces)


def _detect_at(picture: NDArray[np.uint8], detector: Detector, quarters: int) -> list[Detection]:
    """Search a picture that is turned by quarters; boxes and landmarks are those of the picture as it is."""
    if not quarters:
        return _detect_upright(picture, detector)
    turned = np.ascontiguousarray(np.rot90(picture, quarters))
    found = _detect_upright(turned, detector)
    return [_turned_back(face, quarters, turned.shape[0], turned.shape[1]) for face in found]


def _detect_turned(picture: NDArray[np.uint8], detector: Detector, quarters: int) -> list[Detection]:
    """Search a picture in the three other orientations than this one."""
    found = []
    for other in range(4):
        if other != quarters:
            found += _surest(_detect_at(picture, detector, other))
    return _most_confident(found)


def _surest(found: list[Detection]) -> list[Detection]:
    return [face for face in found if face.probability >= TURNED_PROBABILITY]


def _looked_at_again(picture: NDArray[np.uint8], face: Detection, detector: Detector) -> Detection:
    """Look at a face in the other orientations if the detector isn't sure of it; return the surest finding."""
    x, y, width, height = face.box_px
    side = max(width, height)
    left, top = max(0, round(x + width / 2 - side)), max(0, round(y + height / 2 - side))
    around = picture[top : round(y + height / 2 + side), left : round(x + width / 2 + side)]
    if face.probability >= SURE_PROBABILITY or not around.size:
        return face
    shrink = max(1.0, max(around.shape[:2]) / SMALL_PX)
    if shrink > 1:
        size = [max(1, round(pixels / shrink)) for pixels in around.shape[:2]]
        around = np.asarray(Image.fromarray(around).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    best = face
    for turned in _detect_turned(around, detector, face.rotated // 90):
        box = Box(*(shrink * length for length in turned.box_px))
        found = _moved(replace(turned, box_px=box, landmarks_px=shrink * turned.landmarks_px), left, top)
        surer = found.probability > max(best.probability, face.probability + SURER)
        if surer and iou(found.box_px, face.box_px) > MAX_IOU:
            best = found
    return best


def _detect_upright(picture: NDArray[np.uint8], detector: Detector) -> list[Detection]:
    """Detect the upright faces of a picture, whatever its shape.

    A detector that sees a fixed number of pixels would see little of a panorama.  So a picture more than twice as long
    as wide is searched as a whole, and once more in squares of its shorter side, each half over the one before.  A box
    that crosses an edge between squares is left to the square that has all of it.
    """
    detections = list(detector.detect(picture))
    height, width = picture.shape[:2]
    if max(height, width) <= PANORAMA_RATIO * min(height, width):
        return detections
    for left, top, right, bottom in _pieces(height, width):
        for detection in detector.detect(np.ascontiguousarray(picture[top:bottom, left:right])):
            moved = _moved(detection, left, top)
            box = moved.box_px
            whole_across = _is_inside(box.x, box.x + box.width, left, right, width)
            whole_down = _is_inside(box.y, box.y + box.height, top, bottom, height)
            if whole_across and whole_down:
                detections.append(moved)
    return _most_confident(detections)


def _most_confident(detections: list[Detection]) -> list[Detection]:
    """Of faces that overlap keep the most confident; the most confident first."""
    if not detections:
        return []
    boxes = np.array([detection.box_px for detection in detections])  # (K, 4)
    probabilities = np.array([detection.probability for detection in detections])  # (K,)
    return [detections[k] for k in nms(boxes, probabilities, max_iou=MAX_IOU)]


def face_square(detection: Detection, *, margin: float = 0.0, align: bool = True) -> Square:
    """Return the square to cut out, framed as FER2013's faces are: the centre and the area of the detected box.

    That square of YuNet's box was measured to be FER2013's framing, and aligning to cost nothing on upright faces and
    to gain on leaning ones; `docs/photos.md` has the figures.

    Args:
        detection: what a detector found.
        margin: the part of the square's side that is added on each side; a bundle's card has it as `crop_margin`.
        align: turn the square so that the line between the eyes is level in it.

    >>> landmarks = np.array([[20, 40], [40, 60], [30, 50], [20, 70], [30, 80]], float)
    >>> face_square(Detection(Box(10, 20, 40, 90), 0.9, landmarks), margin=0.25)
    Square(x=30.0, y=65.0, side=90.0, rotation_deg=45.0)
    """
    x, y, width, height = detection.box_px
    rotation_deg = float(detection.rotated)
    if align:
        across, down = detection.landmarks_px[1] - detection.landmarks_px[0]
        rotation_deg = math.degrees(math.atan2(down, across))
    side = math.sqrt(width * height) * (1 + 2 * margin)
    return Square(x + width / 2, y + height / 2, side, rotation_deg)


def crop_face(picture: NDArray[np.uint8], square: Square) -> NDArray[np.uint8]:
    """Cut a square out of an RGB picture `uint8 (H, W, 3)` as a grey face, `uint8 (48, 48)`.

    The square is rounded to whole pixels unless it is turned; then its centre and angle are rounded to `GRID`, and it
    is sampled at the picture's own resolution, bicubic.  Where it reaches over the picture's border, the border's
    pixels are repeated, as augmentation does in training: black would be an edge that no face has.
    """
    side = max(1, round(square.side))
    angle = math.radians(_on_grid(square.rotation_deg))
    if not angle:
        return resize(grey(_window(picture, round(square.x - side / 2), round(square.y - side / 2), side)))
    reach = math.ceil(side * math.sqrt(2)) + 4  # what the turned square covers, and the bicubic filter's neighbours
    centre_x, centre_y = _on_grid(square.x), _on_grid(square.y)
    left, top = math.floor(centre_x - reach / 2), math.floor(centre_y - reach / 2)
    c, s = math.cos(angle), math.sin(angle)
    x, y = centre_x - left - (c - s) * side / 2, centre_y - top - (s + c) * side / 2  # the square's first corner
    levels = grey(_window(picture, left, top, reach)).astype(np.float32)  # Pillow cuts off fractions of uint8
    window = Image.fromarray(levels)
    turned = window.transform((side, side), Image.Transform.AFFINE, (c, -s, x, s, c, y), Image.Resampling.BICUBIC)
    return resize(np.rint(np.asarray(turned)).clip(0, 255).astype(np.uint8))


def _on_grid(value: float) -> float:
    return round(value / GRID) * GRID


def _pieces(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, right and bottom of pieces that cover a panorama, the last one flush with its end."""
    longer = max(height, width)
    side = max(min(height, width), 2 * longer // MAX_PIECES)
    for start in [*range(0, longer - side, max(1, side // 2)), longer - side]:
        if width > height:
            yield start, 0, start + side, height
        else:
            yield 0, start, width, start + side


def _moved(detection: Detection, left: int, top: int) -> Detection:
    x, y, width, height = detection.box_px
    landmarks = detection.landmarks_px + np.array([left, top])
    return replace(detection, box_px=Box(x + left, y + top, width, height), landmarks_px=landmarks)


def _turned_back(detection: Detection, quarters: int, height: int, width: int) -> Detection:
    """Give a face of a picture of this size its place in the picture before that was turned counter-clockwise."""
    x, y, box_width, box_height = detection.box_px
    corners = np.array([[x, y], [x + box_width, y + box_height]])
    points = np.concatenate([corners, detection.landmarks_px])  # (7, 2)
    for _ in range(quarters):
        # A quarter clockwise: down becomes left, and the height becomes the width.
        points = np.stack([height - points[:, 1], points[:, 0]], axis=1)
        height, width = width, height
    low, high = points[:2].min(axis=0), points[:2].max(axis=0)
    box = Box(*low.tolist(), *(high - low).tolist())
    return replace(detection, box_px=box, landmarks_px=points[2:], rotated=90 * quarters)


def _is_inside(low: float, high: float, start: int, stop: int, end: int) -> bool:
    """Whether a span lies in its piece, from `start` to `stop`, or reaches over the picture's borders, 0 and `end`."""
    return (low >= start or start == 0) and (high <= stop or stop >= end)


def _window(picture: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """Take a square of whole pixels; outside the picture its border is repeated."""
    rows = np.arange(top, top + side).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + side).clip(0, picture.shape[1] - 1)
    inside = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if inside.shape[:2] == (side, side):
        return inside  # most faces; picking pixels one by one takes three times as long
    window: NDArray[np.uint8] = inside[np.ix_(rows - rows[0], columns - columns[0])]
    return window
