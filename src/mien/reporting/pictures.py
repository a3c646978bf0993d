"""Small pictures as PNG inside the page.  Axes: `H`, `W` height and width."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

HEAT = "inferno"
"""Matplotlib's name of the colours of maps: dark to bright, also in grey print and to colour-blind eyes."""
STRONGEST = 99.5
"""This percentile of a map gets the brightest colour, so that a single pixel does not darken all the others."""


def grey(image: NDArray[np.uint8]) -> str:
    """Write a grey picture `uint8 (H, W)` as a base64 PNG."""
    return _base64(Image.fromarray(image))


def heat(values: NDArray[np.floating]) -> str:
    """Write a map `(H, W)` as a base64 PNG in colours: 0 or less is dark, the map's own strongest is bright."""
    positive = np.clip(np.nan_to_num(values), 0, None)
    top = float(np.percentile(positive, STRONGEST)) or float(positive.max()) or 1.0
    picture = Image.fromarray(np.rint(255 * np.minimum(positive / top, 1)).astype(np.uint8))
    picture.putpalette((colormaps[HEAT](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes())
    return _base64(picture)


def _base64(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
