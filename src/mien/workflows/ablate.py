"""`ablate` and `resume_ablation`: train all combinations of some factors with several seeds, and compare them."""

import csv
import io
import itertools
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.core.ablation import Ablation, AblationRun
from mien.core.errors import ConfigError, DataError, Interrupted, StorageError
from mien.core.faces import FaceSet
from mien.core.files import write_atomic
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.core.text import spreadsheet_cell
from mien.evaluation.ablation import arm_scores, effects
from mien.training.config import MAX_SEED, merge, resolve
from mien.training.distillation import open_teachers
from mien.training.factors import Arm, arms, read_factors
from mien.training.run_data import RunData
from mien.training.threads import use_threads
from mien.workflows.evaluate import evaluate
from mien.workflows.run import Run
from mien.workflows.train import (
    change_threads,
    check_runs,
    check_teachers,
    create_run,
    open_data,
    resolve_config,
    resume,
    start,
)

log = logging.getLogger(__name__)

COLUMNS = ("seed", "run", "split", "faces", "accuracy", "macro_f1", "log_loss", "ece")
"""What `ablation.csv` has of each run, after its levels."""


def ablate(
    data: str | Path | FaceSet,
    *,
    recipe: str | Path,
    factors: Sequence[str] = (),
    factor: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: OnProgress | None = None,
    run_data: RunData | None = None,
    **settings: Any,
) -> Ablation:
    """Train every combination of the factors' levels with every seed, score each run, and compare the levels.

    Each run is a run folder of its own, `arms/<arm>/seed-<seed>/`; `ablation.json` and `ablation.csv` are written anew
    after each.  A run that fails is named and left out, and the others are trained.  Scores are those of the split
    `test`, or of the held-out rows where the data have no labelled test rows.

    Args:
        data: a file or folder that `open_faces` reads, `synthetic`, or faces.
        recipe: the name of a shipped recipe or a TOML file: what all runs have in common.
        factors: `normalisation` (none, per-pixel) and `augmentation` (none, report): without and with.
        factor: `"normalisation=none,global"` or `"optimizer.lr=1e-3,3e-3"`: any recipe key with its levels, the
            baseline first.
        seeds: of the runs; pairs are runs of the same seed.
        name: the run's name below `runs/ablate`.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the run that is in `out`.
        progress: called after each optimizer step of each run.
        run_data: the faces, where they are open already.
        settings: keys of the recipe to change, as in `train`.

    Returns:
        What is also in `ablation.json`; where some runs `failed`, the means and effects are those of the others.

    Raises:
        ConfigError: an unknown factor, key or level; nothing is trained then.
        DataError: the data are missing or malformed.
        Interrupted: the user stopped it; finished runs are kept.
    """
    chosen = read_factors(factors, settings=factor)
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0 or max(seeds) > MAX_SEED:
        raise ConfigError(
            f"--seeds {','.join(map(str, seeds))}: expected one or more different numbers from 0 to {MAX_SEED}"
        )
    if run_data:
        opened = run_data.with_config(resolve_config(run_data.config.data, recipe=recipe, settings=settings))
    else:
        opened = open_data(data, recipe=recipe, settings=settings)
    for arm in arms(chosen):  # so that an error is raised now, not by an arm that comes hours later
        config = resolve(opened.config.model_dump(), arm.settings)
        check_runs(config)
        opened.with_config(config)
    open_teachers(opened)
    plan = {"factors": chosen, "seeds": list(seeds)}
    folder: dict[str, Any] = {"name": name, "out": out, "overwrite": overwrite}
    with create_run(opened, verb="ablate", **folder, ablation=plan) as run:
        return _train_arms(run, progress)


def resume_ablation(
    run: str | Path | RunDir, *, threads: int | None = None, progress: OnProgress | None = None
) -> Ablation:
    """Resume an ablation: finished runs are kept, the interrupted one is resumed, failed ones are tried again.

    Args:
        run: the ablation, its folder, its name, or `latest` for the newest unfinished one.
        threads: how many threads compute from now on; None keeps the ablation's number.
        progress: called after each optimizer step of each run.

    Raises:
        DataError: there is no such run, it is no ablation, or its faces or teachers have changed.
        Interrupted: as `ablate` does.
        UsageError: another process is at it.
    """
    opened = Run.open(run, verbs=("ablate",), unfinished=True)
    with opened.locked():
        _plan(opened)
        check_teachers(opened, opened.data.config)
        if threads is not None:
            opened = change_threads(opened, threads)
        return _train_arms(opened, progress)


