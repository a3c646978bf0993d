"""What `mien predict --draw` and `--chart` write."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.cli import console
from mien.cli.places import exists, refuse_among_inputs, refuse_existing
from mien.core.errors import UsageError
from mien.runtime.annotate import PICTURE_ENDINGS, annotate
from mien.runtime.occlusion import Classify
from mien.runtime.results import PictureResult
from mien.runtime.sources import is_video
from mien.runtime.timeline import Timeline, draw_timeline, require_matplotlib
from mien.runtime.video_writer import FORMATS, VideoWriter


class Drawing:
    """Copies of pictures and videos with boxes and labels; a context that closes the last video.

    The copy of a picture of another kind than `PICTURE_ENDINGS` is a PNG, that of a video of another kind an MP4.

    Args:
        path: the copy of a single file; for several files or a folder, a folder for their copies.
        inputs: files, folders and patterns.
        overwrite: allow the copies to exist.
        explain: a model whose occlusion maps are drawn below pictures, or None.

    Raises:
        UsageError: `path` exists, lies among the inputs, or is no picture where a picture is drawn.
    """

    def __init__(self, path: Path, inputs: Sequence[str], *, overwrite: bool, explain: Classify | None) -> None:
        self.path, self.explain = path, explain
        self.root = _common_folder(inputs)
        if self.root is not None:
            refuse_among_inputs(path, inputs)
        else:
            endings: tuple[str, ...] = PICTURE_ENDINGS
            if is_video(inputs[0]):
                endings = tuple(FORMATS)
            if path.suffix.lower() not in endings:
                raise UsageError(f"--draw {path}: expected a name that ends in {', '.join(endings)}")
        if not overwrite and exists(path) and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(f"--draw {path}: exists; choose another name or add --overwrite")
        self._source = ""
        self._copy = path
        self._copies: set[Path] = set()
        self._video: VideoWriter | None = None
        self._open_video = ExitStack()

    def __enter__(self) -> Self:
        return self

    def write(self, result: PictureResult) -> None:
        """Draw a picture, or a video's next frame."""
        if result.error is not None:
            return
        if result.source != self._source:
            self._open_video.close()
            self._source, self._video, self._copy = result.source, None, self._copy_of(result.source)
        if result.time_s is None:
            result.save(self._copy, self.explain)
        else:
            if self._video is None:
                self._video = self._open_video.enter_context(VideoWriter(self._copy))
            self._video.write(annotate(result.pixels, result.faces), result.time_s)
        self._copies.add(self._copy)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._video is not None and self._copy.exists():  # a part replaces nothing
            console.log.info("not drawn to the end, so the older file stays: %s", self._copy.absolute())
        self._open_video.__exit__(kind, error, trace)
        if self._copies:
            console.log.info("drawn: %s", self.path.absolute())

    def _copy_of(self, source: str) -> Path:
        if self.root is None:
            return self.path
        path = self.path / _absolute(source).relative_to(self.root)
        if is_video(source):
            endings, other = tuple(FORMATS), ".mp4"
        else:
            endings, other = PICTURE_ENDINGS, ".png"
        if path.suffix.lower() not in endings:
            path = path.with_name(path.name + other)
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
        self.path, self.timeline, self.empty = path, Timeline(labels), True

    def __enter__(self) -> Self:
        return self

    def write(self, result: PictureResult) -> None:
        """Take in a frame."""
        if result.error is None:
            self.timeline.add(result)
            self.empty = False

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self.empty:
            return
        if kind is not None and self.path.exists():  # a part replaces nothing
            console.log.info("not drawn to the end, so the older file stays: %s", self.path.absolute())
            return
        draw_timeline(self.timeline, self.path)
        console.log.info("drawn: %s", self.path.absolute())


def _common_folder(inputs: Sequence[str]) -> Path | None:
    """Return the folder that all inputs lie in; None for a single file."""
    places = [_absolute(name) for name in inputs]
    if len(places) == 1 and not places[0].is_dir():
        return None
    folders = []
    for place in places:
        if place.is_dir():
            folders.append(place)
        else:
            folders.append(place.parent)
    return Path(os.path.commonpath(folders))


def _absolute(name: str) -> Path:
    return Path(os.path.abspath(name))  # noqa: PTH100 - resolves `..`, which `Path.absolute` does not
