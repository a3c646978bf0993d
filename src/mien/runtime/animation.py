"""Animated pictures (GIF, WebP, PNG, AVIF) as videos, read with Pillow.  Axes: `H`, `W` the frame."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from mien.core.errors import DataError
from mien.core.images import MAX_PIXELS, to_rgb
from mien.core.picture_files import open_picture

ANIMATION_SUFFIXES = frozenset((".avif", ".gif", ".png", ".webp"))
"""The endings of files that may hold an animation."""

SHORTEST_S = 0.01
"""A frame that says it is shown for no longer is shown for `USUAL_S`, as web browsers do."""

USUAL_S = 0.1


def is_animation(path: Path) -> bool:
    """Say whether a file is a picture that moves; False if it can't be read."""
    if path.suffix.lower() not in ANIMATION_SUFFIXES:
        return False
    try:
        with open_picture(path, str(path)) as picture:
            return bool(getattr(picture, "is_animated", False))
    except Exception:  # whatever is wrong with it is said when it is read
        return False


def read_animation(path: Path) -> Iterator[tuple[Callable[[], NDArray[np.uint8]], float]]:
    """Yield each frame, as a function that gives its pixels `uint8 (H, W, 3)`, and its time in seconds.

    Raises:
        DataError: the file is gone, or too large; or, after the last good frame, damaged.
    """
    count, time_s = 0, 0.0
    with open_picture(path, str(path)) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise DataError(
                f"{path}: {picture.width}×{picture.height} pixels, at most {MAX_PIXELS:,} are read; shrink it"
            )
        # A PNG may begin with a picture for those who can't show the animation, which is no frame of it.
        before = int(picture.info.get("default_image", False))
        while _go_to(picture, before + count, path=path, good=count, time_s=time_s):
            yield partial(to_rgb, picture), time_s
            count += 1
            shown_s = picture.info.get("duration", 0) / 1000
            if shown_s <= SHORTEST_S:
                shown_s = USUAL_S
            time_s += shown_s
    if path.suffix.lower() == ".gif" and not _ends_as_gif(path):
        raise _damaged(path, count, time_s)


def _go_to(picture: ImageFile, number: int, *, path: Path, good: int, time_s: float) -> bool:
    """Decode a picture of the file; False after the last one."""
    try:
        picture.seek(number)
        picture.load()
    except EOFError:
        return False
    except Exception:  # Pillow's decoders raise a dozen kinds for damaged files
        raise _damaged(path, good, time_s) from None
    return True


def _damaged(path: Path, count: int, time_s: float) -> DataError:
    return DataError(
        f"{path}: damaged: nothing can be decoded after {time_s:.2f} s; the {count} frames before are good"
    )


def _ends_as_gif(path: Path) -> bool:
    """Whether a GIF ends as it should, with a semicolon; one that is cut off may look whole to Pillow."""
    return path.read_bytes().rstrip(b"\0").endswith(b";")
