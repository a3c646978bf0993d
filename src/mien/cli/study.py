"""`mien study`."""

from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import UsageError


@app.command()
def study(
    *,
    data: flags.DataIfNeeded = None,
    recipe: flags.Recipe = None,
    resume: flags.Resume = None,
    model: flags.Model = None,
    epochs: flags.Epochs = None,
    batch: flags.Batch = None,
    seed: flags.Seed = None,
    ablation: flags.Ablation = None,
    set_: flags.Set = None,
    votes: flags.Votes = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    devices: flags.Devices = None,
    threads: flags.Threads = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Do the whole experiment in one run folder: describe, train, eval, explain, ablate, report.

    Examples:
    * `mien study fer2013.csv --recipe mien-n`
    * `mien study --resume latest`
    """
    given: dict[str, Any] = {"model": model, "epochs": epochs, "batch": batch, "seed": seed, "votes": votes}
    given |= {"labels": labels, "device": device, "devices": devices, "skip_bad": skip_bad or None}
    given |= {"classes": flags.listed(classes) or None, "detect": detect or None}
    if resume is not None:
        new = {"data": data, "recipe": recipe, "name": name, "out": out, "overwrite": overwrite, "set": set_}
        flags.refuse_with_resume(**new, ablation=ablation, **given)
        from mien.core.runs import RunDir

        unfinished = RunDir.open(resume, verbs=("study",), unfinished=True)  # before torch is imported
        from mien.workflows.study import resume_study

        run = resume_study(unfinished, threads=threads, progress=console.progress)
    elif data is None or recipe is None:
        raise UsageError("name the faces and a recipe; for example: mien study fer2013.csv --recipe mien-n")
    else:
        flags.check_recipe(recipe)
        from mien.workflows.study import study as study_run

        run = study_run(
            data,
            recipe=recipe,
            ablation=None if ablation == "none" else ablation or "mien-n",
            name=name,
            out=out,
            overwrite=overwrite,
            progress=console.progress,
            **flags.settings(set_, threads=threads, **given),
        )
    report = run.path / "report.html"
    console.log.info("%s; next: mien export %s", run.summary, run.path)
    if json:
        console.print_json({"run": str(run.path), "report": str(report), **run.read_json("status.json")})
    else:
        print(report)
