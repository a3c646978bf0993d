"""`study`: the whole experiment in one run folder."""

from typing import Any

from mien.core.errors import MienError
from mien.core.rundir import RunDir
from mien.core.talk import Talk
from mien.reporting.build import report
from mien.training.config import stored_config
from mien.training.factors import WITH_AND_WITHOUT
from mien.training.start import train
from mien.verbs.ablate import ablate
from mien.verbs.explain import explain
from mien.verbs.score import evaluate, tested_split


def study(data: str, *, recipe: str, ablation: str | None = "mien-n", **options: Any) -> RunDir:
    """Do the whole experiment in one run folder: describe the data, train, evaluate, explain, ablate, report.

    Scores the split `test`, or the held-out rows where the data have no labelled test rows.  The report is there before
    the ablation begins, and is made anew after it.

    Args:
        data: a file or folder that `open_faces` reads, or `synthetic`.
        recipe: the name of a shipped recipe or a TOML file.
        ablation: the recipe of the runs with and without normalisation and augmentation, three seeds each; a small
            network, since there are twelve of them.  Hold-out, labels and batch are the study's.  None leaves them out.
        options: everything else that `train` takes.

    Raises:
        MienError: as the single verbs do; what is finished by then is kept.
    """
    run = train(data, recipe=recipe, verb="study", **options)
    config, talk = stored_config(run), options.get("talk") or Talk()
    evaluate(run, split=tested_split(run), device=config.device)
    report(run)
    explain(run, device=config.device, talk=talk)
    report(run)
    if ablation is None:
        return run
    ablated = ablate(
        data,
        recipe=ablation,
        factors=tuple(WITH_AND_WITHOUT),
        out=run.path / "ablation",
        talk=talk,
        command=options.get("command", ()),
        device=config.device,
        votes=config.votes,
        labels=config.labels,
        skip_bad=config.skip_bad,
        batch=config.batch,
        holdout=config.holdout.model_dump(),
    )
    report(run)
    if ablated.state == "failed":
        raise MienError(f"{ablated.path}: {ablated.read_json('status.json')['reason']}")
    return run
