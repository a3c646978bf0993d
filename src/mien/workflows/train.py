"""`train` and `resume`: the two ways to start training."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from mien.core.errors import ConfigError, DataError, UsageError
from mien.core.files import write_json
from mien.core.images import SIZE
from mien.core.progress import OnProgress
from mien.core.runs import RESULTS, RunDir, refuse_replacing
from mien.core.schema import SCHEMA_VERSION
from mien.data.audit import describe
from mien.data.formats import absolute_source
from mien.models.registry import check_side, info
from mien.training.checkpoint_io import check_checkpoint
from mien.training.config import TrainConfig, read_recipe, read_run_config, resolve
from mien.training.devices import describe_device, lightning_device, resolve_device, resolve_precision
from mien.training.distillation import open_teachers, teachers_sha256
from mien.training.fit import fit
from mien.training.provenance import data_card, environment
from mien.training.run_data import RunData, TrainingRun

log = logging.getLogger(__name__)

CHANGEABLE = ("epochs", "device", "stopping")
"""What a resumed run may have different from the run that it goes on with."""


def train(
    data: str | None = None,
    *,
    recipe: str,
    settings: Sequence[str] = (),
    name: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    verb: str = "train",
    command: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
    progress: OnProgress | None = None,
    **flags: Any,
) -> TrainingRun:
    """Train a classifier on labelled faces; weights, history and checkpoints stay in the run folder.

    Args:
        data: a file or folder that `open_faces` reads, or `synthetic`; None takes what the recipe names.
        recipe: the name of a shipped recipe, a TOML file, or a run's `config.json` to repeat that run.
        settings: `"optimizer.lr=1e-3"` and the like, over the recipe.
        name: the run's name below `runs/<verb>`; by default model and time.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the run that is in `out`.
        verb: the folder below `runs`.
        command: the command line, to be kept with the config.
        more: what else `config.json` keeps.
        progress: called after each optimizer step with how far the training is.
        flags: config keys over recipe and settings (`epochs=8`).

    Returns:
        The run folder; `status.json` says whether it finished or stopped early.

    Raises:
        ConfigError: an unknown key or a value that does not fit.
        DataError: the data are missing or malformed, no row is left to train or to validate on, or there is no such
            teacher.
        Interrupted: the user stopped it; the last whole epoch is saved.
        Diverged: the loss became infinite or no number; the last good epoch is saved.
        UsageError: a teacher has other classes, or has learned from the faces that are held out; or another process is
            at work in `out`.
    """
    config = resolve_config(data, recipe=recipe, settings=settings, **flags)
    folder: dict[str, Any] = {"verb": verb, "name": name, "out": out, "overwrite": overwrite, "command": command}
    return start(RunData.open(config), progress=progress, **folder, **(more or {}))


def start(data: RunData, *, progress: OnProgress | None = None, **options: Any) -> TrainingRun:
    """Train on faces that are open already; `options` are those of `create_run`, errors those of `train`."""
    teachers = open_teachers(data.config, faces=data.faces)
    with create_run(data, **options) as run:
        _log_start(run, data.config)
        fit(run, data, teachers=teachers, progress=progress)
        return run


@contextlib.contextmanager
def create_run(
    data: RunData,
    *,
    verb: str,
    name: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    command: Sequence[str] = (),
    **more: Any,
) -> Iterator[TrainingRun]:
    """Make a run folder that says what it will be made of: `config.json` (with `more`), `data.json`, `model_info.json`.

    Yields:
        The folder, locked while the block runs.

    Raises:
        UsageError: `out` has a teacher in it, or another process is at work there.
    """
    config, faces = data.config, data.faces
    refuse_replacing(out, [RunDir(Path(teacher)) for teacher in config.teachers])
    stored = {
        "schema_version": SCHEMA_VERSION,
        "command": list(command),
        "config": config.model_dump(),
        "data": data_card(faces, training=data.learned, held_out=data.held_out),
        "teachers_sha256": teachers_sha256(config),
        **more,
        **environment(),
    }
    described, model = describe(faces).to_dict(), asdict(info(config.model, classes=len(faces.classes)))
    default = f"{config.model}-{datetime.now():%Y%m%d-%H%M%S}"
    run = RunDir.create(verb, name=name or default, out=out, overwrite=overwrite)
    with run.locked():
        run.set_status("running")
        write_json(run.path / "data.json", described)
        write_json(run.path / "model_info.json", model)
        write_json(run.path / "config.json", stored)  # last: without it the folder is no run
        run.make_latest()
        yield TrainingRun.opened_with(run, data)


def resume(where: str | Path | RunDir, *, progress: OnProgress | None = None, **flags: Any) -> TrainingRun:
    """Go on with an unfinished or extended run, from its last whole epoch.

    On the CPU of one machine the result equals that of an undisturbed run, byte for byte.  Scores and the report of the
    model so far are removed: they would be those of another model.

    Args:
        where: the run folder, its name, or `latest`.
        progress: called after each optimizer step with how far the training is.
        flags: `epochs` (upwards), `device` and `stopping.patience` may change; any other config key must equal the
            run's own.

    Raises:
        ConfigError: a key differs that may not, or `epochs` got smaller.
        DataError: there is no such run, it is no training, its checkpoint is damaged, or its faces or teachers have
            changed.
        UsageError: the run is complete (the message shows the line that extends it), or another process is at it.
    """
    run = TrainingRun.open(where)
    run.check_trained()
    with run.locked():
        return _resume(run, progress=progress, **flags)


def _resume(run: TrainingRun, *, progress: OnProgress | None, **flags: Any) -> TrainingRun:
    before = run.config
    config = _absolute_paths(resolve(before.model_dump(), flags=flags))
    lightning_device(config.device, config.devices)
    _check_same(before, config)
    _check_open(run, before, config)
    check_checkpoint(run.path / "checkpoints/last.ckpt")
    data = run.data.with_config(config)
    teachers = open_teachers(config, faces=data.faces)
    hashes = check_teachers(run, config)
    run.set_status("running")  # first: a kill must not leave a run that says it is finished and has more to do
    run.remove(RESULTS)
    changed = {"config": config.model_dump(), "teachers_sha256": hashes}
    write_json(run.path / "config.json", run.read_json("config.json") | changed)
    _log_start(run, config)
    fit(run, data, teachers=teachers, progress=progress, resume=True)
    return TrainingRun.opened_with(run, data)


def resolve_config(data: str | None, *, recipe: str, settings: Sequence[str] = (), **flags: Any) -> TrainConfig:
    """Put recipe, settings and flags together and check model and device; see `train`.

    Raises:
        ConfigError: an unknown key or a value that does not fit.
        UsageError: no data, no such model, or no such device.
    """
    values = read_run_config(Path(recipe)) if recipe.endswith(".json") else read_recipe(recipe)
    given = {key: _as_text(value) for key, value in {"data": data, **flags}.items()}
    config = _absolute_paths(resolve(values, settings=settings, flags=given))
    check_runs(config)
    return config


def check_runs(config: TrainConfig) -> None:
    """Raise `UsageError` if there is no such network, if it can't see such faces, or if there is no such device."""
    check_side(config.model, config.start_px)
    lightning_device(config.device, config.devices)


