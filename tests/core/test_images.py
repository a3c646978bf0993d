import io
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core import images
from mien.core.errors import DataError
from mien.core.images import decode, decode_colour, resize

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30), dtype=np.uint8)
RAMP = np.add.outer(np.arange(40) * 2, np.arange(30) * 3).astype(np.uint8)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_grey_is_kept() -> None:
    assert (decode(encoded(Image.fromarray(RAMP))) == RAMP).all()


def test_a_path(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(encoded(Image.fromarray(RAMP)))
    assert (decode(tmp_path / "face.png") == RAMP).all()


def test_colour_is_luma_601() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    expected = rgb @ [0.299, 0.587, 0.114]
    assert decode(encoded(Image.fromarray(rgb))) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, RAMP),
        (2, np.fliplr(RAMP)),
        (3, np.rot90(RAMP, 2)),
        (4, np.flipud(RAMP)),
        (5, RAMP.T),
        (6, np.rot90(RAMP, -1)),
        (7, np.rot90(RAMP, 2).T),
        (8, np.rot90(RAMP)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_turned_photo_is_upright(orientation: int, upright: np.ndarray, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    grey = decode(encoded(Image.fromarray(RAMP), kind, exif=exif))
    assert grey.shape == upright.shape
    assert np.abs(grey.astype(int) - upright).max() <= (0 if kind == "PNG" else 12)


def test_transparent_is_white() -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:2, :, 3] = 255
    grey = decode(encoded(Image.fromarray(rgba)))
    assert (grey[:2] == 0).all()
    assert (grey[2:] == 255).all()


def test_half_transparent_is_half_white() -> None:
    pixels_rgba = np.array([[[0, 0, 0, 128], [200, 0, 0, 255], [0, 0, 0, 0]]], np.uint8)
    assert decode(encoded(Image.fromarray(pixels_rgba))).tolist() == [[127, 60, 255]]


def test_a_palette_with_a_transparent_colour() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([0, 0, 0, 90, 90, 90])
    picture.putpixel((1, 0), 1)
    assert decode(encoded(picture)).tolist() == [[0, 90]]
    assert decode(encoded(picture, transparency=0)).tolist() == [[255, 90]]
    assert decode(encoded(picture, transparency=bytes([255, 0]))).tolist() == [[0, 255]]
    assert decode(encoded(picture, "GIF", transparency=0)).tolist() == [[255, 90]]


def test_sixteen_bits_are_scaled() -> None:
    values = np.array([[0, 257, 257 * 128, 65535]], np.uint16)
    picture = Image.fromarray(values)
    assert picture.mode == "I;16"
    assert decode(encoded(picture)).tolist() == [[0, 1, 128, 255]]
    assert decode(encoded(picture, "TIFF")).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(("brightest", "shown"), [(1, 1), (255, 255), (256, 64), (300, 75), (16383, 255), (16384, 64)])
def test_sixteen_bits_are_scaled_by_as_many_as_are_used(brightest: int, shown: int) -> None:
    assert decode(encoded(Image.fromarray(np.array([[0, brightest]], np.uint16)))).tolist() == [[0, shown]]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_grey_levels_in_a_wide_file_are_kept(dtype: type) -> None:
    assert decode(encoded(Image.fromarray(np.array([[0, 7, 255]], dtype)), "TIFF")).tolist() == [[0, 7, 255]]


@pytest.mark.parametrize(("brightest", "expected"), [(1.0, [0, 128, 255]), (1.5, [0, 1, 2])])
def test_floats_up_to_one_are_shares_of_white(brightest: float, expected: list[int]) -> None:
    levels = np.array([[0, brightest / 2, brightest]], np.float32)
    assert decode(encoded(Image.fromarray(levels), "TIFF")).tolist() == [expected]


def test_black_and_white() -> None:
    assert decode(encoded(Image.fromarray(np.array([[True, False]])))).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("ink", "grey"), [((0, 0, 0, 0), 255), ((0, 0, 0, 255), 0), ((0, 255, 255, 0), 76), ((0, 0, 0, 100), 155)]
)
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_printing_inks(ink: tuple[int, ...], grey: int, kind: str) -> None:
    assert decode(encoded(Image.new("CMYK", (8, 8), ink), kind)) == pytest.approx(np.full((8, 8), grey), abs=2)


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("1", "PNG"), ("LA", "PNG"), ("YCbCr", "JPEG")])
def test_other_modes(mode: str, kind: str) -> None:
    white = decode(encoded(Image.new("RGB", (5, 4), "white").convert(mode), kind))
    assert white.shape == (4, 5)
    assert white.min() >= 253


def test_the_first_picture_of_an_animation() -> None:
    frames = [Image.new("L", (6, 6), level) for level in (10, 200)]
    assert (decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])) == 10).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture"),
        (b"GIF89a but not really", "not a picture"),
        (encoded(Image.fromarray(RAMP), "JPEG")[:300], "damaged"),
        (encoded(Image.fromarray(NOISE))[:600], "damaged"),
    ],
)
def test_damaged_pictures(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"face 7: {message}"):
        decode(content, name="face 7")


