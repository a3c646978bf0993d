"""What happens at the end of an epoch besides learning: the history is written, a person is told."""

import csv
import io
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint

from mien.core.files import write_atomic
from mien.core.runs import HISTORY, TIMING
from mien.core.talk import Talk

LOGGERS = ("lightning.pytorch", "lightning.fabric")
"""Through which Lightning gives its hints."""


class History(Callback):
    """Keeps one row an epoch inside the checkpoint and writes all of them to `metrics.csv` and `timing.csv`.

    The files are rewritten from the checkpoint's rows, so after a resume they hold exactly the epochs that count.
    Seconds are apart from the rest because they differ between two runs that are otherwise equal.
    """

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "history"

    def __init__(self, folder: Path, talk: Talk, *, batch: int) -> None:
        self.folder, self.talk, self.batch = folder, talk, batch
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
        seconds, speed = round(time.perf_counter() - self._start_s, 3), round(faces / self._train_s, 1)
        self.times.append(dict(zip(TIMING, (epoch, seconds, speed), strict=True)))
        if trainer.is_global_zero:
            write_atomic(self.folder / "metrics.csv", _csv(self.rows))
            write_atomic(self.folder / "timing.csv", _csv(self.times))
            self.talk.epoch({**self.rows[-1], **self.times[-1]})

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "times": self.times}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.times = state_dict["rows"], state_dict["times"]


class ProgressCallback(Callback):
    """Tells `talk` of each optimizer step, and takes it off the screen at the end."""

    def __init__(self, talk: Talk, *, epochs: int, batch: int) -> None:
        self.talk, self.epochs, self.batch = talk, epochs, batch

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_global_zero:
            self.talk.step(
                epoch=trainer.current_epoch + 1,
                epochs=self.epochs,
                step=batch_idx + 1,
                steps=int(trainer.num_training_batches),
                batch=self.batch,
            )

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.talk.close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.talk.close()  # Lightning tears nothing down then

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        silence_lightning()  # unpickled in a process of its own, where Lightning talks as by default


class ResumableEarlyStopping(EarlyStopping):
    """Lightning's early stopping; a resumed run keeps its count of bad epochs but may have another patience."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "early_stopping"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.wait_count >= self.patience:  # killed after its last epoch and before it could say so
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


class EmaCallback(EMAWeightAveraging):
    """Lightning's moving average of the weights, on the device where they are."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint; fixed, so that renaming the class loses nothing."""
        return "ema"

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)


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