def _as_text(value: Any) -> Any:
    """Write paths as text, which is what a config holds."""
    if isinstance(value, (list, tuple)):
        return [_as_text(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _absolute_paths(config: TrainConfig) -> TrainConfig:
    """Make a config's paths absolute, which are relative to where one stands, so that it holds from everywhere."""
    paths: dict[str, Any] = {"teachers": tuple(str(RunDir.open(teacher).path) for teacher in config.teachers)}
    paths["data"] = absolute_source(config.data)
    if config.votes:
        paths["votes"] = str(Path(config.votes).absolute())
    return config.model_copy(update=paths)


def check_teachers(run: RunDir, config: TrainConfig) -> list[str]:
    """Return `teachers_sha256`; raise `DataError` if a teacher has become another network since the run began."""
    hashes = teachers_sha256(config)
    if run.read_json("config.json").get("teachers_sha256", hashes) != hashes:  # runs of an older mien have none
        raise DataError(f"{run.path}: a teacher is another network by now; start a new run")
    return hashes


def _log_start(run: RunDir, config: TrainConfig) -> None:
    device = resolve_device(config.device)
    log.info("run: %s", run.path)
    log.info("device: %s, %s", describe_device(device), resolve_precision(config.precision, device))


def _check_same(before: TrainConfig, after: TrainConfig) -> None:
    for key in TrainConfig.model_fields:
        old, new = getattr(before, key), getattr(after, key)
        if key not in CHANGEABLE and old != new:
            raise ConfigError(f"--resume: {key} was {old} and can't become {new}; start a new run for that")
    plans = _plans_ahead(before)
    if plans and after.epochs != before.epochs:
        raise ConfigError(
            f"--resume: epochs was {before.epochs} and can't become {after.epochs}: {plans} of all epochs from the "
            "start; start a new run for that"
        )
    if after.epochs < before.epochs:
        raise ConfigError(f"--resume: epochs was {before.epochs} and can only grow, not become {after.epochs}")


def _plans_ahead(config: TrainConfig) -> str:
    """Say what has planned all epochs from the start, so that there can't be more; empty where nothing has."""
    plans = "one-cycle plans the learning rate" if config.schedule == "one-cycle" else ""
    return plans or ("start_px plans the size of the faces" if config.start_px < SIZE else "")


def _check_open(run: RunDir, before: TrainConfig, after: TrainConfig) -> None:
    plans = _plans_ahead(before)
    if run.state == "finished" and plans:
        raise UsageError(
            f"{run.path}: finished its {before.epochs} epochs, and {plans} of all epochs from the start; start a new "
            "run for more"
        )
    if run.state == "finished" and after.epochs <= before.epochs:
        raise UsageError(
            f"{run.path}: finished its {before.epochs} epochs; to go on: "
            f"mien train --resume {run.path} --epochs {before.epochs * 2}"
        )
    more = "" if after.epochs == before.epochs else f"--epochs {after.epochs} "
    waited = epochs_without_gain(run.history)
    if run.state in ("finished", "stopped-early") and 0 < after.stopping.patience <= waited:
        raise UsageError(
            f"{run.path}: no lower validation loss for {waited} epochs, patience {after.stopping.patience}; to go on: "
            f"mien train --resume {run.path} {more}--patience {waited * 2}"
        )


def epochs_without_gain(history: Sequence[Mapping[str, float]]) -> int:
    """Count the epochs since the first with the lowest validation loss, as early stopping does.

    >>> epochs_without_gain([{"val_loss": 2.0}, {"val_loss": 1.5}, {"val_loss": 1.5}, {"val_loss": 1.6}])
    2
    """
    losses = [row["val_loss"] for row in history]
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0
