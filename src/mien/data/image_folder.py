"""Pictures in one folder a class: `root/<class>/*.png`, or with splits `root/<split>/<class>/*.png`."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.faces import FaceSet
from mien.core.files import require_name
from mien.core.labels import EXPRESSIONS, check_names, order_classes, spell_classes, spelling_notes
from mien.core.text import readable
from mien.data.archives import TABLE_ENDINGS
from mien.data.pictures import SPLIT_WORDS, Reading, decode_faces, split_of, words_of

LAYOUT = "one folder a class with pictures in it, or train/, validation/ and test/ with such folders"

JUNK = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"))
"""What operating systems leave in folders; hidden files are left out, too."""

DEEPEST = 100
"""Folders below each other."""

PICTURE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".heic"))

NAMED = 5
"""So many names stand in a note; of more, their number."""

log = logging.getLogger(__name__)


@dataclass
class Folder:
    """A folder with the files and folders in it, sorted by name; hidden ones and `JUNK` left out."""

    path: Path
    files: list[Path] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)

    def all_files(self) -> Iterator[Path]:
        """Yield the files in it and in all folders below."""
        yield from self.files
        for folder in self.folders:
            yield from folder.all_files()

    def is_empty(self) -> bool:
        """Whether there is no file in it, nor below."""
        return next(self.all_files(), None) is None


def read(root: Path, reading: Reading) -> FaceSet:
    """Read a folder of pictures of any size; the ids are paths relative to `root`, made `readable`.

    Args:
        root: the folder; hidden files are ignored, pictures may lie deeper than the class folder.
        reading: how.

    Returns:
        Images `uint8 (N, 48, 48)`, sorted by path; the classes are the folders' names in `spell_classes`'s spelling and
        `order_classes`'s order; without folders for splits all faces are in `train`.

    Raises:
        DataError: another layout, no picture, or a file that is no picture.
    """
    tree = _scan(root, skip_bad=reading.skip_bad)
    parts = _split_folders(tree)
    for _, part in parts:
        _check_layout(tree, part)
    found = []
    for split, part in parts:
        for folder in part.folders:
            for path in sorted(folder.all_files()):
                found.append((split, folder.path.name, path))
    if not found:
        raise DataError(f"{root}: no pictures{_where_instead(tree)}, expected {LAYOUT}")
    spelled = spell_classes({name for _, name, _ in found})
    check_names(sorted(set(spelled.values())), source=root)
    decoded = decode_faces(((str(path), path) for _, _, path in found), reading)
    if len(decoded.not_found) == len(found):
        raise DataError(f"{root}: no face was found in any of {len(found):,} pictures; leave --detect out")
    if not len(decoded.images):
        raise DataError(f"{root}: none of {len(found):,} files is a picture, expected {LAYOUT}")
    classes = order_classes(spelled.values())
    code = {name: classes.index(name_of_class) for name, name_of_class in spelled.items()}
    kept = [row for row, is_good in zip(found, decoded.good, strict=True) if is_good]
    return FaceSet(
        images=decoded.images,
        classes=classes,
        source=str(root),
        targets=np.array([code[name] for _, name, _ in kept], np.int64),
        splits=np.array([split for split, _, _ in kept]),
        ids=np.array([readable(path.relative_to(root).as_posix()) for _, _, path in kept]),
        notes=(*_split_notes(tree, parts), *_class_notes(tree, parts, spelled), *decoded.notes),
        not_found=decoded.not_found,
    )


def _scan(path: Path, *, skip_bad: bool, depth: int = 0) -> Folder:
    if depth > DEEPEST:
        raise DataError(f"{path}: more than {DEEPEST} folders below each other, expected {LAYOUT}")
    require_name(path)
    folder = Folder(path)
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        problem = f"{path}: can't be read ({error.strerror})"
        if not skip_bad or depth == 0:
            raise DataError(f"{problem}; change its permissions, or leave it out with --skip-bad") from None
        log.warning("left out: %s", problem)
        return folder
    # A link to a folder is followed where splits and classes are; a deeper one might lead around in a circle.
    follows = depth == 0 or (depth == 1 and split_of(path.name) is not None)
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in JUNK:
            continue
        if not entry.is_dir():
            folder.files.append(path / entry.name)
        elif follows or not entry.is_symlink():
            folder.folders.append(_scan(path / entry.name, skip_bad=skip_bad, depth=depth + 1))
        else:
            log.warning("left out: %s: a link to a folder, which is followed only for a split or a class", entry.path)
    return folder


def _split_folders(tree: Folder) -> list[tuple[str, Folder]]:
    """Return the splits and the folders in which their classes are: `tree` itself where no folder is called a split."""
    parts, others, mixed = [], [], []
    for top in tree.folders:
        split = split_of(top.path.name)
        if split is not None:
            parts.append((split, top))
            continue
        others.append(top)
        if SPLIT_WORDS.keys() & set(words_of(top.path.name)):
            mixed.append(top)
    if parts and others:
        raise DataError(
            f"{tree.path}: some of the folders {_listed(tree.folders)} are splits and some are not "
            f"({_listed(others)}), expected {LAYOUT}; move the others elsewhere"
        )
    if mixed and len(mixed) == len(others):
        raise DataError(
            f"{tree.path}: the folders {_listed(mixed)} name a split and something else; if each is one class of one "
            f"split, sort them into train/<class> and test/<class>"
        )
    return parts or [("train", tree)]


def _check_layout(tree: Folder, part: Folder) -> None:
    """Raise `DataError` if folders that stand where classes should be hold something else than one class each."""
    classes = [folder for folder in part.folders if not folder.is_empty()]
    for folder in classes:
        splits = [below for below in folder.folders if split_of(below.path.name)]
        if splits:
            raise DataError(
                f"{folder.path}: the splits {_listed(splits)} are inside what should be a class, expected {LAYOUT}"
                f"{_advice(tree)}"
            )
    if all(folder.path.name.strip().casefold() in EXPRESSIONS for folder in classes):
        return  # folders below, such as one a person, hold more faces of these classes
    for folder in classes:
        if not folder.files:
            raise DataError(
                f"{folder.path}: stands where a class should be, but holds only folders ({_listed(folder.folders)}); "
                f"expected {LAYOUT}{_advice(tree)}"
            )
    holders: Counter[str] = Counter()
    for folder in classes:
        direct, below = len(folder.files), len(list(folder.all_files())) - len(folder.files)
        if below > direct:
            holders.update(inner.path.name.strip().casefold() for inner in folder.folders)
    shared = sorted(name for name, count in holders.items() if count > 1)
    if shared:
        raise DataError(
            f"{part.path}: the folders {_listed(classes)} have folders of the same names in them "
            f"({', '.join(shared[:NAMED])}), so they are no classes; expected {LAYOUT}{_advice(tree)}"
        )


def _advice(tree: Folder) -> str:
    """Name the one highest folder below `tree` that is laid out as expected, if there is one."""
    level = tree.folders
    while level:
        fitting = [folder for folder in level if _is_laid_out(folder)]
        if fitting:
            return f"; did you mean {fitting[0].path}?" if len(fitting) == 1 else ""
        level = [below for folder in level for below in folder.folders]
    return ""


def _is_laid_out(folder: Folder) -> bool:
    names = [below.path.name for below in folder.folders]
    are_splits = bool(names) and all(split_of(name) for name in names)
    are_classes = len(names) > 1 and all(below.files for below in folder.folders)
    return (are_splits and not split_of(folder.path.name)) or are_classes


def _where_instead(tree: Folder) -> str:
    outside = [path for path in tree.all_files() if path.suffix.lower() in PICTURE_ENDINGS]
    if not outside:
        tables = [path for path in tree.all_files() if path.suffix.lower() in TABLE_ENDINGS]
        return f" in it; did you mean {tables[0]}?" if tables else ""
    return f" in class folders ({len(outside):,} lie outside, such as {outside[0].relative_to(tree.path)})"


def _split_notes(tree: Folder, parts: Sequence[tuple[str, Folder]]) -> Iterator[str]:
    by_split: dict[str, list[Folder]] = {}
    for split, part in parts:
        if part is not tree:
            by_split.setdefault(split, []).append(part)
    for split, folders in by_split.items():
        if len(folders) > 1:
            yield f"the folders {_listed(folders)} together are the split {split}"
        elif folders[0].path.name.casefold() not in SPLIT_WORDS:
            yield f"the folder {folders[0].path.name} is read as the split {split}"


def _class_notes(tree: Folder, parts: Sequence[tuple[str, Folder]], spelled: dict[str, str]) -> Iterator[str]:
    yield from spelling_notes(spelled)
    empty: list[Path] = []
    outside = list(tree.files)
    for _, part in parts:
        empty += [folder.path for folder in part.folders if folder.is_empty()]
        if part is not tree:
            outside += part.files
    if empty:
        yield f"folders without any picture: {_names(empty, tree)}"
    outside = [path for path in outside if path.suffix.lower() in PICTURE_ENDINGS]
    if outside:
        yield f"pictures outside the class folders are left out ({len(outside):,}): {_names(outside, tree)}"


def _names(paths: Sequence[Path], tree: Folder) -> str:
    names = [path.relative_to(tree.path).as_posix() for path in paths[:NAMED]]
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return ", ".join(names) + more


def _listed(folders: Sequence[Folder]) -> str:
    names = [folder.path.name for folder in folders[:NAMED]]
    more = f" and {len(folders) - NAMED:,} more" if len(folders) > NAMED else ""
    return ", ".join(names) + more
