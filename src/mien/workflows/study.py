"""`study` and `resume_study`: the whole experiment in one run folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.core.ablation import Ablation
from mien.core.errors import DataError, Interrupted, MienError
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.reporting.build import report
from mien.training.factors import WITH_AND_WITHOUT
from mien.training.run_data import TrainingRun
from mien.workflows.ablate import ablate, resume_ablation
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.train import resolve_config, resume, train


def study(
    data: str,
    *,
    recipe: str,
    ablation: str | None = "mien-n",
    progress: OnProgress | None = None,
    **options: Any,
) -> TrainingRun:
    """Do the whole experiment in one run folder: describe the data, train, evaluate, explain, ablate, report.

    Scores the split `test`, or the held-out rows where the data have no labelled test rows.  The report is there before
    the ablation begins, and is made anew after it.

    Args:
        data: a file or folder that `open_faces` reads, or `synthetic`.
        recipe: the name of a shipped recipe or a TOML file.
        ablation: the recipe of the runs with and without normalisation and augmentation, three seeds each; a small
            network, since there are twelve of them.  Hold-out, labels and batch are the study's.  None leaves them out.
            `config.json` keeps it for `resume_study`.
        progress: called with how far each training is.
        options: everything else that `train` takes.

    Raises:
        Interrupted: the user stopped it; `resume_study` goes on.
        MienError: as the single verbs do; what is finished by then is kept.
    """
    if ablation is not None:
        resolve_config(data, recipe=ablation, device="cpu")  # what is wrong with it is told now, not after hours
        ablation = str(Path(ablation).absolute()) if ablation.endswith((".toml", ".json")) else ablation
    plan = {"study": {"ablation": ablation}}
    with _resume_hint(options.get("out") or "latest", Interrupted):
        run = train(data, recipe=recipe, verb="study", progress=progress, more=plan, **options)
    return _finish(run, ablation, progress=progress)


def resume_study(where: str | Path, *, progress: OnProgress | None = None) -> TrainingRun:
    """Go on with a study: what it has is kept, what was interrupted is resumed, the rest is done.

    Args:
        where: the run folder, its name, or `latest`.
        progress: called with how far each training is.

    Raises:
        DataError: there is no such run, it is no study, or its faces have changed.
        Interrupted, MienError: as `study` does.
    """
    run = TrainingRun.open(where)
    ablation = _plan(run)
    if run.state not in ("finished", "stopped-early"):
        with _resume_hint(run.path, Interrupted):
            run = resume(run, progress=progress)
    return _finish(run, ablation, progress=progress)


def _plan(run: TrainingRun) -> str | None:
    """Read from `config.json` which ablation the study has."""
    plan = run.read_json("config.json").get("study")
    if not isinstance(plan, dict) or not isinstance(plan.get("ablation"), str | None):
        raise DataError(
            f"{run.path}: no study (its config.json names no ablation); `mien study` makes one, and `mien train "
            "--resume` goes on with a training"
        )
    return plan.get("ablation")


def _finish(run: TrainingRun, ablation: str | None, *, progress: OnProgress | None) -> TrainingRun:
    """Do what comes after training, as far as it is not there."""
    with _resume_hint(run.path, KeyboardInterrupt, Interrupted):
        evaluate(run, device=run.config.device)
        report(run)
        if not (run.path / "explain/attribution.json").exists():  # what `explain` writes last
            explain(run, device=run.config.device, progress=progress)
            report(run)
        if ablation is None:
            return run
        ablated = _ablate(run, ablation, progress=progress)
        report(run)
    if ablated.failed:
        raise MienError(f"{ablated.run}: {RunDir(Path(ablated.run)).read_json('status.json')['reason']}")
    return run


def _ablate(run: TrainingRun, recipe: str, *, progress: OnProgress | None) -> Ablation:
    out, config = run.path / "ablation", run.config
    if (out / "config.json").exists():
        return resume_ablation(TrainingRun.opened_with(RunDir.open(out), run.data), progress=progress)
    return ablate(
        config.data,
        recipe=recipe,
        factors=tuple(WITH_AND_WITHOUT),
        out=out,
        overwrite=True,  # a killed one may have left a folder without a config
        progress=progress,
        run_data=run.data,
        command=run.read_json("config.json").get("command", ()),
        device=config.device,
        votes=config.votes,
        labels=config.labels,
        skip_bad=config.skip_bad,
        batch=config.batch,
        holdout=config.holdout.model_dump(),
    )


@contextlib.contextmanager
def _resume_hint(where: str | Path, *stops: type[BaseException]) -> Iterator[None]:
    """Let what stops the block say how the study goes on."""
    try:
        yield
    except stops as error:
        reason = str(error) or f"{where}: interrupted"
        raise Interrupted(f"{reason}; the whole study goes on with: mien study --resume {where}") from None
