"""`train` and `resume`: the two ways to start training."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from mien.core import command_line
from mien.core.errors import ConfigError, DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import refuse_address, write_json
from mien.core.images import SIZE
from mien.core.progress import OnProgress
from mien.core.run_record import InitialWeights
from mien.core.runs import FACES, RESULTS, RunDir, refuse_replacing
from mien.core.schema import SCHEMA_VERSION
from mien.core.torchrun import devices_here, devices_of, is_assistant
from mien.data.audit import summarise
from mien.data.formats import absolute_source
from mien.data.split import require_learnable
from mien.models.registry import check_side, info
from mien.training.checkpoint_io import check_checkpoint
from mien.training.config import Holdout, TrainConfig, merge, read_recipe, read_run_config, recipes, resolve
from mien.training.distillation import open_teachers, teachers_sha256
from mien.training.fit import assist, fit
from mien.training.initial import check_pretrained, describe_initial, open_pretrained, with_pretrained
from mien.training.provenance import data_card, environment
from mien.training.run_data import RunData
from mien.training.threads import resolve_threads
from mien.training.torch_devices import describe_device, lightning_device, resolve_precision, resolve_torch_device
from mien.training.tracker import require_tracker
from mien.workflows.run import Run

log = logging.getLogger(__name__)

FINE_TUNE = "fine-tune"
"""The recipe of trainings that begin with a trained network, where they name none."""

HOLDOUT_KEYS = {
    "rows": ("stratified", "last"),
    "seed": ("stratified", "kfold"),
    "fold": ("kfold",),
    "folds": ("kfold",),
}
"""By which methods of holding out a key is read."""

CHANGEABLE = ("epochs", "device", "stopping", "threads", "precision", "logger")
"""What a resumed run may have different from before."""


def train(
    data: str | Path | FaceSet | None = None,
    *,
    recipe: str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Run:
    """Train a classifier on labelled faces; weights, history and checkpoints stay in the run folder.

    Args:
        data: a file or folder that `open_faces` reads, `synthetic`, or faces, which are stored in the run; None takes
            what the recipe names.
        recipe: the name of a shipped recipe, a TOML file, or a run's `config.json` to repeat that run; None is
            `fine-tune`, where `init` names a trained network.
        name: the run's name below `runs/train`; by default model and time.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the run that is in `out`.
        progress: called after each optimizer step with how far the training is.
        settings: keys of the recipe to change; of a table only those that are given: `epochs=8,
            optimizer={"lr": 1e-3}`.  With `init="mien-s"` the first weights are those of a trained network.

    Returns:
        The run; its `state` says whether it finished or stopped early.

    Raises:
        ConfigError: an unknown key or a value that does not fit, or another network than that of `init`.
        DataError: the data are missing or malformed, no row is left to train or to validate on, or there is no such
            teacher or `init`.
        Interrupted: the user stopped it; the last whole epoch is saved.
        Diverged: the loss became infinite or no number; the last good epoch is saved.
        UsageError: a teacher has other classes, or has learned from the faces that are held out; or another process is
            at work in `out`.
    """
    opened = open_data(data, recipe=recipe, settings=settings)
    return start(opened, verb="train", name=name, out=out, overwrite=overwrite, progress=progress)


def open_data(data: str | Path | FaceSet | None, *, recipe: str | Path | None, settings: Mapping[str, Any]) -> RunData:
    """Resolve a config, and open the faces that it names; errors as in `train`."""
    faces, source = (data, FACES) if isinstance(data, FaceSet) else (None, data)
    config = resolve_config(source, recipe=recipe, settings=settings)
    _check_holdout(config, settings.get("holdout", {}))
    if faces is not None and config.detect:
        raise UsageError("detect belongs to pictures, and these faces are cut out already; leave it out")
    opened = RunData.open(config, given=faces)
    require_learnable(opened.faces)
    return opened


def start(
    data: RunData,
    *,
    verb: str,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: OnProgress | None = None,
    **more: Any,
) -> Run:
    """Train on faces that are open already; arguments as in `create_run`, errors as in `train`."""
    teachers, pretrained = open_teachers(data), open_pretrained(data.config)
    if is_assistant():
        return Run.open(assist(data, teachers=teachers, pretrained=pretrained))
    if pretrained:
        initial = describe_initial(pretrained, data)
        _log_initial(initial)
        more["init"] = initial.to_dict()
    with create_run(data, verb=verb, name=name, out=out, overwrite=overwrite, **more) as run:
        _log_device(data.config)
        if data.left_out:
            log.info("not learned from: %s faces that %s names", f"{data.left_out:,}", data.config.exclude)
        for warning in data.doubts():
            log.warning("%s", warning)
        fit(run, run.data, teachers=teachers, pretrained=pretrained, progress=progress)
        return run


@contextlib.contextmanager
def create_run(
    data: RunData,
    *,
    verb: str,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **more: Any,
) -> Iterator[Run]:
    """Make a run folder that says what it will be made of.

    Args:
        data: the faces and the config.
        verb: the folder below `runs`.
        name: the run's name there; by default model and time.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the run that is in `out`.
        more: what else `config.json` keeps.

    Yields:
        The run, locked while the block runs.

    Raises:
        UsageError: `out` has a teacher or the pretrained network in it, or another process is at work there.
    """
    needed = [RunDir(Path(teacher)) for teacher in data.config.teachers]
    if data.config.init and Path(data.config.init).is_absolute():  # else one that ships
        needed.append(RunDir(Path(data.config.init)))
    refuse_replacing(out, needed)
    described = summarise([data.faces]).to_dict()
    model = asdict(info(data.config.model, classes=len(data.faces.classes)))
    default = f"{data.config.model}-{datetime.now():%Y%m%d-%H%M%S}"
    run = Run.create(verb, name=name or default, out=out, overwrite=overwrite)
    log.info("run: %s", run.path)
    with run.replacing():
        run.set_status("running")
        data = data.stored_in(run)
        write_json(run.path / "data.json", described)
        write_json(run.path / "model_info.json", model)
        # Last: without it the folder is no run.
        write_json(run.path / "config.json", _stored_config(data, more))
        yield Run.opened_with(run, data)


def _stored_config(data: RunData, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": list(command_line.typed),
        "config": data.config.model_dump(),
        "data": data_card(data.faces, training=data.learned, held_out=data.held_out, left_out=data.left_out),
        "teachers_sha256": teachers_sha256(data.config),
        **more,
        **environment(),
    }


def resume(run: str | Path | RunDir, *, progress: OnProgress | None = None, **settings: Any) -> Run:
    """Resume an unfinished run, or extend a finished one, from its last whole epoch.

    On the CPU of one machine the result equals that of an undisturbed run, byte for byte.  Scores and the report of the
    model so far are removed: they would be those of another model.

    Args:
        run: the run, its folder, its name, or `latest` for the newest unfinished training.
        progress: called after each optimizer step with how far the training is.
        settings: `epochs` (upwards), `device`, `threads`, `precision`, `logger` and `stopping` (`{"patience": 9}`) may
            change; any other config key must equal the run's own.  Other threads or another precision give other bytes.

    Raises:
        ConfigError: a key differs that may not, or `epochs` got smaller.
        DataError: there is no such run, it is no training, its checkpoint is damaged, or its faces or teachers have
            changed.
        UsageError: the run is complete (the message shows the line that extends it), or another process is at it.
    """
    run = Run.open(run, verbs=("train",), unfinished=True)
    run.check_trained()
    if is_assistant():
        return _assist(run, settings)
    with run.locked():
        return _resume(run, settings, progress=progress)


def _resume(run: Run, settings: Mapping[str, Any], *, progress: OnProgress | None) -> Run:
    config = _absolute_paths(_resolve_machine(resolve(run.config.model_dump(), settings)))
    lightning_device(config.device, devices_here(config.devices))
    _check_same(run.config, config)
    _check_open(run, run.config, config)
    check_checkpoint(run.path / "checkpoints/last.ckpt")
    data = run.data.with_config(config)
    teachers = open_teachers(data)
    hashes = check_teachers(run, config)
    run.set_status("running")  # first: a kill must not leave a run that says it is finished and has more to do
    run.remove(RESULTS)
    changed = {"config": config.model_dump(), "teachers_sha256": hashes}
    write_json(run.path / "config.json", run.read_json("config.json") | changed)
    _log_device(config)
    fit(run, data, teachers=teachers, progress=progress, resume=True)
    return Run.opened_with(run, data)


def _assist(run: Run, settings: Mapping[str, Any]) -> Run:
    """Compute a share of a training that process 0 of torchrun resumes."""
    config = _absolute_paths(_resolve_machine(resolve(run.config.model_dump(), settings)))
    data = run.data.with_config(config)
    teachers = open_teachers(data)
    return Run.open(assist(data, teachers=teachers, checkpoint=run.path / "checkpoints/last.ckpt"))


def change_threads(run: Run, threads: int) -> Run:
    """Let the rest of a study or an ablation compute with so many threads; return it with its new config.

    Raises:
        ConfigError: no such number of threads.
    """
    config = resolve(run.config.model_dump(), {"threads": threads})
    write_json(run.path / "config.json", run.read_json("config.json") | {"config": config.model_dump()})
    return Run.opened_with(run, run.data)


def resolve_config(data: str | Path | None, *, recipe: str | Path | None, settings: Mapping[str, Any]) -> TrainConfig:
    """Put recipe and settings together, and check model and device; see `train`.

    Raises:
        ConfigError: an unknown key or a value that does not fit.
        DataError: no such `init`.
        UsageError: no data, no recipe, no such model, or no such device.
    """
    if recipe is None and settings.get("init") is None:
        raise UsageError("no recipe: name one, such as mien-n, or a trained network to begin with, such as init mien-s")
    recipe = str(recipe or FINE_TUNE)
    values = read_run_config(Path(recipe)) if recipe.endswith(".json") else read_recipe(recipe)
    if data is not None:
        settings = merge(settings, {"data": data})
    given = {key: _paths_as_text(value) for key, value in settings.items()}
    merged = with_pretrained(merge(values, given))
    if "model" not in merged and merged.get("recipe") in recipes():
        raise UsageError(f"the recipe {merged['recipe']} needs a trained network to begin with, such as init mien-s")
    config = _absolute_paths(resolve(merged, {}))
    config = config.model_copy(update={"devices": devices_of(config.devices)})
    check_runs(config)
    return _resolve_machine(config)


def _check_holdout(config: TrainConfig, given: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a key that is given, and that the method of holding out doesn't read."""
    method = config.holdout.method
    for key in given:
        changed = getattr(config.holdout, key) != getattr(Holdout(), key)
        if key in HOLDOUT_KEYS and changed and method not in HOLDOUT_KEYS[key]:
            raise ConfigError(
                f"holdout.{key} has no meaning with holdout.method={method}, only with {' or '.join(HOLDOUT_KEYS[key])}"
            )


