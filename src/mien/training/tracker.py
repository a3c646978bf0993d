"""`TrackerCallback`: tells an experiment tracker what `metrics.csv` tells, through Lightning's loggers."""

import logging
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from mien.core.errors import MissingExtraError
from mien.training.callbacks import History
from mien.training.config import TrackerName, TrainConfig

log = logging.getLogger(__name__)

PROJECT = "mien"
"""What the runs of mien are called together, in trackers that ask for it."""


def require_tracker(name: TrackerName) -> None:
    """Raise `MissingExtraError` if the package of a tracker is not installed."""
    if name != "none" and find_spec(name) is None:
        raise MissingExtraError(f"--logger {name} needs the package {name}: pip install {name}")


class TrackerCallback(Callback):
    """Hands on the settings, and each epoch's row, to a tracker; one that fails is given up, and training goes on.

    Args:
        config: of the training; its `logger` names the tracker.
        folder: the run's folder, in which the tracker's files lie.
        history: has the rows; stands before this in the list of callbacks.
    """

    def __init__(self, config: TrainConfig, folder: Path, history: History) -> None:
        self.config, self.folder, self.history = config, folder, history
        self.logger: Logger | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return

        def begin() -> None:
            self.logger = _open(self.config.logger, self.folder)
            self.logger.log_hyperparams(self.config.model_dump())

        self._try(begin)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.logger:
            logger, row = self.logger, dict(self.history.rows[-1])
            epoch = int(row.pop("epoch"))
            self._try(lambda: logger.log_metrics(row, step=epoch))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.logger:
            logger = self.logger
            self._try(lambda: logger.finalize("success"))

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if self.logger:
            logger = self.logger
            self._try(lambda: logger.finalize("failed"))

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:  # whatever a tracker, its server or its disk may raise
            log.warning(
                "--logger %s failed (%s: %s) and is given up; the training goes on, and metrics.csv has all epochs",
                self.config.logger,
                type(error).__name__,
                error,
            )
            self.logger = None


def _open(name: str, folder: Path) -> Logger:
    """Make a tracker whose files lie in the run's folder, unless the user's own settings send them to a server."""
    if name == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(folder, name="tensorboard", version="")
    if name == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        offline = os.environ.get("WANDB_MODE", "offline") != "online"
        return WandbLogger(project=PROJECT, name=folder.name, save_dir=folder, offline=offline)
    from lightning.pytorch.loggers import MLFlowLogger

    where = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"
    return MLFlowLogger(experiment_name=PROJECT, run_name=folder.name, tracking_uri=where)
