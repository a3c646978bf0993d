"""Where pictures come from: files, folders, videos and what a program holds in memory, one after the other."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mien.core.errors import DataError, MissingExtraError, UsageError, nearest
from mien.core.files import is_pipe, refuse_address, require_name
from mien.core.images import MAX_PIXELS, decode_colour, to_rgb
from mien.core.text import in_utf8
from mien.runtime.animation import is_animation
from mien.runtime.results import Picture, Unreadable
from mien.runtime.resume_state import ResumeState
from mien.runtime.video import VIDEO_SUFFIXES, read_video

PICTURE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""What is taken for a picture in a folder; those that Pillow can't read are named, not passed over in silence."""

CHANNELS = ("rgb", "bgr")

PictureSource = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any]
"""A file, a folder or a pattern such as `pics/*.jpg`; a picture file's bytes, or such a file opened in binary mode; a
picture opened with Pillow; or its pixels: grey, RGB or RGBA, `uint8` or floats from 0 to 1."""

EXPECTED = "a path, a pattern, bytes, a file opened in binary mode, a Pillow picture, an array, or a list of these"


class NothingThere(DataError):
    """A folder without pictures, a pattern that matches nothing: an error also where bad pictures are left out."""


def is_video(path: str | Path) -> bool:
    """Say whether a file is a video, by its name, or an animated picture, by its content.

    >>> is_video("talk.MP4"), is_video("photo.jpg")
    (True, False)
    """
    path = Path(path)
    return path.suffix.lower() in VIDEO_SUFFIXES or is_animation(path)


def is_picture_source(source: object) -> bool:
    """Say by its type whether something is one source, and not several."""
    return isinstance(source, str | os.PathLike | bytes | Image.Image | np.ndarray) or hasattr(source, "read")


def list_sources(source: Any) -> Sequence[PictureSource] | Iterator[PictureSource]:
    """Return the single sources; those of a list are checked, so that nothing is begun that can't be finished.

    Raises:
        DataError: a file or folder of a list is missing, or a pattern matches none.
        UsageError: something is no source, or an address such as `https://…`.
    """
    if is_picture_source(source):
        source = [source]
    elif not isinstance(source, Iterable):
        raise UsageError(f"source: expected {EXPECTED}, not {type(source).__name__}")
    if not isinstance(source, Sequence):
        items: Iterator[PictureSource] = iter(source)
        return items
    for item in source:
        require_source(item)
        if isinstance(item, str | os.PathLike):
            require_inputs([item])
    listed: Sequence[PictureSource] = source
    return listed


def require_source(item: object) -> None:
    """Raise `UsageError` unless this is one source."""
    if not is_picture_source(item):
        raise UsageError(f"source: expected {EXPECTED}, and one of them is {type(item).__name__}")


def open_pictures(
    sources: Iterable[PictureSource],
    *,
    every: int = 1,
    fps: float | None = None,
    channels: str = "rgb",
    resume: ResumeState | None = None,
    skip_bad: bool = False,
) -> Iterator[Picture | Unreadable]:
    """Yield pictures, the pictures of folders and of all that lies in them, and the frames of videos.

    Args:
        sources: as in `PictureSource`; a file is read as often as it is named, but only once where a folder or a
            pattern has it, too.  Folders are taken in the order of their names; hidden files, files with other suffixes
            and links to folders are passed over.
        every: take every n-th frame of a video.
        fps: take at most so many frames per second of a video.
        channels: the order of an array's colours, `rgb` or `bgr`, with or without a fourth one for transparency.
        resume: what is finished already, and is left out.
        skip_bad: don't stop at what can't be read: an `Unreadable` takes its place.

    Raises:
        DataError: without `skip_bad`: an input can't be read, or a folder has no pictures.
        MissingExtraError: a video, and PyAV is not installed; with `skip_bad` only where the video itself is given.
        UsageError: something is no source, or an array is not one of a picture.
    """
    require_channels(channels)
    named: set[Path] = set()
    found: set[Path] = set()
    number = 0
    for number, item in enumerate(sources, start=1):
        require_source(item)
        try:
            if isinstance(item, str | os.PathLike):
                yield from _files(
                    item, every=every, fps=fps, resume=resume, named=named, found=found, skip_bad=skip_bad
                )
            else:
                yield picture_in_memory(item, number=number, channels=channels)
        except NothingThere:
            raise
        except DataError as error:
            if not skip_bad:
                raise
            yield Unreadable(_name_of(item, number), str(error))
    if not number:
        raise NothingThere("source: nothing in it: an empty list, or a generator that gives nothing")


