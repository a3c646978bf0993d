"""`mien ablate`."""

from pathlib import Path
from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import MienError, UsageError


@app.command()
def ablate(
    *,
    data: flags.DataIfNeeded = None,
    recipe: flags.Recipe = None,
    factors: flags.FactorNames = None,
    factor: flags.FactorLevels = None,
    seeds: flags.Seeds = None,
    resume: flags.Resume = None,
    model: flags.Model = None,
    epochs: flags.Epochs = None,
    batch: flags.Batch = None,
    set_: flags.Set = None,
    votes: flags.Votes = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    threads: flags.Threads = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train with and without something, several seeds each, and tell what it is worth.

    Example: `mien ablate fer2013.csv --recipe mien-n --factors normalisation,augmentation --seeds 0,1,2`
    """
    from mien.core.runs import RunDir
    from mien.core.summaries import summarise
    from mien.workflows import ablate as workflow

    given: dict[str, Any] = {"model": model, "epochs": epochs, "batch": batch, "votes": votes, "labels": labels}
    given |= {"device": device, "skip_bad": skip_bad or None}
    given |= {"classes": flags.listed(classes) or None, "detect": detect or None}
    if resume is not None:
        flags.refuse_with_resume(
            **{"data": data, "recipe": recipe, "factors": factors, "factor": factor, "seeds": seeds, "name": name},
            **{"out": out, "overwrite": overwrite, "set": set_, **given},
        )
        ablation = workflow.resume_ablation(resume, threads=threads, progress=console.progress)
    elif data is None or recipe is None:
        raise UsageError(
            "name the faces and a recipe; for example: mien ablate fer2013.csv --recipe mien-n "
            "--factors normalisation,augmentation"
        )
    else:
        ablation = workflow.ablate(
            data,
            recipe=recipe,
            factors=flags.listed(factors),
            factor=factor or [],
            seeds=_numbers("0,1,2" if seeds is None else seeds),
            name=name,
            out=out,
            overwrite=overwrite,
            progress=console.progress,
            **flags.settings(set_, threads=threads, **given),
        )
    if json:
        console.print_json(ablation.to_dict())
    else:
        console.print_summary(summarise(ablation))
    if ablation.failed:
        status = RunDir(Path(ablation.run)).read_json("status.json")
        raise MienError(f"{ablation.run}: {status['reason']}")


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {seeds}: expected whole numbers with commas between, such as 0,1,2") from None
