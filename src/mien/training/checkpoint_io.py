"""How Lightning's checkpoints reach the disk and come back."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from mien.core.errors import DataError
from mien.core.files import write_atomic


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint so that a kill or a full disk leaves the one before whole.

    Lightning's own goes through the system's temporary folder; where that is another file system, the last step is a
    copy that can stop half-way.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_atomic(Path(path), buffer.getvalue())


def read_checkpoint(path: Path, *keys: str) -> dict[str, Any]:
    """Read parts of a checkpoint: `loops`, `epoch` (from 0), `state_dict`.

    Raises:
        DataError: missing, damaged, or it holds more than numbers, code for one.
    """
    try:
        _check_archive(path)
        content = torch.load(path, weights_only=True, map_location="cpu")
        _check_tensors(content)
        return {key: content[key] for key in keys}
    except pickle.UnpicklingError:  # PyTorch's message advises to load it in an unsafe way
        raise DataError(
            f"{path}: damaged checkpoint (it holds more than numbers, text and tensors, which could run code); "
            "start a new run"
        ) from None
    except Exception as error:  # torch, zipfile and pickle raise half a dozen kinds
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{path}: damaged checkpoint ({reason}); start a new run") from None


def _check_archive(path: Path) -> None:
    """Raise `ValueError` if a checkpoint takes more memory than its file is long: PyTorch compresses nothing."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > path.stat().st_size:
            raise ValueError(f"its parts are {size:,} bytes long, the file {path.stat().st_size:,}")
        for member in archive.infolist():
            if member.filename.endswith("/data.pkl") and b"bytearray" in archive.read(member):
                raise ValueError("it holds a byte array, of which only the length need be in the file")


def _check_tensors(content: object) -> None:
    """Raise `ValueError` if a tensor has more elements than are stored, which whoever copies it would make."""
    todo, seen = [content], set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise ValueError(f"a tensor of {value.numel():,} elements, of which fewer are stored")
        elif isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list | tuple):
            todo.extend(value)


def check_checkpoint(path: Path) -> None:
    """Raise `DataError` unless a checkpoint can be read as `read_checkpoint` does; one that is not there is fine."""
    if path.exists():
        read_checkpoint(path, "loops")
