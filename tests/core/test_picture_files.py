"""Kinds of picture files that people have and that need care: deep levels, HEIC, several pictures, costly files."""

import io
import logging
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, TiffImagePlugin
from skimage import data

from mien.core import picture_files
from mien.core.errors import DataError, MissingExtraError
from mien.core.images import decode, decode_colour, resize
from mien.runtime.sources import picture_in_memory

ASTRONAUT = data.astronaut()[:300, 60:380]  # (300, 320, 3)
GREY = np.asarray(Image.fromarray(ASTRONAUT).convert("L"))
BRIGHT = np.pad(GREY, ((0, 0), (0, 8)), constant_values=255)
"""The portrait beside something white, so that its levels fill their bits."""


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_sixteen_bits(levels: np.ndarray) -> bytes:
    """A PNG of colours `(H, W, 3)` with 16 bits each, which Pillow can't write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = zlib.compressobj(1)
    rows = b"".join(packed.compress(b"\0" + row.astype(">u2").tobytes()) for row in levels) + packed.flush()
    head = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_fewer_bits_than_the_file_has_room_for(bits: int, kind: str) -> None:
    levels = np.round(BRIGHT / 255 * (2**bits - 1)).astype(np.uint16)
    assert (decode(encoded(Image.fromarray(levels), kind)) == BRIGHT).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_fewer_bits_in_wide_files(dtype: type, bits: int) -> None:
    levels = np.round(BRIGHT / 255 * (2**bits - 1)).astype(dtype)
    assert (decode(encoded(Image.fromarray(levels), "TIFF")) == BRIGHT).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_fewer_bits_in_colours(bits: int) -> None:
    colours = np.pad(ASTRONAUT, ((0, 0), (0, 8), (0, 0)), constant_values=255)
    levels = np.round(colours / 255 * (2**bits - 1)).astype(np.uint16)
    found = decode_colour(png_of_sixteen_bits(levels))
    assert np.abs(found.astype(int) - colours).max() <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize(("order", "compression"), [("<", None), (">", None), ("<", "zlib"), (">", "zlib")])
def test_fewer_bits_in_the_colours_of_a_tiff(bits: int, order: str, compression: str | None) -> None:
    colours = np.pad(ASTRONAUT, ((0, 0), (0, 8), (0, 0)), constant_values=255)
    levels = np.round(colours / 255 * (2**bits - 1)).astype(np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, levels, photometric="rgb", byteorder=order, compression=compression)
    assert np.abs(decode_colour(file.getvalue()).astype(int) - colours).max() <= 1


@pytest.mark.long
def test_the_largest_dark_picture_is_held_about_twice(tmp_path: Path) -> None:
    """One of 64 million pixels took 1,041 MiB in five copies."""
    path = tmp_path / "dark.png"
    path.write_bytes(png_of_sixteen_bits(np.broadcast_to(np.uint16(1000), (8000, 8000, 3))))
    code = f"""import resource
