"""What happens in an epoch besides learning: history, progress, checkpoints, early stopping."""

import csv
import io
import logging
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mien.core.errors import StorageError
from mien.core.files import write_atomic
from mien.core.progress import OnProgress, Progress
from mien.core.runs import HISTORY, TIMING
from mien.core.text import percentage

log = logging.getLogger(__name__)

LOGGERS = ("lightning.pytorch", "lightning.fabric")
"""Through which Lightning gives its hints."""


class History(Callback):
    """Keeps one row per epoch in the checkpoint, writes all of them to `metrics.csv` and `timing.csv`, logs the last.

    The files are rewritten from the checkpoint's rows, so after a resume they hold exactly the epochs that count.
    Seconds are apart from the rest because they differ between two runs that are otherwise equal.
    """

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "history"

    def __init__(self, folder: Path, *, epochs: int, batch: int) -> None:
        self.folder, self.epochs, self.batch = folder, epochs, batch
        self.rows: list[dict[str, float]] = []
        self.times: list[dict[str, float]] = []
        self.began = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.began = True

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._start_s = time.perf_counter()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._train_s = time.perf_counter() - self._start_s

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        values: dict[str, float] = {name: value.item() for name, value in trainer.callback_metrics.items()}
        row = {"epoch": epoch, "lr": trainer.optimizers[0].param_groups[0]["lr"], **values}
        faces = self.batch * int(trainer.num_training_batches)
        self.rows.append({name: row[name] for name in HISTORY})
        seconds = round(time.perf_counter() - self._start_s, 3)
        speed = round(faces / self._train_s, 1)
        self.times.append(dict(zip(TIMING, (epoch, seconds, speed), strict=True)))
        if trainer.is_global_zero:
            self._write("metrics.csv", self.rows)
            self._write("timing.csv", self.times)
            log.info("%s", self._sentence())

    def _write(self, name: str, rows: list[dict[str, float]]) -> None:
        try:
            write_atomic(self.folder / name, _csv(rows))
        except StorageError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            # A table that somebody looks at is no reason to stop; the next epoch writes all rows again.
            log.warning("%s; the training goes on", error)

    def _sentence(self) -> str:
        row, time = self.rows[-1], self.times[-1]
        return (
            f"epoch {row['epoch']} of {self.epochs}: loss {row['train_loss']:.4f}, "
            f"validation loss {row['val_loss']:.4f}, accuracy {percentage(row['val_accuracy'])}, "
            f"learning rate {row['lr']:.2g}, {time['train_faces_per_s']:,.0f} faces/s, {time['seconds']:.0f} s"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "times": self.times}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.times = state_dict["rows"], state_dict["times"]


class ProgressCallback(Callback):
    """Reports how many faces have been learned from, after each optimizer step."""

    def __init__(self, progress: OnProgress | None, *, epochs: int, batch: int) -> None:
        self.progress, self.epochs, self.batch = progress, epochs, batch
        self.last: Progress | None = None

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self.progress or not trainer.is_global_zero:
            return
        steps = int(trainer.num_training_batches)
        self.last = Progress(
            task=f"epoch {trainer.current_epoch + 1}/{self.epochs}",
            done=(trainer.current_epoch * steps + batch_idx + 1) * self.batch,
            total=self.epochs * steps * self.batch,
            unit="faces",
        )
        self.progress(self.last)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # A training that stops early is complete all the same, and its bar is taken off the screen.
        if self.progress and self.last:
            self.progress(replace(self.last, total=self.last.done))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # It is unpickled in another process of the same training, where Lightning logs as by default.
        silence_lightning()


class ResumableEarlyStopping(EarlyStopping):
    """Lightning's early stopping; a resumed run keeps its count of bad epochs but may have another patience."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "early_stopping"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # The run was killed after its last epoch, but before its status said so.
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class ResumableCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint keeper, which also remembers the best score after its folder was renamed or moved."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return f"checkpoint_{self.filename}"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {key: here(value) for key, value in state_dict.items() if key.endswith("_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": best, "dirpath": self.dirpath})


class EmaCallback(WeightAveraging):
    """Lightning's exponential moving average of the weights, of all at once, on the device where they are."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "ema"

    def __init__(self, *, decay: float) -> None:
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged += 1  # the weights before the first step count: few steps change little


def silence_lightning() -> None:
    """Keep Lightning's hints off the screen."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")


def _csv(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
