"""The worker's resizing, grey and rounding, and the page's headers, against Pillow and Python, byte for byte."""

import io
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.images import decode_colour, grey, resize

from .node import NO_NODE, NODE, Worker, pixels

pytestmark = pytest.mark.skipif(NODE is None, reason=NO_NODE)
OLD_PILLOW = pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13, reason="Pillow before 13 shrinks tall pictures across first"
)
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@OLD_PILLOW
def test_resizing_gives_pillows_bytes(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    sizes = random.Random(0)
    expected = []
    for i in range(120):
        width, height, new_width, new_height = (sizes.randint(1, 300) for _ in range(4))
        name = sizes.choice(list(FILTERS))
        gap = sizes.choice([None, 1.0, 2.0, 3.0])
        shape = sizes.choice([(height, width), (height, width, 3)])
        picture = noise(*shape, seed=i)
        made = Image.fromarray(picture).resize((new_width, new_height), FILTERS[name], reducing_gap=gap)
        expected.append(np.asarray(made))
        worker.ask("resize", picture=picture, width=new_width, height=new_height, filter=name, gap=gap)
    for answer, want in zip(worker.answers(), expected, strict=True):
        assert np.array_equal(pixels(answer, *want.shape), want)


def test_a_large_picture_is_reduced_as_pillow_does(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    picture = noise(1237, 2999, 3)
    worker.ask("resize", picture=picture, width=640, height=264, filter="bilinear", gap=2.0)
    want = np.asarray(Image.fromarray(picture).resize((640, 264), Image.Resampling.BILINEAR, reducing_gap=2.0))
    assert np.array_equal(pixels(worker.answers()[0], *want.shape), want)


def test_faces_and_grey(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    shapes = [(48, 48), (20, 20), (47, 48), (48, 200), (333, 77), (12, 500), (1, 1)]
    expected = []
    for shape in shapes:
        worker.ask("face", picture=noise(*shape))
        expected.append(resize(noise(*shape)))
    worker.ask("grey", picture=noise(100, 70, 3))
    expected.append(grey(noise(100, 70, 3)))
    for answer, want in zip(worker.answers(), expected, strict=True):
        assert np.array_equal(pixels(answer, *want.shape), want)


def test_rounding_is_pythons(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    numbers = random.Random(0)
    values = [numbers.uniform(-2000, 2000) for _ in range(2000)] + [k / 8 for k in range(-40, 40)]
    values += [numbers.random() for _ in range(2000)] + [k / 128 for k in range(128)] + [0.0, 1.0, 2.675, 1.005, 1e-7]
    for digits in (0, 2, 6):
        worker.ask("round", values=values, digits=digits)
    small = [0.5, 0.25, 1e-5, 12.0, 24.5, 1e6, 123456.7, 0.1 + 0.2, 1234567.0, 3e-4]
    worker.ask("general", values=small)
    *rounded, written = worker.answers()
    for digits, answer in zip((0, 2, 6), rounded, strict=True):
        assert answer == [round(value, digits) for value in values]
    assert written == [f"{value:g}" for value in small]


def encoded(kind: str, width: int, height: int, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, kind, **options)
    return buffer.getvalue()


def claimed(width: int, height: int) -> dict[str, bytes]:
    """Small files that say they are large."""
    png = bytearray(encoded("PNG", 1, 1))
    png[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    bmp = bytearray(encoded("BMP", 1, 1))
    bmp[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return {"a.png": bytes(png), "a.bmp": bytes(bmp)}


def refusal(content: bytes, name: str) -> str | None:
    try:
        decode_colour(content, name=name)
    except DataError as error:
        return str(error)
    return None


def test_too_large_and_harmless_files(tmp_path: Path) -> None:
    """What is refused before it is decoded is refused with Python's words, and nothing else is."""
    files = {**claimed(10_000, 7_000)}
    files |= {f"bomb-{name}": content for name, content in claimed(40_000, 30_000).items()}
    jpeg = bytearray(encoded("JPEG", 8, 8))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (9000).to_bytes(2, "big") + (8000).to_bytes(2, "big")
    files["a.jpg"] = bytes(jpeg)
    progressive = encoded("JPEG", 64, 64, progressive=True)
    scan = progressive.index(b"\xff\xda")
    end = progressive.index(b"\xff\xda", scan + 2)
    files["scans.jpg"] = progressive[:end] + progressive[scan:end] * 200 + progressive[end:]
    files["empty.png"] = b""
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP"):
        files[f"good.{kind.lower()}"] = encoded(kind, 70, 50)
    files["lossless.webp"] = encoded("WEBP", 70, 50, lossless=True)
    files["progressive.jpg"] = progressive
    files["thumb.jpg"] = encoded("JPEG", 70, 50, exif=b"Exif\0\0" + bytes(60_000))
    worker = Worker(tmp_path)
    for name, content in files.items():
        worker.ask("refused", file=content, name=name)
    for (name, content), answer in zip(files.items(), worker.answers(), strict=True):
        assert (answer or {}).get("error") == refusal(content, name), name


def whole_files() -> dict[str, bytes]:
    """Pictures of noise, so that they have some length, of all kinds whose end is looked for."""
    picture = Image.fromarray(noise(50, 70, 3))
    turned = picture.rotate(180)
    options: dict[str, dict[str, Any]] = {
        "a.png": {"format": "PNG"},
        "moves.png": {"format": "PNG", "save_all": True, "append_images": [turned]},
        "a.jpg": {"format": "JPEG"},
        "progressive.jpg": {"format": "JPEG", "progressive": True},
        "restarts.jpg": {"format": "JPEG", "restart_marker_blocks": 3},
        "a.webp": {"format": "WEBP"},
        "lossless.webp": {"format": "WEBP", "lossless": True},
        "moves.webp": {"format": "WEBP", "save_all": True, "append_images": [turned]},
        "a.gif": {"format": "GIF", "comment": b"a comment"},
        "moves.gif": {"format": "GIF", "save_all": True, "append_images": [turned]},
        "a.bmp": {"format": "BMP"},
    }
    files = {}
    for name, option in options.items():
        buffer = io.BytesIO()
        picture.save(buffer, **option)
        files[name] = buffer.getvalue()
    return files


def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    """Firefox decodes what there is of it, and shows the rest empty."""
    worker = Worker(tmp_path)
    files = whole_files()
    for name, content in files.items():
        worker.ask("refused", file=content, name=name)
        worker.ask("refused", file=content + b"more, which decoders ignore", name=name)
    assert worker.answers() == [None] * 2 * len(files)
    worker = Worker(tmp_path)
    expected = []
    for name, content in files.items():
        first_picture = len(content) // 2 if name == "moves.gif" else len(content)
        for share in (0.4, 0.6, 0.8, 0.95):
            worker.ask("refused", file=content[: int(share * first_picture)], name=name)
            expected.append({"error": f"{name}: damaged picture; get the file again or leave it out"})
    assert worker.answers() == expected


def test_the_sizes_in_headers_are_read(tmp_path: Path) -> None:
    """One pixel more than is allowed, in each kind that can say so."""
    largest = {"WEBP": (16_383, 3_907), "GIF": (65_000, 985)}
    worker = Worker(tmp_path)
    files = {}
    for kind, (width, height) in largest.items():
        content = bytearray(encoded(kind, 16, 16))
        if kind == "GIF":
            content[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        else:
            content[26:30] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        files[f"a.{kind}"] = (bytes(content), f"{width}×{height} pixels")
        worker.ask("refused", file=bytes(content), name=f"a.{kind}")
    for (name, (_, size)), answer in zip(files.items(), worker.answers(), strict=True):
        assert answer["error"] == f"{name}: {size}, at most 64,000,000 are read; shrink it"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.png", b"hello, this is no picture at all, but a text of some length"),
        ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)),
        ("film.mkv", b"\x1aE\xdf\xa3" + bytes(64)),
        ("film.avi", b"RIFF\x24\0\0\0AVI LIST" + bytes(64)),
    ],
)
def test_no_pictures_are_refused_with_pythons_words(tmp_path: Path, name: str, content: bytes) -> None:
    worker = Worker(tmp_path)
    worker.ask("refused", file=content, name=name)
    worker.ask("unreadable", file=content, name=name)
    assert worker.answers() == [None, refusal(content, name)]


def test_what_only_pillow_reads_is_named(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    for kind in ("TIFF", "JPEG2000", "PPM"):
        worker.ask("unreadable", file=encoded(kind, 40, 40), name="scan")
    worker.ask("unreadable", file=b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), name="scan")
    kinds = ("TIFF", "JPEG 2000", "PPM", "HEIC")
    words = "which this browser can't read; save it as JPEG or PNG"
    assert worker.answers() == [f"scan: a picture in {kind}, {words}" for kind in kinds]
