"""What `mien predict --draw` and `--chart` write."""

import io
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.cli import console
from mien.cli.places import exists, links_in, refuse_among_inputs, refuse_existing
from mien.core.errors import UsageError
from mien.core.files import write_atomic
from mien.runtime.annotate import annotate, annotate_with_maps
from mien.runtime.occlusion import Classify, occlude
from mien.runtime.results import PictureResult
from mien.runtime.sources import is_video
from mien.runtime.timeline import Timeline, draw_timeline, require_matplotlib
from mien.runtime.video_writer import FORMATS, VideoWriter

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""Kinds of pictures that are drawn; the copy of any other is a PNG, as that of any other video is an MP4."""


class Drawing:
    """Copies of pictures and videos with boxes and labels; a context that closes the last video.

    Args:
        path: the copy of a single file; for several files or a folder, a folder for their copies.
        inputs: the files and folders.
        overwrite: allow the copies to exist.
        explain: a model whose occlusion maps are drawn below pictures, or None.

    Raises:
        UsageError: `path` exists, lies among the inputs, or is no picture where a picture is drawn.
    """

    def __init__(self, path: Path, inputs: Sequence[str], *, overwrite: bool, explain: Classify | None) -> None:
        self.path, self.explain = path, explain
        self.root = _root(inputs)
        if self.root is not None:
            refuse_among_inputs(path, inputs)
        else:
            kinds = tuple(FORMATS) if is_video(inputs[0]) else PICTURES
            if path.suffix.lower() not in kinds:
                raise UsageError(f"--draw {path}: expected a name that ends in {', '.join(kinds)}")
        if not overwrite and exists(path) and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(f"--draw {path}: exists; choose another name or add --overwrite")
        self._video: VideoWriter | None = None
        self._open = ExitStack()
        self._source = ""
        self._copies: set[Path] = set()
        self._linked = links_in(inputs) if overwrite else set()

    def __enter__(self) -> Self:
        return self

    def write(self, seen: PictureResult) -> None:
        """Draw a picture, or a video's next frame."""
        if seen.picture.source != self._source:
            self._open.close()
            self._source, self._video, self._path = seen.picture.source, None, self._copy_of(seen.picture.source)
            if os.path.realpath(self._path) in self._linked:
                raise UsageError(f"--draw {self._path}: an input is a link to it; choose another folder")
        if seen.picture.time_s is None:
            write_atomic(self._path, _encode(self._draw(seen), self._path))
        else:
            if self._video is None:
                self._video = self._open.enter_context(VideoWriter(self._path))
            self._video.write(annotate(seen.picture.pixels, seen.faces), seen.picture.time_s)
        self._copies.add(self._path)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._open.close()
        if self._copies:
            console.log.info("drawn: %s", self.path.absolute())

    def _draw(self, seen: PictureResult) -> NDArray[np.uint8]:
        if self.explain is None or not seen.faces:
            return annotate(seen.picture.pixels, seen.faces)
        maps = occlude(self.explain, np.array([face.image for face in seen.faces]))
        return annotate_with_maps(seen.picture.pixels, seen.faces, maps)

    def _copy_of(self, source: str) -> Path:
        if self.root is None:
            return self.path
        path = self.path / _absolute(source).relative_to(self.root)
        kinds, other = (tuple(FORMATS), ".mp4") if is_video(source) else (PICTURES, ".png")
        path = path if path.suffix.lower() in kinds else path.with_name(path.name + other)
        while path in self._copies:  # that of n.gif is n.gif.png, and there is an n.gif.png
            path = path.with_stem(path.stem + "_")
        return path


class Chart:
    """The expressions of one video over time, in one figure; a context that draws it at the end.

    Args:
        path: the PNG.
        inputs: the files and folders: a single video.
        labels: the C class names.
        overwrite: allow the file to exist.

    Raises:
        UsageError: `path` exists or is no PNG, or the input is another.
    """

    def __init__(self, path: Path, inputs: Sequence[str], *, labels: Sequence[str], overwrite: bool) -> None:
        refuse_existing(path, overwrite=overwrite)
        if path.suffix.lower() != ".png":
            raise UsageError(f"--chart {path}: expected a name that ends in .png")
        require_matplotlib()
        if len(inputs) != 1 or not is_video(inputs[0]):
            raise UsageError("--chart draws one video over time; give one, or leave --chart out")
        self.path, self.over_time, self.empty = path, Timeline(labels), True

    def __enter__(self) -> Self:
        return self

    def write(self, seen: PictureResult) -> None:
        """Take in a frame."""
        self.over_time.add(seen)
        self.empty = False

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if not self.empty:
            draw_timeline(self.over_time, self.path)
            console.log.info("drawn: %s", self.path.absolute())


def _root(inputs: Sequence[str]) -> Path | None:
    """Return the folder that all inputs lie in; None for a single file."""
    paths = [_absolute(name) for name in inputs]
    if len(paths) == 1 and not paths[0].is_dir():
        return None
    try:
        return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
    except ValueError:  # Windows
        raise UsageError("--draw: the inputs lie on several drives; draw those of one at a time") from None


def _absolute(name: str) -> Path:
    return Path(os.path.abspath(name))  # noqa: PTH100 - resolves `..`, which `Path.absolute` does not


def _encode(pixels: NDArray[np.uint8], path: Path) -> bytes:
    buffer, suffix = io.BytesIO(), path.suffix.lower()
    try:
        Image.fromarray(pixels).save(buffer, Image.registered_extensions()[suffix], quality=95)
    except (OSError, ValueError) as error:  # of a kind that has no such wide pictures
        size = f"{pixels.shape[1]}×{pixels.shape[0]}"
        raise UsageError(f"{path}: {size} pixels can't be written as {suffix} ({error}); choose .png") from None
    return buffer.getvalue()
