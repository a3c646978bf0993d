"""Writing files so that a reader sees the old content or the new, never half of it."""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from mien.core.errors import DataError, StorageError, UsageError

JSON_BYTES = 64 << 20
DEEPEST = 64
"""Levels of nesting in a JSON file."""

os.umask(_UMASK := os.umask(0o077))  # the only way to read it
MODE = 0o666 & ~_UMASK
"""Who may read a new file, as of all files that the user makes."""

_ADDRESS = re.compile("([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)  # a `Path` has one slash left

TRIES, WAIT_S = 10, 0.1
"""How often, and after how long, a name that another program holds on Windows is asked for again."""

NO_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)
"""What shared disks say that can't sync a folder."""

TEMPORARY = (".mien-", ".tmp")
"""How the name of a file begins and ends until it is whole."""


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` while writing `path` into a `StorageError` that names it, and what to do."""
    try:
        yield
    except OSError as error:
        remedy = "free some space or choose another place with --out"
        if isinstance(error, FileNotFoundError):
            remedy = "make its folder first"
        if isinstance(error, PermissionError):
            remedy = "close it where it is open in another program, or choose another place with --out"
        raise StorageError(f"{path}: could not be written ({error.strerror or error}); {remedy}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes the name `path` when the block ends: flush, fsync, rename, fsync of the folder.

    Raises:
        StorageError: the disk is full or the folder can't be written.  At any exception in the block the new file is
            dropped and `path` keeps what it had.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY[0], suffix=TEMPORARY[1])
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(OSError):  # disks without modes; the file is there all the same
                Path(temporary).chmod(MODE)
            _rename(Path(temporary), path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Make a new folder that takes the name `path` when the block ends; what was there before is removed then.

    Raises:
        StorageError: a folder can't be made or moved.  At any exception in the block the new folder is dropped and
            `path` keeps what it had.
    """
    begin, end = TEMPORARY
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=path.parent, prefix=begin, suffix=end))
    try:
        yield new
        with storage_errors(path):
            with contextlib.suppress(OSError):
                new.chmod(0o777 & ~_UMASK)
            if path.exists():
                old = new.with_suffix(".old" + end)
                path.replace(old)
                try:
                    new.replace(path)
                except OSError:
                    old.replace(path)
                    raise
                shutil.rmtree(old)
            else:
                new.replace(path)
            _sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


@contextlib.contextmanager
def replacing_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Make new files that take the place of `names` in `folder` when the block ends; whatever else is there stays.

    Args:
        folder: an existing folder.
        names: the first is the file by which a reader knows that the others are whole: it is put there last.

    Yields:
        An empty folder for them.

    Raises:
        StorageError: a file can't be made or moved.  At any exception in the block `folder` keeps what it had.
    """
    with storage_errors(folder):
        new = Path(tempfile.mkdtemp(dir=folder, prefix=TEMPORARY[0], suffix=TEMPORARY[1]))
    try:
        yield new
        with storage_errors(folder):
            for name in names:
                (folder / name).unlink(missing_ok=True)
            for name in reversed(names):
                if (new / name).exists():
                    (new / name).replace(folder / name)
            _sync_folder(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def set_aside(folder: Path, names: Sequence[str], *, unless: Callable[[BaseException], bool]) -> Iterator[None]:
    """Set files and folders aside while the block makes others of these names; they are removed when it ends.

    Args:
        folder: where they are.
        names: those that there are of these are set aside.
        unless: whether, at this exception in the block, the new ones stay; else the old ones are put back.

    Raises:
        StorageError: one can't be moved.
    """
    with storage_errors(folder):
        aside = Path(tempfile.mkdtemp(dir=folder, prefix=TEMPORARY[0], suffix=TEMPORARY[1]))
    moved = []
    try:
        for name in names:
            if os.path.lexists(folder / name):
                with storage_errors(folder / name):
                    (folder / name).replace(aside / name)
                moved.append(name)
        yield
    except BaseException as error:
        if moved and not unless(error):
            for name in names:
                remove(folder / name)
            for name in moved:
                with storage_errors(folder / name):
                    (aside / name).replace(folder / name)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists; raises `StorageError` if it can't be removed."""
    with storage_errors(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _rename(new: Path, path: Path) -> None:
    """Give a new file its name; Windows refuses that while another program holds the old file open for a moment."""
    for _ in range(TRIES if sys.platform == "win32" else 0):
        try:
            new.replace(path)
            return
        except PermissionError:
            time.sleep(WAIT_S)
    new.replace(path)


def _sync_folder(folder: Path) -> None:
    """Let a rename outlast a power cut; Windows has nothing of the kind."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(handle)


def refuse_links(folder: Path, names: Sequence[str]) -> None:
    """Refuse links among files and folders that are about to be written: they would let mien write somewhere else.

    Folders are looked through down to those with a `config.json`: other runs, which are checked when they are locked.

    Raises:
        DataError: there is one.
    """
    for name in names:
        _refuse_link(folder / name)
        for parent, folders, files in os.walk(folder / name):
            if parent != str(folder / name) and "config.json" in files:
                folders.clear()
            for one in (*folders, *files):
                _refuse_link(Path(parent, one))


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise DataError(
            f"{path}: a link to {path.readlink()}, and mien doesn't write through links inside a run; put the file or "
            "folder itself there"
        )


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files and folders of killed processes; run folders below `folder` are left alone.

    Nobody else may be writing in `folder`: hold its lock.

    Raises:
        StorageError: one can't be removed.
    """
    begin, end = TEMPORARY
    for parent, folders, files in os.walk(folder):
        for name in folders:
            if name.startswith(begin) and name.endswith(end):
                remove(Path(parent, name))
        folders[:] = [name for name in folders if not name.startswith(begin)]
        folders[:] = [name for name in folders if not Path(parent, name, "config.json").exists()]
        for name in files:
            if name.startswith(begin) and name.endswith(end):
                remove(Path(parent, name))


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file through a temporary name, as `replacing` does.

    Raises:
        StorageError: the disk is full or the folder can't be written; `path` keeps what it had.
    """
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def refuse_address(name: str | os.PathLike[str], *, to_write: bool = False) -> None:
    """Raise `UsageError` for an address such as `https://…` or `s3://…`, unless a file has that very name.

    Args:
        name: of a file to read, or to write.
        to_write: which of the two.

    >>> refuse_address("https://example.org/a.jpg")
    Traceback (most recent call last):
    mien.core.errors.UsageError: https://example.org/a.jpg: mien does not download; save it first, and give ...
    """
    text = os.fspath(name)
    found = _ADDRESS.match(text)
    if not found or os.path.lexists(text):
        return
    if found[1].lower() == "file":
        raise UsageError(f"{text}: an address of a file; give the path alone, without file://")
    if to_write:
        raise UsageError(f"{text}: mien does not upload; name a file or folder of this machine")
    raise UsageError(f"{text}: mien does not download; save it first, and give the name of the saved file")


def require_name(path: Path) -> None:
    """Raise `DataError` if the name of a file can't be told in UTF-8, as all that mien writes is, or is none."""
    name = str(path)
    if sys.getfilesystemencoding() == "ascii" and not name.isascii():
        raise DataError(
            f"{path}: Python takes the names of files for ASCII here, as the C locale says; start it with PYTHONUTF8=1"
        )
    if "\0" in name or name != name.encode("utf-8", "replace").decode():
        raise DataError(f"{path}: a name that is not UTF-8, or no name of a file; rename it")