def check_runs(config: TrainConfig) -> None:
    """Raise `UsageError` for no such network or device, for faces that it can't see, and for another than `init`'s."""
    check_side(config.model, config.start_px)
    check_pretrained(config)
    require_tracker(config.logger)
    lightning_device(config.device, devices_here(config.devices))


def _paths_as_text(value: Any) -> Any:
    """Write paths as text, which is what a config holds."""
    if isinstance(value, (list, tuple)):
        return [_paths_as_text(item) for item in value]
    if isinstance(value, RunDir):
        return str(value.path)
    if isinstance(value, Path):
        return str(value)
    return value


def _absolute_paths(config: TrainConfig) -> TrainConfig:
    """Make a config's paths absolute, which are relative to where one stands, so that it holds from everywhere."""
    teachers = []
    for teacher in config.teachers:
        path = Path(teacher)
        if not path.is_file():  # a run, perhaps by its short name
            path = RunDir.open(teacher).path
        teachers.append(str(path.absolute()))
    changes: dict[str, Any] = {"teachers": tuple(teachers), "data": absolute_source(config.data)}
    for key in ("votes", "exclude"):
        file = getattr(config, key)
        if file:
            refuse_address(file)
            changes[key] = str(Path(file).absolute())
    return config.model_copy(update=changes)


