"""`study` and `resume_study`: the whole experiment in one run folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.core.ablation import Ablation
from mien.core.errors import DataError, Interrupted, MienError
from mien.core.faces import FaceSet
from mien.core.progress import OnProgress
from mien.core.runs import FINISHED, RunDir
from mien.reporting.build import report
from mien.training.factors import WITH_AND_WITHOUT
from mien.training.threads import use_threads
from mien.workflows.ablate import ablate, resume_ablation
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.run import Run
from mien.workflows.train import change_threads, open_data, resolve_config, resume, start


def study(
    data: str | Path | FaceSet,
    *,
    recipe: str | Path,
    ablation: str | None = "mien-n",
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Run:
    """Do the whole experiment in one run folder: describe the data, train, evaluate, explain, ablate, report.

    Scores the split `test`, or the held-out rows where the data have no labelled test rows.  The report is there before
    the ablation begins, and is made anew after it.

    Args:
        data: a file or folder that `open_faces` reads, `synthetic`, or faces, which are stored in the run.
        recipe: the name of a shipped recipe or a TOML file.
        ablation: the recipe of the runs with and without normalisation and augmentation, three seeds each; a small
            network, since there are twelve of them.  Hold-out, labels and batch are the study's.  None leaves them out.
            `config.json` keeps it for `resume_study`.
        name: the run's name below `runs/study`; by default model and time.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the run that is in `out`.
        progress: called with how far each training is.
        settings: keys of the recipe to change, as in `train`.

    Raises:
        Interrupted: the user stopped it; `resume_study` continues it.
        MienError: as the single verbs do; what is finished by then is kept.
    """
    if ablation is not None:
        # What is wrong with it is an error now, not after hours.
        resolve_config("synthetic", recipe=ablation, settings={"device": "cpu"})
        if ablation.endswith((".toml", ".json")):
            ablation = str(Path(ablation).absolute())
    opened = open_data(data, recipe=recipe, settings=settings)
    folder: dict[str, Any] = {"name": name, "out": out, "overwrite": overwrite}
    with _resume_hint(out or "latest", Interrupted):
        run = start(opened, verb="study", progress=progress, study={"ablation": ablation}, **folder)
    return _finish(run, ablation, progress=progress)


def resume_study(run: str | Path | RunDir, *, threads: int | None = None, progress: OnProgress | None = None) -> Run:
    """Continue a study: what it has is kept, what was interrupted is resumed, the rest is done.

    Args:
        run: the study, its folder, its name, or `latest` for the newest unfinished one.
        threads: how many threads compute from now on; None keeps the study's number.
        progress: called with how far each training is.

    Raises:
        DataError: there is no such run, it is no study, or its faces have changed.
        Interrupted, MienError: as `study` does.
    """
    opened = Run.open(run, verbs=("study",), unfinished=True)
    ablation = _plan(opened)
    if threads is not None:
        with opened.locked():
            opened = change_threads(opened, threads)
    if opened.state not in FINISHED:
        with _resume_hint(opened.path, Interrupted):
            opened = resume(opened, progress=progress)
    return _finish(opened, ablation, progress=progress)


def _plan(run: Run) -> str | None:
    """Read from `config.json` which ablation the study has."""
    plan = run.read_json("config.json").get("study")
    if not isinstance(plan, dict) or not isinstance(plan.get("ablation"), str | None):
        raise DataError(
            f"{run.path}: no study (its config.json names no ablation); `mien study` makes one, and `mien train "
            "--resume` resumes a training"
        )
    return plan.get("ablation")


def _finish(run: Run, ablation: str | None, *, progress: OnProgress | None) -> Run:
    """Do what comes after training, unless it is done already."""
    with _resume_hint(run.path, KeyboardInterrupt, Interrupted):
        with use_threads(run.config.threads):
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


def _ablate(run: Run, recipe: str, *, progress: OnProgress | None) -> Ablation:
    out, config = run.path / "ablation", run.config
    if (out / "config.json").exists():
        ablation = Run.opened_with(RunDir.open(out), run.data)
        return resume_ablation(ablation, threads=config.threads, progress=progress)
    return ablate(
        config.data,
        recipe=recipe,
        factors=tuple(WITH_AND_WITHOUT),
        out=out,
        overwrite=True,  # a killed one may have left a folder without a config
        progress=progress,
        run_data=run.data,
        device=config.device,
        threads=config.threads,
        precision=config.precision,
        votes=config.votes,
        labels=config.labels,
        classes=config.classes,
        detect=config.detect,
        skip_bad=config.skip_bad,
        exclude=config.exclude,
        batch=config.batch,
        holdout=config.holdout.model_dump(),
    )


@contextlib.contextmanager
def _resume_hint(where: str | Path, *stops: type[BaseException]) -> Iterator[None]:
    """Add to the message of what stops the block how to resume the study."""
    try:
        yield
    except stops as error:
        reason = str(error) or f"{where}: interrupted"
        raise Interrupted(f"{reason}; resume the whole study with: mien study --resume {where}") from None
