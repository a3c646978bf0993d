"""The worker in Chromium against Python: files that are decoded there, a camera's frames, and what is refused."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import mien
from mien.core.bundle import Bundle
from mien.core.errors import DataError
from mien.core.faces import FaceSet
from mien.core.images import decode_colour, to_uint8
from mien.runtime.occlusion import occlude

from .driven import Driven, driven
from .test_worker import PLAIN, require_same

NAME = "mien-s-ferplus"
EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def model() -> mien.Model:
    return mien.load(NAME, threads=1)


@pytest.fixture(scope="module")
def worker(browser: Any, model: mien.Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    """A worker that has started and uses the second of its two networks."""
    bundles = [Bundle.open("mien-n"), model.bundle]
    with driven(browser, tmp_path_factory.mktemp("driven"), bundles) as one:
        assert one.ask("forget")["error"] == "the worker has not been started yet"
        assert one.start()["result"] == {"networks": ["mien-n", NAME]}
        assert one.ask("forget")["error"] == "no network is in use yet"
        use = one.ask("use", network=NAME)["result"]
        assert use == {"network": NAME, "classes": list(model.classes), "warnings": list(model.warnings)}
        yield one
        assert (one.opened.complaints, one.opened.elsewhere) == ([], [])


def encoded(picture: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[EXIF_ORIENTATION] = orientation
    return made


def swapped_primaries() -> bytes:
    """A colour profile that a browser can't ignore by chance: sRGB's with red for blue and blue for red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def files_of(portrait: Path) -> dict[str, bytes]:
    """A photograph as the files that people have: of many kinds, turned, grey, with alpha, and without a face."""
    photo = Image.fromarray(decode_colour(portrait)).resize((384, 384))
    found = {portrait.name: portrait.read_bytes()}
    for quality, subsampling in ((60, 2), (90, 1), (95, 0)):
        found[f"{quality}.jpg"] = encoded(photo, "JPEG", quality=quality, subsampling=subsampling)
    found["progressive.jpg"] = encoded(photo, "JPEG", progressive=True)
    found["grey.jpg"] = encoded(photo.convert("L"), "JPEG")
    found["inks.jpg"] = encoded(photo.convert("CMYK"), "JPEG")
    found["grey.png"] = encoded(photo.convert("L"), "PNG")
    found["palette.png"] = encoded(photo.quantize(), "PNG")
    for kind in ("BMP", "GIF", "WEBP"):
        found[f"a.{kind.lower()}"] = encoded(photo, kind)
    for orientation in range(2, 9):
        found[f"turned{orientation}.jpg"] = encoded(photo.resize((384, 300)), "JPEG", exif=exif(orientation))
    found["turned6.png"] = encoded(photo, "PNG", exif=exif(6))
    found["upside down.png"] = encoded(photo.rotate(180), "PNG")
    clear = photo.copy()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    found["clear.png"] = encoded(clear, "PNG")
    found["black.png"] = encoded(Image.new("RGB", (300, 200)), "PNG")
    found["profile.jpg"] = encoded(photo, "JPEG", icc_profile=swapped_primaries())
    found["profile.png"] = encoded(photo, "PNG", icc_profile=swapped_primaries())
    found["large.jpg"] = encoded(photo.resize((2500, 2100)), "JPEG")
    return found


QUICK = ("60.jpg", "profile.jpg", "turned6.png", "clear.png", "black.png")


def require_pythons_records(worker: Driven, model: mien.Model, files: dict[str, bytes], folder: Path) -> float:
    """Compare both ways of reading files; returns the largest difference of a probability."""
    largest = 0.0
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        [result] = model.predict(path)
        reply = worker.ask("picture", name=str(path), file=content, options=PLAIN)["result"]
        height, width = result.pixels.shape[:2]
        assert (reply["width"], reply["height"]) == (width, height), name
        require_same(reply["records"], result.records(), name)
        for record, face in zip(reply["records"], result.faces, strict=False):
            differences = [abs(record["probabilities"][name] - p) for name, p in face.probabilities.items()]
            largest = max(largest, *differences)
    return largest


