"""A lock on a folder that the system takes back when its process ends, however it ends."""

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mien.core.errors import DataError, UsageError
from mien.core.files import storage_errors

NAME = ".mien.lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What file systems say that have no locks."""

PATIENCE_S = 0.5
"""How long a lock is waited for: a program that a killed process was just starting shares its lock until it runs."""

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)

if sys.platform == "win32":
    import msvcrt

    BEYOND = 2**30  # a byte that nobody reads

    def _try_lock(handle: int) -> None:
        os.lseek(handle, BEYOND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked(folder: Path, *, name: str = NAME, what: Path | None = None) -> Iterator[None]:
    """Keep other processes, and other calls in this one, out of `folder` while the block runs.

    A process that dies, even by `kill -9`, holds nothing.  On file systems without locks nobody is kept out.

    Args:
        folder: where the lock lies.
        name: the lock's file.
        what: what is locked, for the message; None is the folder.

    Raises:
        DataError: the lock is no file of its own, but a link, a pipe or a folder.
        StorageError: the folder can't be written.
        UsageError: somebody is at work in it.
    """
    path = folder / name
    _check_own_file(path)
    with storage_errors(what or folder):
        handle = _acquire(path, what or folder)
    try:
        with storage_errors(folder):
            _sign(handle)
        yield
    finally:
        if sys.platform == "win32":  # has no way to remove an open file
            os.close(handle)
            _remove(path)
        else:  # who opens it before it is removed finds that it is gone, see `_lock`
            _remove(path)
            os.close(handle)


def _check_own_file(path: Path) -> None:
    """Refuse a lock that would be written through to something else: whoever made the folder may have meant that."""
    try:
        found = path.lstat()
    except OSError:  # no such file, or a folder that can't be written, which is told when it is tried
        return
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise DataError(f"{path}: not a lock file of mien, but a link, a pipe or a folder; remove it")


def _acquire(path: Path, what: Path) -> int:
    while True:
        # Neither a link nor a pipe is waited for or written through, also one that was put there just now.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINKS | _NO_WAIT, 0o644)
        try:
            if _lock(handle, path, what):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, path: Path, what: Path) -> bool:
    """Lock an open file; False where whoever had it has removed it just now."""
    try:
        _lock_patiently(handle)
    except (BlockingIOError, PermissionError):
        os.lseek(handle, 0, os.SEEK_SET)
        owner = os.read(handle, 200).decode(errors="replace") or "another process"
        raise UsageError(f"{what}: {owner} is at work in it; wait for it or stop it first") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock_patiently(handle: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            _try_lock(handle)
        except (BlockingIOError, PermissionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _sign(handle: int) -> None:
    import socket

    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # a lock file that stays is no lock
        path.unlink()
