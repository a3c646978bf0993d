"""How Lightning's checkpoints reach the disk and come back."""

import io
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
        content = torch.load(path, weights_only=True, map_location="cpu")
        return {key: content[key] for key in keys}
    except Exception as error:  # torch, zipfile and pickle raise half a dozen kinds
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{path}: damaged checkpoint ({reason}); start a new run") from None


def check_checkpoint(path: Path) -> None:
    """Raise `DataError` unless a checkpoint can be read as `read_checkpoint` does; one that is not there is fine."""
    if path.exists():
        read_checkpoint(path, "loops")