def test_files_give_pythons_records(worker: Driven, model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    files = files_of(portrait)
    require_pythons_records(worker, model, {portrait.name: files[portrait.name]}, tmp_path)
    require_pythons_records(worker, model, {name: files[name] for name in QUICK}, tmp_path)


@pytest.mark.long
def test_many_files_give_pythons_records(worker: Driven, model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    files = files_of(portrait)
    largest = require_pythons_records(worker, model, files, tmp_path)
    print(f"{len(files)} files: probabilities differ by at most {largest:.1e}")


@pytest.mark.long
def test_real_faces_give_pythons_records(worker: Driven, model: mien.Model, real: FaceSet, tmp_path: Path) -> None:
    """512 faces to learn from as they are, and every eighth of them enlarged, so that the detector finds it."""
    training = np.flatnonzero(real.splits == "train")
    chosen = np.random.default_rng(0).choice(training, 512, replace=False)
    files = {}
    for k, row in enumerate(chosen.tolist()):
        image = Image.fromarray(real.images[row])
        files[f"{row}.png"] = encoded(image, "PNG")
        if k % 8 == 0:
            files[f"{row}.jpg"] = encoded(image.resize((300, 300), Image.Resampling.BICUBIC), "JPEG")
    largest = require_pythons_records(worker, model, files, tmp_path)
    print(f"{len(files)} faces: probabilities differ by at most {largest:.1e}")


def test_what_is_no_picture_is_refused_with_pythons_words(worker: Driven) -> None:
    for content in (b"", b"hello, this is no picture at all", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)):
        reply = worker.ask("picture", name="a.png", file=content, options=PLAIN)
        with pytest.raises(DataError) as error:
            decode_colour(content, name="a.png")
        assert reply == {"error": str(error.value)}


def test_a_damaged_picture(worker: Driven, portrait: Path) -> None:
    content = encoded(decode_colour(portrait), "PNG")
    reply = worker.ask("picture", name="a.png", file=content[: len(content) // 2], options=PLAIN)
    assert reply == {"error": "a.png: damaged picture; get the file again or leave it out"}


def test_a_picture_of_too_many_pixels(worker: Driven) -> None:
    content = encoded(Image.new("1", (9000, 8000)), "PNG")
    reply = worker.ask("picture", name="a.png", file=content, options=PLAIN)
    assert reply == {"error": "a.png: 9000×8000 pixels, at most 64,000,000 are read; shrink it"}


def test_a_camera(worker: Driven, model: mien.Model, portrait: Path) -> None:
    photo = Image.fromarray(decode_colour(portrait)).resize((300, 300))
    options = PLAIN | {"smooth_s": 0.25}
    tracker = model.tracker()
    assert worker.ask("forget")["result"] == {}
    for number in range(3):
        frame = Image.new("RGB", (400, 300), "grey")
        frame.paste(photo, (20 * number, 0))
        reply = worker.ask(
            "frame", file=encoded(frame, "PNG"), frame_number=number, time_s=number / 8, options=options
        )["result"]
        require_same(reply["records"], tracker.update(np.asarray(frame), number / 8).records(), number)
        assert (reply["width"], reply["height"]) == (400, 300)
    late = worker.ask("frame", file=encoded(photo, "PNG"), frame_number=3, time_s=0.1, options=options)
    assert late["error"] == "time_s 0.1: expected later than the frame before, 0.25"


def test_why(worker: Driven, model: mien.Model, portrait: Path) -> None:
    reply = worker.ask("picture", name="a", file=portrait.read_bytes(), options=PLAIN)["result"]
    image = np.array(reply["images"][0], np.uint8).reshape(48, 48)
    label = reply["records"][0]["label"]
    script = """async ([image, label]) => {
      const reply = await driven.ask({ kind: 'explain', image: Uint8Array.from(image), label });
      return Array.from(reply.result.map);
    }"""
    found = np.array(worker.opened.page.evaluate(script, [image.ravel().tolist(), label])).reshape(48, 48)
    expected = to_uint8(occlude(model, image[None], classes=np.array([model.classes.index(label)])))[0]
    assert np.abs(found - expected.astype(int)).max() <= 2
