"""`fit`: carry out a training config inside a run folder."""

import contextlib
import csv
import logging
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from mien.core.errors import DataError, Interrupted
from mien.core.faces import FaceSet
from mien.core.rundir import RunDir
from mien.core.talk import Talk
from mien.data.split import hold_out
from mien.models.classifier import Classifier, save_classifier
from mien.training.callbacks import History, Steps, Stopper
from mien.training.checkpoint_io import AtomicCheckpointIO
from mien.training.config import TrainConfig
from mien.training.devices import lightning_device, resolve_precision
from mien.training.memory import keep_freed_memory
from mien.training.module import TrainingModule


def fit(config: TrainConfig, run: RunDir, *, faces: FaceSet, talk: Talk) -> RunDir:
    """Train inside a run folder, from its last checkpoint if it has one; ends with the best epoch's weights saved.

    Args:
        config: the resolved config, already kept in `config.json`.
        run: the run folder.
        faces: the labelled faces; those of split `train` are learned from, a part of them held out.
        talk: who is told of steps and epochs.

    Raises:
        DataError: no training or no validation rows.
        Interrupted: the user stopped it; the last whole epoch is saved.
    """
    training, held_out = split_faces(config, faces)
    run.set_status("running")
    keep_freed_memory()
    classifier = _new_classifier(config, training)
    module = TrainingModule(classifier, config, faces=training, held_out=held_out)
    last, best = run.path / "checkpoints/last.ckpt", run.path / "checkpoints/best.ckpt"
    try:
        with torch.random.fork_rng(), _quiet_lightning():
            _trainer(config, run, talk).fit(module, ckpt_path=last if last.exists() else None, weights_only=True)
    except (KeyboardInterrupt, SystemExit):
        if best.exists():
            _keep_best(classifier, best, run)
        run.set_status("interrupted", reason="stopped by the user")
        raise Interrupted(f"{run.path}: interrupted; go on with: mien train --resume {run.path}") from None
    except BaseException as error:
        run.set_status("failed", reason=f"{type(error).__name__}: {error}")
        raise
    _keep_best(classifier, best, run)
    early = len(read_history(run)) < config.epochs
    run.set_status(
        "stopped-early" if early else "finished",
        reason=f"validation loss did not fall for {config.stopping.patience} epochs" if early else "",
    )
    return run


def _new_classifier(config: TrainConfig, training: FaceSet) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        classifier = Classifier(config.model, training.classes, normalisation=config.normalisation)
    classifier.normalise.fit(training.images)
    return classifier


def _keep_best(classifier: Classifier, checkpoint: Path, run: RunDir) -> None:
    """Save the best epoch's weights as the run's model."""
    prefix = "classifier."
    weights = torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"]
    classifier.load_state_dict(
        {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    )
    save_classifier(classifier, run.path)


def split_faces(config: TrainConfig, faces: FaceSet) -> tuple[FaceSet, FaceSet]:
    """Cut the config's hold-out off the training rows: (training, held out).

    Raises:
        DataError: no rows to hold out, or fewer than one batch to learn from.
    """
    held = config.holdout
    training, held_out = hold_out(
        faces, method=held.method, rows=held.rows, fold=held.fold, folds=held.folds, seed=config.seed
    )
    if len(training) < config.batch:
        raise DataError(
            f"{faces.source}: {len(training):,} rows to learn from are fewer than one batch of {config.batch}; "
            "hold out fewer rows or lower --batch"
        )
    return training, held_out


def read_history(run: RunDir) -> list[dict[str, float]]:
    """Read `metrics.csv`: one mapping an epoch."""
    with (run.path / "metrics.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@contextlib.contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's hints off the screen while it works; mien says what matters itself."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        logger.setLevel(level)


def _trainer(config: TrainConfig, run: RunDir, talk: Talk) -> L.Trainer:
    accelerator, devices = lightning_device(config.device, config.devices)
    keep = partial(
        ModelCheckpoint, run.path / "checkpoints", enable_version_counter=False, save_on_train_epoch_end=True
    )
    callbacks: list[L.Callback] = [
        History(run.path, talk, batch=config.batch),
        Steps(talk, epochs=config.epochs, batch=config.batch),
    ]
    if config.stopping.patience:
        callbacks.append(Stopper("val_loss", patience=config.stopping.patience, check_on_train_epoch_end=True))
    callbacks += [keep("best", monitor="val_loss", save_weights_only=True), keep("last")]
    precision = resolve_precision(config.precision, accelerator)
    return L.Trainer(
        accelerator=accelerator,
        devices=devices,
        strategy="ddp_spawn" if config.devices > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        max_epochs=config.epochs,
        callbacks=callbacks,
        default_root_dir=run.path,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
