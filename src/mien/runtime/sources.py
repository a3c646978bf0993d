"""Where pictures come from: files, folders and videos, one after the other."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mien.core.errors import DataError, MissingExtraError
from mien.core.files import is_pipe, require_name
from mien.core.images import decode_colour
from mien.runtime.results import Picture
from mien.runtime.resume_state import ResumeState
from mien.runtime.video import VIDEO_SUFFIXES, read_video

PICTURE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""What is taken for a picture in a folder; those that Pillow can't read are named, not passed over in silence."""

OnBad = Callable[[DataError], None]
"""Told of each picture or video that can't be read, or not to its end."""


def is_video(path: str | Path) -> bool:
    """Say by its name whether a file is a video.

    >>> is_video("talk.MP4"), is_video("photo.jpg")
    (True, False)
    """
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def open_pictures(
    inputs: Iterable[str | Path],
    *,
    every: int = 1,
    fps: float | None = None,
    written: ResumeState | None = None,
    on_bad: OnBad | None = None,
) -> Iterator[Picture]:
    """Yield the pictures of files, of folders and of all that lies in them, and the frames of videos.

    Args:
        inputs: files and folders, each file is read once.  Folders are taken in the order of their names; hidden files,
            files with other suffixes and links to folders are passed over.
        every: take every so many-th frame of a video.
        fps: take at most so many frames a second of a video.
        written: what is done with already, and is left out.
        on_bad: told of each input that can't be read, which is then left out; without it the first one raises.

    Raises:
        DataError: an input is missing: nothing is read then, whether there is `on_bad` or not.  Without `on_bad`: an
            input can't be read, or a folder has no pictures.
        MissingExtraError: a video is given, and PyAV is not installed; in a folder that is a video that can't be read.
    """
    paths = require_inputs(inputs)
    done = written.done if written else frozenset()
    begun: set[Path] = set()
    for path in paths:
        for file in _walk(path, on_bad=on_bad) if path.is_dir() else [path]:
            place = file.parent.resolve() / file.name
            if place in begun:
                continue
            begun.add(place)
            if str(file) in done:
                continue
            after = written.frame if written and str(file) == written.video else -1
            try:
                yield from _read(file, every=every, fps=fps, after=after)
            except DataError as error:
                _tell(error, on_bad)
            except MissingExtraError as error:
                if file == path:
                    raise
                _tell(DataError(f"{file}: {error}"), on_bad)


def require_inputs(inputs: Iterable[str | Path]) -> list[Path]:
    """Return the paths of files and folders; raise `DataError` if one is not there or can't be reached."""
    paths = []
    for name in inputs:
        path = Path(name)
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise DataError(f"{path}: no such file or folder") from None
        except (OSError, ValueError) as error:  # no permission, too long, or a null byte
            raise DataError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
        if not str(name) or is_pipe(path):
            raise DataError(f"'{name}': neither a file nor a folder")
        paths.append(path)
    return paths


def _read(path: Path, *, every: int, fps: float | None, after: int) -> Iterator[Picture]:
    require_name(path)
    if not is_video(path):
        yield Picture(str(path), decode_colour(path))
        return
    for picture in read_video(path, every=every, fps=fps):
        if picture.frame is not None and picture.frame > after:
            yield picture


def _walk(root: Path, *, on_bad: OnBad | None) -> Iterator[Path]:
    """Yield the pictures and videos below a folder, sorted; links to folders aren't followed, so there are no loops."""
    found = False

    def unreadable(error: OSError) -> None:
        _tell(DataError(f"{error.filename}: can't be read ({error.strerror})"), on_bad)

    for folder, names, files in os.walk(root, onerror=unreadable):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for path in (Path(folder) / file for file in sorted(files) if not file.startswith(".")):
            if (path.suffix.lower() in PICTURE_SUFFIXES or is_video(path)) and not is_pipe(path):
                found = True
                yield path
    if not found:
        _tell(DataError(f"{root}: no pictures or videos in it"), on_bad)


def _tell(error: DataError, on_bad: OnBad | None) -> None:
    if on_bad is None:
        raise error from None
    on_bad(error)
