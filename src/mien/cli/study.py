"""`mien study`."""

import sys

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def study(
    data: flags.Data,
    *,
    recipe: flags.Recipe,
    model: flags.Model = None,
    epochs: flags.Epochs = None,
    batch: flags.Batch = None,
    seed: flags.Seed = None,
    ablation: flags.Ablation = "mien-n",
    set_: flags.Set = None,
    votes: flags.Votes = None,
    labels: flags.Labels = None,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    devices: flags.Devices = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Do the whole experiment in one run folder: describe, train, eval, explain, ablate, report.

    Example: `mien study fer2013.csv --recipe course`
    """
    from mien.verbs.study import study as do_study

    run = do_study(
        data,
        recipe=recipe,
        ablation=None if ablation == "none" else ablation,
        settings=set_ or [],
        name=name,
        out=out,
        overwrite=overwrite,
        command=sys.argv,
        talk=console.TrainingTalk(),
        model=model,
        epochs=epochs,
        batch=batch,
        seed=seed,
        votes=votes,
        labels=labels,
        device=device,
        devices=devices,
        skip_bad=skip_bad or None,
    )
    if json:
        console.print_json(
            {"run": str(run.path), "report": str(run.path / "report.html"), **run.read_json("status.json")}
        )
    else:
        print(run.path / "report.html")
