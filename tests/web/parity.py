"""Pictures for the page and for Python, and how far the two answers are apart.

The photographs are made of two in the public domain that come with other packages, the faces are FER2013's, enlarged
so that the detector has something to find.
"""

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from mien.core.faces import FaceSet

from .browser import PATIENCE_MS, Opened

ORIENTATION = 0x0112
"""EXIF's tag for how a picture is to be turned."""

FACE_PX = 192
"""To so many pixels FER2013's faces are enlarged."""

MOST_DP = 5e-4
"""The most by which a probability in the browser may differ from Python's."""


def portraits() -> list[Path]:
    """Find the two photographs, of Grace Hopper and of Eileen Collins, in Matplotlib and scikit-image."""
    found = []
    for package, file in (("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"), ("skimage", "data/astronaut.png")):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"the photographs come with {package}, which is not installed", name=package)
        found.append(Path(spec.origin).parent / file)
    return found


def photos(portraits: Sequence[Path]) -> dict[str, bytes]:
    """Make about twenty files of each photograph: formats, EXIF's turns, lying faces, grey, alpha, no face, two."""
    files = {}
    for number, path in enumerate(portraits):
        with Image.open(path) as opened:
            photo = ImageOps.exif_transpose(opened).convert("RGB")
        for name, content in _files_of(photo).items():
            files[f"photo{number}_{name}"] = content
    return files


def _files_of(photo: Image.Image) -> dict[str, bytes]:
    width, height = photo.size
    small = photo.resize((width // 2, height // 2))
    faded = photo.copy()
    faded.putalpha(Image.linear_gradient("L").resize(photo.size))
    two = Image.new("RGB", (2 * width, height), (90, 110, 130))
    two.paste(photo, (0, 0))
    two.paste(small, (width + width // 4, height // 3))
    files = {
        "plain.jpg": _file(photo, "JPEG", quality=92),
        "progressive.jpg": _file(photo, "JPEG", quality=80, progressive=True),
        "full_colour.jpg": _file(photo, "JPEG", quality=95, subsampling=0),
        "grey.jpg": _file(photo.convert("L"), "JPEG", quality=90),
        "small.jpg": _file(small, "JPEG", quality=85),
        "plain.png": _file(photo, "PNG"),
        "grey.png": _file(photo.convert("L"), "PNG"),
        "palette.png": _file(photo.quantize(200), "PNG"),
        "alpha.png": _file(faded, "PNG"),
        "grey_alpha.png": _file(faded.convert("LA"), "PNG"),
        "upside_down.png": _file(photo.rotate(180), "PNG"),
        "lying.jpg": _file(photo.rotate(90, expand=True), "JPEG", quality=92),
        "leaning.png": _file(photo.rotate(20, Image.Resampling.BICUBIC), "PNG"),
        "dark.png": _file(photo.point(lambda level: level // 6), "PNG"),
        "no_face.png": _file(photo.crop((0, 0, width // 5, height // 8)), "PNG"),
        "two.jpg": _file(two, "JPEG", quality=90),
    }
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        files[f"exif_{turn}.jpg"] = _file(_unturned(small, turn), "JPEG", quality=92, exif=exif)
    return files


def _unturned(photo: Image.Image, turn: int) -> Image.Image:
    """Store a picture as a camera does that was held so that EXIF's `turn` makes it upright."""
    ways = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return photo.transpose(ways[turn]) if turn in ways else photo


def enlarged_faces(faces: FaceSet, *, count: int, seed: int = 0) -> dict[str, bytes]:
    """Draw `count` faces and enlarge them; every fourth one is a JPEG, the others are PNG."""
    files = {}
    rows = np.random.default_rng(seed).choice(len(faces), size=count, replace=False)
    for number, row in enumerate(rows):
        face = Image.fromarray(faces.images[row]).resize((FACE_PX, FACE_PX), Image.Resampling.BICUBIC)
        if number % 4 == 0:
            files[f"face{row}.jpg"] = _file(face.convert("RGB"), "JPEG", quality=92)
        else:
            files[f"face{row}.png"] = _file(face, "PNG")
    return files


def _file(picture: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def look_at(shown: Opened, paths: Sequence[Path], *, timeout_s: float) -> list[dict[str, Any]]:
    """Choose files in an open page as a user does, wait for the last one, and return the records that it saves."""
    page = shown.page
    page.wait_for_function("() => document.body.dataset.ready === 'true'", timeout=PATIENCE_MS)
    page.set_input_files("#files", paths)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        page.wait_for_timeout(500)
        if page.locator("#progress").is_visible() or not page.locator("#json").is_visible():
            continue
        with page.expect_download() as started:
            page.click("#json")
        records: list[dict[str, Any]] = json.loads(Path(started.value.path()).read_text(encoding="utf-8"))["faces"]
        if len({record["source"] for record in records}) == len(paths):  # the table may be a moment late
            return records
    raise TimeoutError(f"the page has not looked at {len(paths)} pictures within {timeout_s} s")


@dataclass
class Difference:
    """How far the page's records are from Python's.

    Attributes:
        pictures: number of files.
        faces: number of faces that Python found.
        other: the files whose records differ in something else than the numbers below, with how.
        labels: number of faces with another label.
        dp: the largest difference of a probability.
        box_px: the largest difference of a box's side or position, in pixels.
    """

    pictures: int
    faces: int
    other: dict[str, str]
    labels: int = 0
    dp: float = 0.0
    box_px: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.pictures} pictures, {self.faces} faces: {self.labels} other labels, |Δp| at most {self.dp:.1e}, "
            f"boxes within {self.box_px:.1e} px, {len(self.other)} pictures otherwise different {self.other or ''}"
        )


def compare(records: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> Difference:
    """Compare the page's records with Python's of the same files in the same order."""
    by_source, expected_by_source = _by_source(records), _by_source(expected)
    found = Difference(
        pictures=len(expected_by_source),
        faces=sum(record["label"] is not None for record in expected),
        other={},
    )
    for source, wanted in expected_by_source.items():
        given = by_source.get(source, [])
        plain = [_without_numbers(record) for record in given]
        if plain != [_without_numbers(record) for record in wanted]:
            found.other[source] = f"{given} instead of {wanted}"
        for one, want in zip(given, wanted, strict=False):
            if want["label"] is None or one.get("label") is None:
                continue
            found.labels += one["label"] != want["label"]
            dp = [abs(one["probabilities"][name] - p) for name, p in want["probabilities"].items()]
            found.dp = max(found.dp, *dp)
            found.box_px = max(found.box_px, *(abs(a - b) for a, b in zip(one["box"], want["box"], strict=True)))
    return found


def _by_source(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        found.setdefault(Path(record["source"]).name, []).append(record)
    return found


def _without_numbers(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keys in their order, and values but for the numbers that may differ, and where the file lay."""
    numbers = ("box", "probability", "probabilities", "source", "label")
    return [(key, None if key in numbers else value) for key, value in record.items()]
