"""Finding faces in a picture: what a detector is, and YuNet, the one that ships.

Axes: `H`, `W` the picture, `K` candidates.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.arguments import checked
from mien.core.bundle import weights
from mien.core.errors import DataError, UsageError
from mien.core.files import verify
from mien.runtime.geometry import Box, nms
from mien.runtime.session import open_graph

YUNET_SHA256 = "21642bd2e3f563a5ff4245f72ff8411c590e764ed8a301b9a9f8111ef551348d"
YUNET_BYTES = 229_746
"""Of `yunet_free_size.onnx`: the published graph with other declared shapes (`dev/yunet/free_input_size.py`)."""

INPUT_PX = 640
"""The longer side of what YuNet gets of a large picture: the size for which it was published."""

MULTIPLE_PX = 32
"""YuNet takes any multiple of its largest stride as height and width."""

SMALL_PX = 256
"""A picture whose longer side is shorter is enlarged to this.  Of 400 FER2013 faces, which fill their picture, YuNet
finds 75 % at 48 pixels, 98.5 % at 256, 65 % at 640."""

REDUCING_GAP = 2.0
"""A picture that has to shrink more than this often is first reduced by whole pixels to this many times its new size,
which is faster and hardly differs."""

STRIDES = (8, 16, 32)
LANDMARKS = ("right eye", "left eye", "nose", "right mouth corner", "left mouth corner")
"""The names of `Detection.landmarks_px`; right and left are the person's own."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A face that was found.

    Attributes:
        box_px: its rectangle, which may reach over the picture's border.
        probability: the detector's confidence, 0 to 1; not calibrated.
        landmarks_px: `float64 (5, 2)`, x and y of each of `LANDMARKS`.
        rotated: by how many degrees the picture was turned counter-clockwise before the face was found: 0, 90, 180 or
            270.  Box and landmarks are those of the picture as it is.
    """

    box_px: Box
    probability: float
    landmarks_px: NDArray[np.float64]
    rotated: int = 0


class Detector(Protocol):
    """Whatever finds faces; `YuNet` is one."""

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of an RGB picture, `uint8 (H, W, 3)`, the most confident first."""
        ...


class YuNet:
    """YuNet in ONNX Runtime (Wu, Peng, Yu 2023, <https://doi.org/10.1007/s11633-023-1423-y>), on the CPU.

    The picture is scaled so that its longer side has `SMALL_PX` to 640 pixels, and padded with black at the right and
    the bottom to multiples of 32.  If nothing is found, it is searched once more at `SMALL_PX`, for a face that fills
    it.  Faces below about 14 of these pixels are not found.

    Args:
        path: the model file; None takes the one that ships with mien.
        min_probability: less confident detections are dropped.
        max_iou: of two boxes with a larger intersection over union the less probable one is dropped.
        threads: see `mien.runtime.session.Graph`.

    Raises:
        DataError: the file can't be read, or is not the one that ships.
        UsageError: a share that is not from 0 to 1.

    >>> YuNet(threads=1).detect(np.zeros((480, 640, 3), np.uint8))
    []
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        min_probability: float = 0.6,
        max_iou: float = 0.3,
        threads: int | None = None,
    ) -> None:
        for name, share in {"min_probability": min_probability, "max_iou": max_iou}.items():
            if not 0 <= share <= 1:
                raise UsageError(f"{name} is {share}, expected 0 to 1")
        self._graph = open_graph(read_model(path or model_path()), threads=threads)
        self._min_probability = min_probability
        self._max_iou = max_iou

    @checked
    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of an RGB picture, `uint8 (H, W, 3)`, the most confident first.

        Raises:
            DataError: another dtype or shape, or no pixels.
        """
        require_rgb(picture)
        longer_px = min(max(*picture.shape[:2], SMALL_PX), INPUT_PX)
        found = self._search(picture, longer_px)
        if not found and longer_px > SMALL_PX:
            found = self._search(picture, SMALL_PX)
        return found

    def _search(self, picture: NDArray[np.uint8], longer_px: int) -> list[Detection]:
        canvas, scale = letterbox(picture, longer_px=longer_px)
        names: list[str] = []
        for part in ("cls", "obj", "bbox", "kps"):
            names += [f"{part}_{stride}" for stride in STRIDES]
        outputs = dict(zip(names, self._graph.run(names, {"input": canvas}), strict=True))
        boxes, probabilities, landmarks = decode_yunet(
            outputs, width_px=canvas.shape[3], min_probability=self._min_probability
        )
        kept = nms(boxes, probabilities, max_iou=self._max_iou)
        boxes, landmarks = boxes / np.tile(scale, 2), landmarks / scale  # (K, 4), (K, 5, 2): pixels of the picture
        return [Detection(Box(*boxes[k].tolist()), float(probabilities[k]), landmarks[k]) for k in kept]