def is_file(path: Path) -> bool:
    """Whether a path is that of a file.

    Raises:
        OSError: that can't be told: a name that is too long, a folder that can't be read.  `Path.is_file` says so up to
            Python 3.13 only.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last is a text that is no name: with a NUL in it
        return False


def is_pipe(path: Path) -> bool:
    """Whether a path is something that reading might wait for without end; a folder or a broken link is not."""
    return path.exists() and not (path.is_file() or path.is_dir())


def verify(path: Path, content: bytes, *, sha256: str, size: int, said_by: str, remedy: str) -> None:
    """Raise `DataError` if the content of `path` has another SHA-256 than `said_by` gives; `remedy` says what to do."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path}: damaged or replaced (sha256 {found}, {len(content):,} bytes; {said_by} {sha256}, {size:,} "
            f"bytes); {remedy} or restore the file"
        )


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically; NaN is refused."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object whose numbers are finite and whose nesting is reasonable.

    Raises:
        DataError: no such file, larger than `JSON_BYTES`, damaged, or no object.
    """
    try:
        with path.open("rb") as file:
            content = file.read(JSON_BYTES + 1)
        if len(content) > JSON_BYTES:
            raise DataError(f"{path}: more than {JSON_BYTES:,} bytes")
        value = parse_json(content)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error})") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: damaged (not an object)")
    return value


def parse_json(content: bytes) -> Any:
    """Read JSON in UTF-8.

    Raises:
        ValueError: no JSON, a number that is not finite or a whole one of more than 20 digits, text that UTF-8 can't
            hold, or nested more than `DEEPEST` levels deep.
    """
    try:
        value = json.loads(content.decode(), parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} levels deep") from None
    level = [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                deeper.extend(each.values())
            elif isinstance(each, list):
                deeper.extend(each)
        level = deeper
    if level:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if b"\\u" in content:  # may stand for half a character
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]}, expected a number")
    return number