def require_channels(channels: str) -> None:
    """Raise `UsageError` unless this is an order of colours."""
    if channels not in CHANNELS:
        raise UsageError(f"channels '{channels}': {nearest(channels, CHANNELS)}")


def picture_in_memory(item: Any, *, number: int = 1, channels: str = "rgb") -> Picture:
    """Return the picture that a program holds in memory; `number` is its place in a list, for its name.

    Raises:
        DataError: no picture, or damaged.
        UsageError: not an array of a picture.
    """
    name = _name_of(item, number)
    if isinstance(item, np.ndarray):
        # A copy: a camera's loop fills the same array with the next frame before the result of this one is seen.
        reopen = partial(array_to_rgb, item.copy(), channels=channels)
    elif isinstance(item, Image.Image):
        reopen = partial(_image_to_rgb, item, name=name)
    else:
        if not isinstance(item, bytes):
            item = item.read()
        if not isinstance(item, bytes):
            raise UsageError(f"source: {name} is opened as text; open it in binary mode: open(path, 'rb')")
        reopen = partial(decode_colour, item, name=name)
    return Picture(name, reopen(), reopen=reopen)


def _name_of(item: Any, number: int) -> str:
    """Return what to call a source in records: its path, the name of an opened file, or its place in a list."""
    if isinstance(item, str | os.PathLike):
        name = str(item)
    elif isinstance(item, Image.Image):
        name = str(getattr(item, "filename", "") or f"picture {number}")
    else:
        name = str(getattr(item, "name", f"picture {number}"))
    return in_utf8(name)


def array_to_rgb(array: NDArray[Any], *, channels: str = "rgb") -> NDArray[np.uint8]:
    """Convert an array of a picture to RGB, `uint8 (H, W, 3)`, on white where it is transparent.

    Args:
        array: grey `(H, W)` or `(H, W, 1)`, colours `(H, W, 3)`, or colours and opacity `(H, W, 4)`; `uint8`, or floats
            from 0 to 1.
        channels: the order of the colours, `rgb` or `bgr`.

    Raises:
        UsageError: another dtype, shape or range.

    >>> array_to_rgb(np.array([[[0.0, 0.5, 1.0]]]), channels="bgr").tolist()
    [[[255, 128, 0]]]
    """
    if array.ndim == 2:
        array = array[:, :, None]  # (H, W) -> (H, W, 1)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise UsageError(
            f"source: an array of shape {array.shape}, expected one picture: (H, W), (H, W, 3) or (H, W, 4); "
            "give several as a list, and faces that are cut out already to model(faces)"
        )
    if array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # also where one is not a number
            raise UsageError("source: an array of floats that are not all from 0 to 1; divide by 255, or give uint8")
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise UsageError(f"source: an array of {array.dtype}, expected uint8, or floats from 0 to 1")
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if channels == "bgr":
        array = np.concatenate([array[:, :, 2::-1], array[:, :, 3:]], axis=2)
    if array.shape[2] == 4:
        return to_rgb(Image.fromarray(array))
    return array