def model_path() -> Path:
    """Return the YuNet file that ships with mien."""
    return weights() / "yunet" / "yunet_free_size.onnx"


def read_model(path: Path) -> bytes:
    """Read YuNet's file; raises `DataError` if it is not the one that ships."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); install mien again") from None
    verify(path, content, sha256=YUNET_SHA256, size=YUNET_BYTES, said_by="expected", remedy="install mien again")
    return content


def require_rgb(picture: NDArray[np.uint8]) -> None:
    """Raise `DataError` unless a picture is `uint8 (H, W, 3)` with at least one pixel."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise DataError(f"the picture is {picture.dtype} {picture.shape}, expected uint8 (H, W, 3) in RGB")


def letterbox(picture: NDArray[np.uint8], *, longer_px: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Make YuNet's input of an RGB picture `uint8 (H, W, 3)`, scaled so that its longer side has `longer_px` pixels.

    Returns:
        `float32 (1, 3, h, w)`, blue first, 0 to 255, h and w multiples of 32; and the scale of x and y,
        `float64 (2,)`: canvas / picture.

    >>> canvas, scale = letterbox(np.full((300, 1280, 3), 9, np.uint8), longer_px=640)
    >>> canvas.shape, scale.tolist(), int(canvas[0, :, :150].min()), int(canvas[0, :, 150:].max())
    ((1, 3, 160, 640), [0.5, 0.5], 9, 0)
    """
    height, width = picture.shape[:2]
    longer = max(height, width)
    size = [max(1, round(side * longer_px / longer)) for side in (width, height)]
    if longer != longer_px:
        whole = Image.fromarray(picture)
        picture = np.asarray(whole.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP))
    padded = [-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in size]
    canvas = np.zeros((1, 3, padded[1], padded[0]), np.float32)
    canvas[0, :, : size[1], : size[0]] = picture[:, :, ::-1].transpose(2, 0, 1)  # (H, W, RGB) -> (BGR, H, W)
    return canvas, np.array(size) / [width, height]


def decode_yunet(
    outputs: dict[str, NDArray[np.float32]], *, width_px: int, min_probability: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Turn YuNet's raw outputs into candidates, in canvas pixels.

    Each cell of a grid of one stride has a class score and an objectness (the probability is the square root of their
    product), the box's centre relative to the cell and the logarithms of its size, both in strides, and the landmarks
    relative to the cell.

    Args:
        outputs: `cls_*` and `obj_*` `(1, cells, 1)`, `bbox_*` `(1, cells, 4)`, `kps_*` `(1, cells, 10)` of each stride.
        width_px: the canvas's width.
        min_probability: others are left out.

    Returns:
        Boxes `(K, 4)` as x, y, width, height; probabilities `(K,)`; landmarks `(K, 5, 2)`.
    """
    found = []
    for stride in STRIDES:
        scores = outputs[f"cls_{stride}"][0, :, 0].clip(0, 1) * outputs[f"obj_{stride}"][0, :, 0].clip(0, 1)
        probabilities = np.sqrt(scores.astype(np.float64))
        cells = np.flatnonzero(probabilities >= min_probability)
        # Cells are numbered row by row; each one's corner in cells, (K, 2) as x, y.
        corner = np.stack([cells % (width_px // stride), cells // (width_px // stride)], axis=1)
        raw = outputs[f"bbox_{stride}"][0, cells].astype(np.float64)
        centre, size = (raw[:, :2] + corner) * stride, np.exp(raw[:, 2:]) * stride
        points = outputs[f"kps_{stride}"][0, cells].astype(np.float64).reshape(-1, len(LANDMARKS), 2)  # (K, 5, 2)
        found.append((np.hstack([centre - size / 2, size]), probabilities[cells], (points + corner[:, None]) * stride))
    boxes, probability, landmarks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return boxes, probability, landmarks