def _resolve_machine(config: TrainConfig) -> TrainConfig:
    """Replace the precision `auto` and the number of threads None by what they come to on this machine.

    A resumed run finds them in its config and keeps them, also on another machine.
    """
    precision = resolve_precision(config.precision, resolve_torch_device(config.device))
    return config.model_copy(update={"precision": precision, "threads": resolve_threads(config.threads)})


def check_teachers(run: RunDir, config: TrainConfig) -> list[str]:
    """Return `teachers_sha256`; raise `DataError` if a teacher has become another network since the run began."""
    hashes = teachers_sha256(config)
    if run.read_json("config.json").get("teachers_sha256") != hashes:
        raise DataError(f"{run.path}: a teacher has changed since; start a new run")
    return hashes


def _log_initial(initial: InitialWeights) -> None:
    new = f"; new rows in the last layer: {', '.join(initial.new_classes)}" if initial.new_classes else ""
    log.info("starting from %s: its weights are taken over%s", initial.name, new)
    if initial.judged_seen:
        log.warning("%s", initial.limit())
    elif initial.limit():  # not known, and most faces are the user's own
        log.info("%s", initial.limit())


def _log_device(config: TrainConfig) -> None:
    device = resolve_torch_device(config.device)
    log.info("device: %s, %s, threads: %s", describe_device(device), config.precision, config.threads)


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
            f"{run.path}: finished its {before.epochs} epochs; to extend: "
            f"mien train --resume {run.path} --epochs {before.epochs * 2}"
        )
    more = "" if after.epochs == before.epochs else f"--epochs {after.epochs} "
    waited = epochs_without_gain([row.val_loss for row in run.history])
    if run.state in ("finished", "stopped-early") and 0 < after.stopping.patience <= waited:
        raise UsageError(
            f"{run.path}: no lower validation loss for {waited} epochs, patience {after.stopping.patience}; to extend: "
            f"mien train --resume {run.path} {more}--patience {waited * 2}"
        )


def epochs_without_gain(losses: Sequence[float]) -> int:
    """Count the epochs since the first with the lowest validation loss, as early stopping does.

    >>> epochs_without_gain([2.0, 1.5, 1.5, 1.6])
    2
    """
    if not losses:
        return 0
    return len(losses) - 1 - losses.index(min(losses))
