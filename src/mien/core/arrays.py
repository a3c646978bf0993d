"""Files of plain arrays (`.npz`), never pickles."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.files import write_atomic

ARRAYS_BYTES = 512 << 20
"""All arrays of a file together, as they are in memory."""


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an `.npz` of plain arrays, atomically."""
    buffer = io.BytesIO()
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{path}: '{name}' holds objects, which only pickle could write")
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]  # its `allow_pickle` is newer than NumPy 2.1
    write_atomic(path, buffer.getvalue())


def read_arrays(path: Path, *, holds: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an `.npz`; never unpickles.

    Args:
        path: the file.
        holds: what to call its content in an error.

    Raises:
        DataError: no such file, damaged, or no `.npz`.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if (size := sum(member.file_size for member in archive.infolist())) > ARRAYS_BYTES:
                raise DataError(f"{path}: {size:,} bytes of {holds}, at most {ARRAYS_BYTES:,} are read")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: _array(arrays[name], name) for name in arrays.files}
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # zipfile, zlib and numpy raise half a dozen kinds for damaged files
        raise DataError(f"{path}: damaged, or not a file of {holds} ({error})") from None


def _array(value: Any, name: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray):  # NumPy hands out other members as bytes
        raise ValueError(f"'{name}' is no array")
    return value