def require_inputs(inputs: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the paths of files and folders, those that match where a pattern is given.

    Raises:
        DataError: one is not there or can't be reached, a folder has no pictures, or a pattern matches none.
        UsageError: an address, such as `https://…`.
    """
    paths = []
    for name in inputs:
        text = os.fspath(name)
        refuse_address(text)
        matching = _matching(text)
        if matching is None:
            _require_there(text)
            _require_pictures(Path(text))
            paths.append(Path(text))
        else:
            paths += matching
    return paths


def _matching(name: str) -> list[Path] | None:
    """Return what a pattern matches, sorted; None where the name is no pattern, or a file has this very name."""
    import glob

    if not glob.has_magic(name) or os.path.lexists(name):
        return None
    found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - a pattern may begin anywhere
    if not found:
        raise NothingThere(f"{name}: no file matches this pattern")
    return [Path(path) for path in found]


def _require_there(name: str) -> None:
    path = Path(name)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        hint = "; a list of names belongs to a job, -o FOLDER/" if name.startswith("@") else ""
        raise DataError(f"{path}: no such file or folder{hint}") from None
    except UnicodeEncodeError:
        require_name(path)
        raise
    except (OSError, ValueError) as error:  # no permission, too long, or a null byte
        raise DataError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    if not name or is_pipe(path):
        raise DataError(f"'{name}': neither a file nor a folder")


def _require_pictures(folder: Path) -> None:
    """Raise `NothingThere` for a folder without pictures and videos; one that can't be read is told when it is read."""
    if folder.is_dir():
        next(walk(folder, skip_bad=True))


def _files(
    item: str | os.PathLike[str],
    *,
    every: int,
    fps: float | None,
    resume: ResumeState | None,
    named: set[Path],
    found: set[Path],
    skip_bad: bool,
) -> Iterator[Picture | Unreadable]:
    """Yield the pictures of a file, or those of a folder or a pattern that were neither `named` nor `found` before."""
    finished = resume.done if resume else frozenset()
    for path in require_inputs([item]):
        for file in walk(path, skip_bad=skip_bad) if path.is_dir() else [path]:
            if isinstance(file, Unreadable):
                yield file
                continue
            place = file.parent.resolve() / file.name
            is_named = file == Path(item)
            if place in found or (place in named and not is_named):
                continue
            (named if is_named else found).add(place)
            if in_utf8(str(file)) in finished:
                continue
            after = -1
            if resume and str(file) == resume.video:
                after = resume.frame
            try:
                yield from _read(file, every=every, fps=fps, after=after)
            except (DataError, MissingExtraError) as error:
                # Without PyAV a folder's pictures are read all the same; a video that is given itself is an error.
                if not skip_bad or (isinstance(error, MissingExtraError) and file == path):
                    raise
                message = str(error)
                if isinstance(error, MissingExtraError) and str(file) not in message:
                    message = f"{file}: {message}"
                yield Unreadable(in_utf8(str(file)), message)


def _read(path: Path, *, every: int, fps: float | None, after: int) -> Iterator[Picture]:
    require_name(path)
    if not is_video(path):
        yield Picture(str(path), decode_colour(path), reopen=partial(decode_colour, path))
        return
    for picture in read_video(path, every=every, fps=fps):
        if picture.frame is not None and picture.frame > after:
            yield picture


def walk(root: Path, *, skip_bad: bool) -> Iterator[Path | Unreadable]:
    """Yield the pictures and videos below a folder, sorted; links to folders aren't followed, so there are no loops."""
    unreadable: list[Unreadable] = []

    def note(error: OSError) -> None:
        message = f"{error.filename}: can't be read ({error.strerror})"
        if not skip_bad:
            raise DataError(message) from None
        unreadable.append(Unreadable(in_utf8(str(error.filename)), message))

    found = False
    for folder, names, files in os.walk(root, onerror=note):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder) / file
            is_wanted = path.suffix.lower() in PICTURE_SUFFIXES or is_video(path)
            if is_wanted and not file.startswith(".") and not is_pipe(path):
                found = True
                yield path
    yield from unreadable
    if not found and not unreadable:
        raise NothingThere(f"{root}: no pictures or videos in it")


def _image_to_rgb(image: Image.Image, *, name: str) -> NDArray[np.uint8]:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(f"{name}: {image.width}×{image.height} pixels, at most {MAX_PIXELS:,} are read; shrink it")
    try:
        upright = ImageOps.exif_transpose(image)
        if hasattr(image, "tag_v2"):
            upright.tag_v2 = image.tag_v2  # type: ignore[attr-defined]  # which say whether 0 is white
        return to_rgb(upright)
    except Exception as error:  # a file that was opened but not yet decoded; decoders raise a dozen kinds
        raise DataError(f"{name}: damaged picture ({error}); get the file again or leave it out") from None
