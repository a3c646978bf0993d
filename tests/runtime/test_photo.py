import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.images import decode, grey, resize
from mien.runtime.detect import Detection, YuNet
from mien.runtime.geometry import Box, Square
from mien.runtime.photo import crop_face, find_faces


class Fixed:
    """A detector that says what it was told, and keeps what it was shown."""

    def __init__(self, *boxes: Box, lean: float = 0) -> None:
        marks = np.array([[0, 0], [1, lean], [0, 0], [0, 0], [0, 0]], float)
        self.found = [Detection(box, 0.9, marks) for box in boxes]
        self.shown: list[np.ndarray] = []

    def detect(self, picture: np.ndarray) -> list[Detection]:
        self.shown.append(picture)
        return self.found


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_portrait_from_its_path(portrait: Path) -> None:
    detector = YuNet(threads=1)
    (face,) = find_faces(portrait, detector=detector)
    assert (face.image.dtype, face.image.shape) == (np.uint8, (48, 48))
    assert face.square is not None
    assert face.image.std() > 30
    for source in (str(portrait), portrait.read_bytes()):
        assert (find_faces(source, detector=detector)[0].image == face.image).all()


def test_margin_and_alignment_reach_the_square() -> None:
    detector = Fixed(Box(30, 30, 40, 40), lean=1)
    for align in (True, False):
        (face,) = find_faces(noise(100, 100), detector=detector, margin=0.25, align=align)
        assert face.square == pytest.approx(Square(50, 50, 60, 45 * align))
        assert (face.image == crop_face(noise(100, 100), face.square)).all()


def test_the_detectors_order_stays() -> None:
    faces = find_faces(noise(100, 100), detector=Fixed(Box(60, 60, 20, 20), Box(10, 10, 20, 20)))
    assert [face.square for face in faces] == [Square(70, 70, 20), Square(20, 20, 20)]


def test_a_face_of_48_pixels_is_used_as_it_is() -> None:
    detector = Fixed(Box(10, 10, 20, 20))
    content = encoded(Image.fromarray(noise(48, 48)))
    (face,) = find_faces(content, detector=detector)
    assert (face.image == decode(content)).all()
    assert (face.square, face.detection, face.crop, detector.shown) == (None, None, "assumed", [])


@pytest.mark.parametrize(
    ("height", "width", "faces", "searched"),
    [
        *((48, 48, 1, 0), (48, 36, 1, 0), (12, 12, 1, 0), (12, 16, 1, 0)),  # too small to search: assumed
        *((11, 11, 0, 0), (1, 1, 0, 0), (11, 14, 0, 0)),  # too small to tell
        *((49, 48, 0, 1), (48, 35, 0, 1), (200, 200, 0, 1), (1, 48, 0, 2), (256, 192, 0, 1)),  # searched, nothing found
    ],
)
def test_above_48_pixels_only_what_is_found_is_a_face(height: int, width: int, faces: int, searched: int) -> None:
    detector = Fixed()
    found = find_faces(noise(height, width), detector=detector)
    assert (len(found), bool(detector.shown)) == (faces, bool(searched))
    assert [(face.square, face.crop, face.image.shape) for face in found] == [(None, "assumed", (48, 48))] * faces


@pytest.mark.parametrize(("height", "width", "faces"), [(200, 200, 1), (49, 300, 1), (48, 48, 1), (11, 300, 0)])
def test_a_picture_that_is_said_to_be_a_face_is_one_whatever_its_size(height: int, width: int, faces: int) -> None:
    detector = Fixed(Box(10, 10, 20, 20))
    found = find_faces(noise(height, width), detector=detector, crops=True)
    assert [(face.square, face.crop) for face in found] == [(None, "given")] * faces
    assert detector.shown == []
    for face in found:
        assert (face.image == resize(grey(noise(height, width)))).all()


def test_a_turned_photo_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    detector = Fixed()
    find_faces(encoded(Image.fromarray(noise(30, 70)), exif=exif), detector=detector)
    assert (detector.shown[0] == np.rot90(noise(30, 70), -1)).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16", "F"])
def test_every_mode_is_shown_in_colour(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
    source = Image.fromarray(noise(9, 30)[..., 0].astype(np.uint16) * 257) if mode == "I;16" else None
    detector = Fixed()
    find_faces(encoded(source or Image.fromarray(noise(9, 30)).convert(mode), kind), detector=detector)
    assert (detector.shown[0].dtype, detector.shown[0].shape) == (np.uint8, (9, 30, 3))
    assert detector.shown[0].std() > 20


@pytest.mark.parametrize("wrong", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)])
def test_other_arrays_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"expected uint8 \(H, W, 3\) in RGB"):
        find_faces(wrong, detector=Fixed())


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "half.jpg").write_bytes(encoded(Image.fromarray(noise(90, 90)), "JPEG")[:2000])
    expected = {
        "empty.jpg": "not a picture that Pillow can read (0 bytes)",
        "text.jpg": "not a picture that Pillow can read",
        "half.jpg": "damaged picture (",
        "none.jpg": "no such file",
        "": "a folder, expected a picture file",
    }
    for name, message in expected.items():
        with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))}: {re.escape(message)}"):
            find_faces(tmp_path / name, detector=Fixed())


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(DataError, match=r"a\.png: can't be read \(permission denied\)"):
        find_faces(tmp_path / "a.png", detector=Fixed())
