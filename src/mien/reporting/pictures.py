"""Small pictures as PNG inside the page.  Axes: `H`, `W` height and width."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from mien.core.images import to_uint8

HEAT = "inferno"
"""Matplotlib's name of the colours of maps: dark to bright, also in grey print and to colour-blind eyes."""


def grey_png(image: NDArray[np.uint8]) -> str:
    """Write a grey picture `uint8 (H, W)` as a base64 PNG."""
    return _base64(Image.fromarray(image))


def heat_png(values: NDArray[np.floating]) -> str:
    """Write a map `(H, W)` as a base64 PNG in colours: 0 or less is dark, the map's own strongest is bright."""
    picture = Image.fromarray(to_uint8(values[None])[0])
    picture.putpalette((colormaps[HEAT](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes())
    return _base64(picture)


def _base64(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