@pytest.mark.parametrize("kind", [RuntimeError, TypeError, struct.error, IndexError, SyntaxError, EOFError, OSError])
def test_whatever_pillow_raises_is_a_damaged_picture(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def broken(picture: Image.Image, *, in_place: bool) -> None:
        raise kind("half a tag")

    monkeypatch.setattr(images.ImageOps, "exif_transpose", broken)
    with pytest.raises(DataError, match=r"face 7: damaged picture \(half a tag\)"):
        decode(encoded(Image.fromarray(RAMP)), name="face 7")


def test_postscript_is_not_handed_to_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript was called")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", run)
    content = encoded(Image.fromarray(RAMP), "EPS")
    with pytest.raises(DataError, match="face 7: a picture in EPS, which is not read; save it as PNG"):
        decode(content, name="face 7")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "CMYK", "I;16", "I", "F", "1"])
def test_bands_do_not_matter(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    picture = Image.fromarray(RAMP.astype(np.int32) * 300 if mode[0] == "I" else RAMP).convert(mode)
    content = encoded(picture, "TIFF")
    whole, coloured = decode(content), decode_colour(content)
    monkeypatch.setattr(images, "BAND_PIXELS", 90)  # three rows
    assert (decode(content) == whole).all()
    assert (decode_colour(content) == coloured).all()
    assert np.ptp(whole) > 100


def test_numbers_that_are_none_are_black() -> None:
    levels = np.array([[np.nan, np.inf, -np.inf, 200]], np.float32)
    assert decode(encoded(Image.fromarray(levels), "TIFF")).tolist() == [[0, 255, 0, 1]]


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_the_largest_picture_is_held_about_once(mode: str) -> None:
    """One of 64 million pixels took 1.2 GiB in four copies."""
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (900 << 20,) * 2)"
    code = f"""{limit}
import io
from PIL import Image
from mien.core.images import decode
file = io.BytesIO()
Image.new("{mode}", (8000, 8000)).save(file, "PNG", compress_level=1)
print(decode(file.getvalue()).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(8000, 8000)\n", "")


def test_damaged_pictures_of_a_path_name_it(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "half.jpg").write_bytes(encoded(Image.fromarray(RAMP), "JPEG")[:300])
    for name in ("empty.png", "half.jpg"):
        with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))}: "):
            decode(tmp_path / name)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}: "):
        decode(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        decode(tmp_path / "none.png")


def test_too_many_pixels_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    for convert in ("_grey", "to_rgb"):
        monkeypatch.setattr(images, convert, lambda picture: pytest.fail("it was decoded"))
    large = encoded(Image.new("1", (8001, 8000)))
    for read in (decode, decode_colour):
        with pytest.raises(DataError, match="picture: 8001×8000 pixels, at most 64,000,000"):
            read(large)
    with pytest.raises(DataError, match="picture: 30×40 pixels, at most 1,199"):
        decode_colour(encoded(Image.fromarray(RAMP)), max_pixels=40 * 30 - 1)


@pytest.mark.parametrize("limit", [500, 1000])
def test_pictures_that_pillow_itself_refuses(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Above its own limit Pillow warns (an error in these tests), above twice that it raises."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match=r"^face 7: 1,200 pixels, at most 64,000,000 are read; shrink it$"):
        decode(encoded(Image.fromarray(RAMP)), name="face 7")


def test_as_many_pixels_as_allowed_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 40 * 30)
    assert decode(encoded(Image.fromarray(RAMP))).shape == (40, 30)


def test_a_face_is_left_alone() -> None:
    face = np.arange(2304, dtype=np.uint8).reshape(48, 48)
    assert resize(face) is face


@pytest.mark.parametrize(
    ("shape", "method"),
    [
        ((96, 96), Image.Resampling.BOX),
        ((100, 48), Image.Resampling.BOX),
        ((480, 300), Image.Resampling.BOX),
        ((48, 49), Image.Resampling.BOX),
        ((20, 30), Image.Resampling.BICUBIC),
        ((48, 47), Image.Resampling.BICUBIC),
        ((20, 300), Image.Resampling.BICUBIC),
        ((300, 20), Image.Resampling.BICUBIC),
        ((1, 1), Image.Resampling.BICUBIC),
    ],
)
def test_resize_is_pillows(shape: tuple[int, int], method: Image.Resampling) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    face = resize(picture)
    assert (face.dtype, face.shape) == (np.uint8, (48, 48))
    assert (face == np.asarray(Image.fromarray(picture).resize((48, 48), method))).all()


def test_halving_is_the_mean_of_four() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (96, 96), dtype=np.uint8)
    assert resize(picture) == pytest.approx(picture.reshape(48, 2, 48, 2).mean(axis=(1, 3)), abs=1)
