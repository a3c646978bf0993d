"""Pictures in one folder a class: `root/<class>/*.png`, or with splits `root/<split>/<class>/*.png`."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.faces import FaceSet
from mien.core.labels import check_names, order_classes
from mien.core.text import readable
from mien.data.pictures import SPLIT_NAMES, decode_faces

LAYOUT = "one folder a class with pictures in it, or train/, validation/ and test/ with such folders"


def read(root: Path, *, skip_bad: bool = False) -> FaceSet:
    """Read a folder of pictures of any size; the ids are paths relative to `root`, made `readable`.

    Args:
        root: the folder; hidden files are ignored, pictures may lie deeper than the class folder.
        skip_bad: leave out files that are no pictures, with a warning each; else the first one raises.

    Returns:
        Images `uint8 (N, 48, 48)`, sorted by path; the classes are the folders' names in `order_classes`'s order;
        without folders for splits all faces are in `train`.

    Raises:
        DataError: another layout, no picture, or a file that is no picture.
    """
    try:
        found = list(_files(root))
    except OSError as error:
        raise DataError(f"{error.filename or root}: can't be read ({error.strerror})") from None
    if not found:
        raise DataError(f"{root}: no pictures, expected {LAYOUT}")
    names = {name for _, name, _ in found}
    check_names(sorted(names), source=root)
    images, good = decode_faces(((str(path), path) for _, _, path in found), skip_bad=skip_bad)
    if not len(images):
        raise DataError(f"{root}: none of {len(found):,} files is a picture, expected {LAYOUT}")
    classes = order_classes(names)
    code = {name: target for target, name in enumerate(classes)}
    kept = [row for row, is_good in zip(found, good, strict=True) if is_good]
    return FaceSet(
        images=images,
        classes=classes,
        source=str(root),
        targets=np.array([code[name] for _, name, _ in kept], np.int64),
        splits=np.array([split for split, _, _ in kept]),
        ids=np.array([readable(path.relative_to(root).as_posix()) for _, _, path in kept]),
    )


def _files(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield split, class and path of every file that lies in a class folder."""
    for split, folders in _class_folders(root):
        for folder in folders:
            name = unicodedata.normalize("NFC", folder.name)  # macOS hands out names in another form
            for path in sorted(folder.rglob("*")):
                hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
                if not hidden and path.is_file():
                    yield split, name, path


def _class_folders(root: Path) -> list[tuple[str, list[Path]]]:
    tops = _folders(root)
    known = [top.name.lower() in SPLIT_NAMES for top in tops]
    if not any(known):
        return [("train", tops)]
    if not all(known):
        names = ", ".join(top.name for top in tops)
        raise DataError(f"{root}: some of the folders {names} are splits and some are not, expected {LAYOUT}")
    return [(SPLIT_NAMES[top.name.lower()], _folders(top)) for top in tops]


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
