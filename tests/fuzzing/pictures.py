"""Pictures, folders of them, and videos."""

import os
from itertools import islice
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mien.core.images import decode, decode_colour
from mien.data.formats import open_faces
from mien.runtime.detect import YuNet
from mien.runtime.photo import find_faces
from mien.runtime.video import read_video
from mien.workflows.describe import describe

from . import picture_kinds
from .damage import damaged
from .originals import Originals
from .target import Target

NAMES = st.one_of(
    st.sampled_from(("happy", "sad", "train", "Test", "val", "<script>", "=1+1", "a\nb", "\x1b[2J", "x" * 200, "高兴")),
    st.sampled_from((os.fsdecode(b"\xff\xfe"), "CON", " ", "'", "e\u0301", "-rf", "happy.png", "9" * 200, "²", "١")),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=5),
)


def targets(originals: Originals) -> dict[str, Target]:
    """Readers of pictures and videos, by name."""
    files, face = originals.pictures, originals.face
    detector = YuNet(threads=1)

    def read(content: bytes, folder: Path) -> object:
        grey = decode(content)
        assert grey.ndim == 2
        assert decode_colour(content).shape == (*grey.shape, 3)
        return find_faces(content, detector=detector)

    return {
        "pictures": Target(damaged(files), read),
        "HEIC": Target(damaged(picture_kinds.heic(face)), read),
        "deep pictures": Target(damaged(picture_kinds.deep(face)), read),
        "TIFF pages": Target(damaged(picture_kinds.pages(face)), read),
        "folders": Target(_folders(files), _read_folder),
        "videos": Target(_videos(originals.clips), _read_video),
        "animations": Target(_videos(picture_kinds.animations(face)), _read_video),
    }


@st.composite
def _folders(draw, files: list[bytes]) -> list[tuple[list[str], Any]]:
    """Paths below a folder, and what lies there: a file's content, a link's target, or nothing for a folder."""
    content = st.one_of(st.sampled_from(files), damaged(files), st.just(b""))
    what = st.one_of(content, content, st.sampled_from((None, "..", "/etc", ".", "nowhere", "/etc/passwd")))
    path = st.lists(NAMES, min_size=1, max_size=4)
    given = draw(st.lists(st.tuples(path, what), min_size=1, max_size=6))
    split = draw(st.sampled_from(([], [], ["train"])))
    return [([*split, *parts], each) for parts, each in given]


def _read_folder(given: list[tuple[list[str], Any]], folder: Path) -> object:
    for parts, what in given:
        path = folder.joinpath("root", *[part for part in parts if part not in (".", "..")])
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if what is None:
                path.mkdir(exist_ok=True)
            elif isinstance(what, str):
                path.symlink_to(what)
            else:
                path.write_bytes(what)
        except (OSError, UnicodeEncodeError):  # a name that is too long, or a file where a folder should be
            continue
    faces = open_faces(folder / "root", skip_bad=True)
    return describe(faces), faces.row_fingerprint


@st.composite
def _videos(draw, clips: dict[str, list[bytes]]) -> tuple[str, bytes, float | None]:
    suffix = draw(st.sampled_from(sorted(clips)))
    others = [each for name in sorted(clips) if name != suffix for each in clips[name]]
    content = draw(damaged(clips[suffix])) if draw(st.integers(0, 3)) else draw(damaged(clips[suffix] + others))
    return suffix, content, draw(st.sampled_from((None, 2.0)))


def _read_video(given: tuple[str, bytes, float | None], folder: Path) -> object:
    suffix, content, fps = given
    path = folder / f"clip{suffix}"
    path.write_bytes(content)
    last = -1.0
    for picture in islice(read_video(path, fps=fps), 200):
        assert picture.time_s is not None
        assert picture.time_s > last, f"{picture.time_s} s after {last} s"
        last = picture.time_s
    return last
