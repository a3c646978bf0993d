"""`fit`: train as a config says, inside a run folder."""

import contextlib
import logging
import math
import signal
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import lightning as L
import torch
from torch.multiprocessing.spawn import ProcessException

from mien.core.errors import DataError, Diverged, Interrupted, MienError, StorageError
from mien.core.faces import FaceSet
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.core.torchrun import devices_here, processes
from mien.models.classifier import Classifier, save_classifier
from mien.training.batches import targets_of
from mien.training.calibration import calibrate_classifier
from mien.training.callbacks import (
    LOGGERS,
    EmaCallback,
    History,
    ProgressCallback,
    ResumableCheckpoint,
    ResumableEarlyStopping,
    silence_lightning,
)
from mien.training.checkpoint_io import AtomicCheckpointIO, read_checkpoint
from mien.training.config import TrainConfig
from mien.training.distillation import Teaching
from mien.training.initial import Pretrained
from mien.training.last_layer import fit_last_layer
from mien.training.memory import keep_freed_memory
from mien.training.module import TrainingModule
from mien.training.processes import Relay, errors_of_processes
from mien.training.run_data import RunData
from mien.training.same_run import SameRun, wait_for_all
from mien.training.threads import SlownessCallback, use_threads
from mien.training.torch_devices import lightning_device, resolve_precision, resolve_torch_device
from mien.training.tracker import TrackerCallback


def fit(
    run: RunDir,
    data: RunData,
    *,
    progress: OnProgress | None = None,
    teachers: Teaching | None = None,
    pretrained: Pretrained | None = None,
    resume: bool = False,
) -> None:
    """Train inside a run folder; ends with the weights saved: the best epoch's, or the last one's of a whole one-cycle.

    A one-cycle's rate falls to zero at its end: there the network is most often right, though its validation loss may
    have been lower when it was less sure.

    Args:
        run: the run folder.
        data: the faces to learn from, those to validate on, and the resolved config, already kept in `config.json`.
        progress: called after each optimizer step.
        teachers: whose probabilities are learned instead of the labels.
        pretrained: whose weights are the first ones; not needed to resume.
        resume: start from the run's last checkpoint, if it has one.

    Raises:
        DataError: the checkpoint is damaged.
        Interrupted: the user stopped it; the last whole epoch is saved.
        Diverged: the loss became infinite or no number; the last good epoch is saved, and the best one is the model.
        StorageError: the disk is full; the last whole epoch is saved.
    """
    config, held_out = data.config, data.held_out
    run.set_status("running")
    keep_freed_memory()
    last, best = run.path / "checkpoints/last.ckpt", run.path / "checkpoints/best.ckpt"
    classifier: Classifier | None = None
    with use_threads(config.threads):
        try:
            with torch.random.fork_rng(), _undisturbed():
                module = _module(data, teachers, pretrained)
                classifier = module.classifier
                checkpoint = None
                if resume and last.exists():
                    checkpoint = last
                _train(run, data, module, checkpoint=checkpoint, progress=progress)
            _keep(classifier, config, run, held_out=held_out)
        except (KeyboardInterrupt, SystemExit):
            if classifier is not None and best.exists():
                _keep(classifier, config, run, held_out=held_out)
            run.set_status("interrupted", reason="stopped by the user")
            raise Interrupted(f"{run.path}: interrupted; resume it with: mien train --resume {run.path}") from None
        except BaseException as error:
            with contextlib.suppress(StorageError):  # a full disk has no room to say so; the first error counts
                if isinstance(error, Diverged) and classifier is not None and best.exists():
                    _keep(classifier, config, run, held_out=held_out)
                run.set_status("failed", reason=f"{type(error).__name__}: {error}")
            raise
    if len(run.history) < config.epochs:
        run.set_status(
            "stopped-early", reason=f"the validation loss did not fall for {config.stopping.patience} epochs"
        )
    else:
        run.set_status("finished")
    if processes():
        wait_for_all()


def assist(
    data: RunData,
    *,
    teachers: Teaching | None = None,
    pretrained: Pretrained | None = None,
    checkpoint: Path | None = None,
) -> Path:
    """Compute a share of a training that another process of torchrun keeps, and return where; see `fit`.

    Raises:
        DataError: this process has other faces, or doesn't see the run's folder.
        Diverged: the loss became infinite or no number.
    """
    config = data.config
    keep_freed_memory()
    with use_threads(config.threads), torch.random.fork_rng(), _undisturbed():
        module = _module(data, teachers, pretrained)
        trainer = _trainer(config, Path(), None)
        same = SameRun(None, faces=data.row_fingerprint)
        trainer.callbacks.append(same)  # type: ignore[attr-defined]
        _call_trainer(trainer, module, checkpoint)
    wait_for_all()
    return same.path or Path()


