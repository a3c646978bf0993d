"""`SameRun`: that all processes of a training have the same faces and see the same run."""

import socket
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from mien.core.errors import DataError


class SameRun(Callback):
    """Checks, before the first step, that all processes have the same faces and see the run's folder.

    Args:
        path: the run's folder; None where another process writes it.
        faces: what tells the faces apart, with their order: `RunData.row_fingerprint`.
    """

    def __init__(self, path: Path | None, *, faces: str) -> None:
        self.path, self.faces = path, faces

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare with the first process; raises `DataError`."""
        path, faces = trainer.strategy.broadcast((str(self.path), self.faces))
        here = f"process {trainer.global_rank} on {socket.gethostname()}"
        if self.faces != faces:
            raise DataError(f"{here}: other faces than those of process 0; give all machines the same data")
        self.path = Path(path)
        if not (self.path / "config.json").exists():
            raise DataError(f"{here}: doesn't see the run's folder {path}; put it on a disk that all machines share")


def wait_for_all() -> None:
    """Wait until all processes of torchrun are here: when the first one has written the run to its end."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