def _train_arms(run: Run, progress: OnProgress | None) -> Ablation:
    plan = _plan(run)
    run.set_status("running")
    todo = list(itertools.product(plan["seeds"], arms(plan["factors"])))  # all arms early, with one seed
    done: list[AblationRun] = []
    for number, (seed, arm) in enumerate(todo, start=1):
        log.info("run %d of %d: %s, seed %d", number, len(todo), _name(arm), seed)
        try:
            done.append(_train_one(run, arm, seed=seed, progress=progress))
        except (KeyboardInterrupt, Interrupted, StorageError) as error:
            reason = str(error) or "stopped by the user"
            kind = StorageError if isinstance(error, StorageError) else Interrupted
            run.set_status("interrupted", reason=reason)
            raise kind(f"{reason}; resume the whole ablation with: mien ablate --resume {run.path}") from None
        ablation = _write(run, plan["factors"], done)
    if ablation.failed:
        reason = f"{len(ablation.failed)} of {len(done)} runs failed, the first: {ablation.failed[0].reason}"
        run.set_status("failed", reason=f"{reason}; try those again with: mien ablate --resume {run.path}")
    else:
        run.set_status("finished")
    return ablation


def _plan(run: RunDir) -> dict[str, Any]:
    plan = run.read_json("config.json").get("ablation")
    if not isinstance(plan, dict) or not plan.keys() >= {"factors", "seeds"}:
        raise DataError(f"{run.path}: no ablation, its config.json has no factors; `mien ablate` makes one")
    factors, seeds = plan["factors"], plan["seeds"]
    if not _is_factors(factors):
        raise DataError(f"{run.path / 'config.json'}: damaged (factors {factors!r}, expected names with their levels)")
    if not isinstance(seeds, list) or not seeds or not all(isinstance(seed, int) for seed in seeds):
        raise DataError(f"{run.path / 'config.json'}: damaged (seeds {seeds!r}, expected one or more whole numbers)")
    return plan


def _is_factors(factors: Any) -> bool:
    """Whether a value of `config.json` names factors, each with a list of levels."""
    if not isinstance(factors, dict):
        return False
    for levels in factors.values():
        if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
            return False
    return True


def _train_one(run: Run, arm: Arm, *, seed: int, progress: OnProgress | None) -> AblationRun:
    """Train and score one run, or resume it; a failure does not stop the others."""
    folder = run.path / "arms" / re.sub(r"[^\w.+=,-]+", "_", _name(arm)) / f"seed-{seed}"
    outcome = AblationRun(levels=arm.levels, seed=seed, run=str(folder.relative_to(run.path)))
    try:
        trained = _trained(run, folder, settings=merge(arm.settings, {"seed": seed}), progress=progress)
        split = trained.default_split
        metrics = folder / "eval" / split / "metrics.json"
        if not metrics.exists():
            with use_threads(trained.config.threads):
                evaluate(trained, split=split, device=trained.config.device)
        scores = Scores.read(metrics)
    except (Interrupted, StorageError):
        raise
    except Exception as error:  # out of memory, a diverging loss, …: the other arms are not to blame
        log.warning("failed: %s: %s", type(error).__name__, error)
        return replace(outcome, reason=f"{type(error).__name__}: {error}")
    return replace(
        outcome,
        split=split,
        faces=scores.faces,
        accuracy=scores.accuracy,
        macro_f1=scores.macro_f1,
        log_loss=scores.log_loss,
        ece=scores.ece,
    )


def _trained(run: Run, folder: Path, *, settings: dict[str, Any], progress: OnProgress | None) -> Run:
    """Train in `folder`, resume what is there, or leave it as it is where it is finished."""
    config = resolve_config(None, recipe=run.path / "config.json", settings=settings)
    data = run.data.with_config(config)
    if (folder / "checkpoints/last.ckpt").exists():
        trained = Run.opened_with(RunDir(folder), data)
        if trained.state in ("finished", "stopped-early"):
            return trained
        return resume(trained, progress=progress, threads=config.threads)
    return start(data, verb="train", out=folder, overwrite=True, progress=progress)


def _write(run: RunDir, factors: dict[str, list[str]], done: list[AblationRun]) -> Ablation:
    """Write `ablation.json` and `ablation.csv` with the runs so far."""
    stored = run.read_json("config.json")
    ablation = Ablation(
        run=str(run.path),
        source=stored["data"]["source"],
        synthetic=stored["data"]["synthetic"],
        network=stored["config"]["model"],
        recipe=stored["config"]["recipe"],
        epochs=stored["config"]["epochs"],
        seeds=tuple(stored["ablation"]["seeds"]),
        factors={factor: tuple(levels) for factor, levels in factors.items()},
        arms=arm_scores(done),
        effects=effects(done, factors),
        runs=tuple(done),
    )
    ablation.write(run.path / "ablation.json")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([spreadsheet_cell(head) for head in (*factors, *COLUMNS)])
    for one in done:
        values = [getattr(one, column) for column in COLUMNS]
        writer.writerow([spreadsheet_cell(value) for value in (*one.levels.values(), *values)])
    write_atomic(run.path / "ablation.csv", text.getvalue())
    return ablation


def _name(arm: Arm) -> str:
    return ",".join(f"{factor}={level}" for factor, level in arm.levels.items())
