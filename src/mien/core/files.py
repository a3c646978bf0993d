"""Writing files so that a reader sees the old content or the new, never half of it."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.core.errors import StorageError


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` while writing `path` into a `StorageError` that names it."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: could not be written ({error.strerror or error}); "
            "free some space or choose another place with --out"
        ) from None


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file through a temporary name: write, flush, fsync, rename.

    Raises:
        StorageError: the disk is full or the folder can't be written; `path` keeps what it had.
    """
    data = content.encode() if isinstance(content, str) else content
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically; NaN is refused."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
