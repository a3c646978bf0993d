import io

import numpy as np
import pytest
from PIL import Image

from mien.core.images import decode, decode_colour, grey

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
RGBA = np.random.default_rng(1).integers(0, 256, (40, 30, 4), dtype=np.uint8)
DEEP = np.random.default_rng(2).integers(0, 65536, (40, 30), dtype=np.uint16)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_colour_is_kept() -> None:
    assert (decode_colour(encoded(Image.fromarray(NOISE))) == NOISE).all()


@pytest.mark.parametrize(
    ("content", "within"),
    [
        (encoded(Image.fromarray(NOISE)), 0),
        (encoded(Image.fromarray(NOISE), "JPEG"), 0),
        (encoded(Image.fromarray(NOISE).convert("L")), 0),
        (encoded(Image.fromarray(NOISE).convert("L"), "JPEG"), 0),
        (encoded(Image.fromarray(NOISE).convert("1")), 0),
        (encoded(Image.fromarray(RGBA)), 0),
        (encoded(Image.fromarray(RGBA).convert("LA")), 0),
        (encoded(Image.fromarray(NOISE).quantize(200)), 1),
        (encoded(Image.fromarray(NOISE).convert("CMYK"), "TIFF"), 1),
        (encoded(Image.fromarray(NOISE).convert("CMYK"), "JPEG"), 1),
        (encoded(Image.fromarray(NOISE).convert("YCbCr"), "TIFF"), 1),
        (encoded(Image.fromarray(DEEP)), 0),
        (encoded(Image.fromarray(DEEP), "TIFF"), 0),
        (encoded(Image.fromarray(DEEP.astype(np.int32)), "TIFF"), 0),
        (encoded(Image.fromarray(DEEP.astype(np.float32)), "TIFF"), 0),
    ],
)
def test_grey_of_the_colours_is_what_training_sees(content: bytes, within: int) -> None:
    colour = decode_colour(content)
    assert (colour.dtype, colour.shape) == (np.uint8, (40, 30, 3))
    assert np.abs(grey(colour).astype(int) - decode(content)).max() <= within