def _module(data: RunData, teachers: Teaching | None, pretrained: Pretrained | None) -> TrainingModule:
    """Make the network, with the weights that the seed or a trained network gives, and what trains it."""
    config = data.config
    torch.manual_seed(config.seed)
    classifier = Classifier(config.model, data.faces.classes, normalisation=config.normalisation)
    classifier.normalise.fit(data.learned.images)
    module = TrainingModule(classifier, config, faces=data.learned, held_out=data.held_out, teachers=teachers)
    if pretrained:
        pretrained.give_weights(classifier)
        if pretrained.new_classes(classifier.classes):
            targets = targets_of(data.learned, labels=config.labels)
            fit_last_layer(classifier, data.learned, targets=targets, weights=module.class_weights)
    return module


def _train(
    run: RunDir, data: RunData, module: TrainingModule, *, checkpoint: Path | None, progress: OnProgress | None
) -> None:
    trainer = partial(_trainer, data.config, run.path)
    if processes():
        several = trainer(progress)
        several.callbacks.append(SameRun(run.path, faces=data.row_fingerprint))  # type: ignore[attr-defined]
        _call_trainer(several, module, checkpoint)
    elif data.config.devices == 1:
        _call_trainer(trainer(progress), module, checkpoint)
    else:
        with Relay(progress) as relay, errors_of_processes():
            _call_trainer(trainer(relay), module, checkpoint)


def _call_trainer(trainer: L.Trainer, module: TrainingModule, checkpoint: Path | None) -> None:
    """Train, from a checkpoint if there is one; what fails before training begins is the checkpoint's fault."""
    try:
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    except (MienError, ProcessException, torch.OutOfMemoryError):
        # Whether a process that is gone had begun to train isn't known, so the checkpoint is not blamed.
        raise
    except Exception as error:
        history = trainer.callbacks[0]  # type: ignore[attr-defined]
        if checkpoint is None or history.began:
            raise
        raise DataError(
            f"{checkpoint}: damaged checkpoint ({type(error).__name__}: {error}); start a new run"
        ) from error


def _keep(classifier: Classifier, config: TrainConfig, run: RunDir, *, held_out: FaceSet) -> None:
    """Save the chosen epoch's weights, calibrated on the faces that were held out, as the run's model."""
    checkpoint = run.path / "checkpoints/best.ckpt"
    if config.schedule == "one-cycle" and len(run.history) == config.epochs:
        checkpoint = run.path / "checkpoints/last.ckpt"
    content = read_checkpoint(checkpoint, "state_dict", "epoch")
    prefix = "classifier."  # where the module keeps the network; the rest only trains it
    try:
        states = content["state_dict"].items()
        weights = {key.removeprefix(prefix): value for key, value in states if key.startswith(prefix)}
        epoch = content["epoch"] + 1
        classifier.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise DataError(f"{checkpoint}: another network's weights ({str(error).splitlines()[0]})") from None
    classifier.to(resolve_torch_device(config.device))
    calibrate_classifier(classifier, held_out)
    save_classifier(classifier, run.path, epoch=epoch)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Lightning's hints off the screen, and give back what it does to logging, warnings and Ctrl+C."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            silence_lightning()
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if threading.current_thread() is threading.main_thread() and on_ctrl_c is not None:  # None: not Python's own
            signal.signal(signal.SIGINT, on_ctrl_c)


def _trainer(config: TrainConfig, folder: Path, progress: OnProgress | None) -> L.Trainer:
    started = processes()
    accelerator, devices = lightning_device(config.device, devices_here(config.devices))
    keep = partial(
        ResumableCheckpoint, folder / "checkpoints", enable_version_counter=False, save_on_train_epoch_end=True
    )
    # Without patience it counts the bad epochs all the same: the resumed run may have a patience.
    patience = config.stopping.patience or math.inf
    history = History(folder, epochs=config.epochs, batch=config.batch)
    callbacks: list[L.Callback] = [
        history,
        ProgressCallback(progress, epochs=config.epochs, batch=config.batch),
        ResumableEarlyStopping("val_loss", patience=patience, check_on_train_epoch_end=True),  # type: ignore[arg-type]
    ]
    # Lightning writes the averaged weights into whole checkpoints only.
    callbacks += [keep("best", monitor="val_loss", save_weights_only=not config.ema), keep("last")]
    if config.ema:
        callbacks.append(EmaCallback(decay=config.ema))
    if accelerator == "cpu" and config.devices == 1 and config.threads != 1:  # one thread has nothing to gain
        callbacks.append(SlownessCallback())
    if config.logger != "none":
        callbacks.append(TrackerCallback(config, folder, history))
    strategy, bits = "auto", "32-true"
    if started:
        strategy = "ddp"
    elif config.devices > 1:
        strategy = "ddp_spawn"
    if resolve_precision(config.precision, resolve_torch_device(config.device)) == "bf16":
        bits = "bf16-mixed"
    return L.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=started.machines if started else 1,
        strategy=strategy,
        precision=bits,  # type: ignore[arg-type]
        max_epochs=config.epochs,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