resource.setrlimit(resource.RLIMIT_DATA, (900 << 20,) * 2)
from pathlib import Path
from mien.core.images import decode_colour
print(decode_colour(Path({str(path)!r}))[-1, -1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[249 249 249]\n", "")


def test_colours_that_fill_their_bits_are_as_pillow_reads_them() -> None:
    levels = ASTRONAUT.astype(np.uint16) * 257
    assert (decode_colour(png_of_sixteen_bits(levels)) == ASTRONAUT).all()


def test_where_zero_is_white() -> None:
    content = bytearray(encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF"))
    entry = struct.pack("<HHI", 262, 3, 1)  # the photometric interpretation: one short
    at = content.index(entry) + len(entry)
    assert content[at] == 1
    content[at] = 0
    assert (decode(bytes(content)) == 255 - GREY).all()
    opened = picture_in_memory(Image.open(io.BytesIO(bytes(content))))
    assert (opened.pixels == decode_colour(bytes(content))).all()


ORIENTATIONS = {
    1: GREY,
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: np.rot90(GREY, -1),
    7: GREY[::-1, ::-1].T,
    8: np.rot90(GREY),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF", "HEIF"])
def test_turned_photos_of_other_kinds(orientation: int, kind: str) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(Image.fromarray(ASTRONAUT), kind, exif=exif.tobytes()))
    upright = ORIENTATIONS[orientation]
    assert found.shape == upright.shape
    assert np.corrcoef(found.ravel(), upright.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_hide_the_picture(exif: bytes, kind: str) -> None:
    content = encoded(Image.fromarray(ASTRONAUT), kind, exif=exif, lossless=True)
    assert (decode_colour(content) == ASTRONAUT).all()


@pytest.fixture
def no_heif(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A HEIC, and a Pillow that does not know it yet."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    content = encoded(Image.fromarray(ASTRONAUT), "HEIF", quality=90)
    monkeypatch.setattr(Image, "OPEN", {kind: how for kind, how in Image.OPEN.items() if kind != "HEIF"})
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    return content


def test_heic_is_read(no_heif: bytes, tmp_path: Path) -> None:
    (tmp_path / "IMG_0001.HEIC").write_bytes(no_heif)
    for source in (no_heif, tmp_path / "IMG_0001.HEIC"):
        assert np.abs(decode_colour(source).astype(float) - ASTRONAUT).mean() < 4


def test_heic_without_its_package_names_it(no_heif: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"IMG_1\.HEIC: HEIC needs pillow-heif: pip install 'mien\[heic\]'"):
        decode(no_heif, name="IMG_1.HEIC")


def test_damaged_heic_is_called_damaged(no_heif: bytes) -> None:
    for size in (40, 200, len(no_heif) // 2):
        with pytest.raises(DataError, match=r"^IMG_1\.HEIC: damaged picture"):
            decode(no_heif[:size], name="IMG_1.HEIC")


def test_avif_with_an_older_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.fromarray(ASTRONAUT), "AVIF")
    monkeypatch.setattr(Image, "OPEN", {kind: how for kind, how in Image.OPEN.items() if kind != "AVIF"})
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "AVIF"])
    with pytest.raises(MissingExtraError, match=r"a\.avif: AVIF needs Pillow 11\.3 or newer: pip install --upgrade"):
        decode(content, name="a.avif")


@pytest.mark.parametrize(
    "head",
    [b"\0\0\0\x10ftypisom", b"\0\0\0\x10ftypqt  ", b"\0\0\0\x10ftypM4A ", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI LIST"],
)
def test_a_video_that_is_called_a_picture(head: bytes) -> None:
    with pytest.raises(DataError, match=r"talk\.jpg: not a picture but a video or sound; a video needs an ending such"):
        decode(head + bytes(300), name="talk.jpg")


def test_the_preview_of_a_raw_file_is_not_taken_for_the_photo() -> None:
    """Of DNG and NEF Pillow reads the first picture, which has 160×120 pixels or so."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    content = encoded(Image.fromarray(ASTRONAUT).resize((160, 120)), "TIFF", tiffinfo=tags)
    with pytest.raises(DataError, match=r"a\.dng: a camera's raw file, of which only the preview can be read; save it"):
        decode(content, name="a.dng")


def test_a_file_of_several_pictures_says_so(caplog: pytest.LogCaptureFixture) -> None:
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    with caplog.at_level(logging.WARNING, "mien"):
        assert (decode(encoded(pages[0], "TIFF"), name="one.tif") == GREY).all()
    assert caplog.messages == []
    for kind in ("TIFF", "GIF", "PNG", "WEBP"):
        content = encoded(pages[0], kind, save_all=True, append_images=pages[1:], lossless=True)
        assert (decode(content, name=f"scan.{kind}") == GREY).all()
        said = f"scan.{kind}: a file of several pictures; only the first is read, save the others as files"
        assert caplog.messages == [said]
        caplog.clear()


@pytest.mark.parametrize("mode", ["LA", "PA", "P", "RGBA", "CMYK", "YCbCr", "1"])
def test_modes_of_a_portrait(mode: str) -> None:
    """All show the portrait: opaque where there is transparency, in inks, in a palette."""
    picture = Image.fromarray(ASTRONAUT)
    if mode == "PA":
        picture = picture.convert("P").convert("PA")
    content = encoded(picture.convert(mode), "TIFF" if mode in ("CMYK", "YCbCr", "PA") else "PNG")
    found = decode(content)
    assert found.shape == GREY.shape
    assert np.corrcoef(resize(found).ravel(), resize(GREY).ravel())[0, 1] > 0.98


@pytest.mark.parametrize("mode", ["LA", "P", "RGBA", "RGB", "L"])
def test_around_a_cut_out_portrait_it_is_white(mode: str) -> None:
    """Transparent by a channel, by a palette's entries, or by one colour."""
    options: dict[str, object] = {}
    picture = Image.fromarray(np.maximum(ASTRONAUT, 1))
    around = (slice(0, 40), slice(0, 40))
    if mode in ("LA", "RGBA"):
        opaque = np.full(GREY.shape, 255, np.uint8)
        opaque[around] = 0
        picture.putalpha(Image.fromarray(opaque))
        picture = picture.convert(mode)
    elif mode == "P":
        picture = picture.quantize(199)
        picture.putpalette([*(picture.getpalette() or [])[:597], 9, 9, 9])
        picture.paste(199, (0, 0, 40, 40))
        options = {"transparency": bytes([*[255] * 199, 0])}
    else:
        picture = picture.convert(mode)
        black: object = (0, 0, 0) if mode == "RGB" else 0
        picture.paste(black, (0, 0, 40, 40))
        options = {"transparency": black}
    found = decode(encoded(picture, **options))
    assert (found[around] == 255).all()
    assert np.abs(found[60:].astype(float) - GREY[60:]).mean() < 8


def test_lab_is_refused_by_its_name() -> None:
    with pytest.raises(DataError, match=r"a\.tif: colours in L\*a\*b\*, which are not read; save it in RGB"):
        decode(encoded(Image.new("LAB", (9, 9)), "TIFF"), name="a.tif")


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan stands in it again and again."""
    content = encoded(Image.fromarray(ASTRONAUT), "JPEG", progressive=True)
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    return content[:end] + content[last:end] * count + content[end:]


def test_a_jpeg_of_many_scans_is_refused() -> None:
    decode(with_scans(20))
    for count in (100, 1500):
        with pytest.raises(DataError, match=r"a\.jpg: a JPEG in more than 100 scans, which takes minutes to decode"):
            decode(with_scans(count), name="a.jpg")


def test_a_video_behind_a_photo_does_not_count() -> None:
    """Phones append a short one."""
    content = encoded(Image.fromarray(ASTRONAUT), "JPEG", progressive=True)
    assert (decode(content + b"\xff\xda\0\2" * 500) == decode(content)).all()


def test_a_small_thumbnail_in_front_does_not_end_the_count() -> None:
    exif = b"Exif\0\0" + encoded(Image.new("L", (8, 8)), "JPEG")  # it has an end of its own
    content = with_scans(200)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    with pytest.raises(DataError, match="more than 100 scans"):
        decode(content[:2] + segment + content[2:])


def test_a_large_jpeg_2000_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.fromarray(ASTRONAUT), "JPEG2000")
    monkeypatch.setattr(picture_files, "MAX_JPEG2000_PIXELS", 320 * 300)
    assert (decode_colour(content) == ASTRONAUT).all()
    monkeypatch.setattr(picture_files, "MAX_JPEG2000_PIXELS", 320 * 300 - 1)
    with pytest.raises(DataError, match=r"a\.jp2: 320×300 pixels, at most 95,999 are read of a JPEG 2000; shrink it"):
        decode(content, name="a.jp2")


@pytest.mark.parametrize("bits", [12, 16])
def test_a_portrait_of_more_bits_has_the_expression_of_one_of_eight(bits: int, tmp_path: Path) -> None:
    import mien

    model = mien.load(threads=1)
    picture = ImageOps.grayscale(Image.fromarray(data.astronaut()))
    picture.save(tmp_path / "8.png")
    Image.fromarray(np.asarray(picture).astype(np.uint16) << (bits - 8)).save(tmp_path / "deep.png")
    plain, deep = (model.predict(tmp_path / name).faces for name in ("8.png", "deep.png"))
    assert [face.label for face in deep] == [face.label for face in plain] == ["happy"]
    assert deep[0].probability == pytest.approx(plain[0].probability, abs=0.01)
