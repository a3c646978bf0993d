"""`mien train`."""

from pathlib import Path

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import UsageError
from mien.core.torchrun import is_assistant


@app.command()
def train(
    *,
    data: flags.DataIfNeeded = None,
    recipe: flags.Recipe = None,
    config: flags.ConfigFile = None,
    init: flags.Init = None,
    resume: flags.Resume = None,
    model: flags.Model = None,
    epochs: flags.Epochs = None,
    batch: flags.Batch = None,
    lr: flags.LearningRate = None,
    patience: flags.Patience = None,
    seed: flags.Seed = None,
    set_: flags.Set = None,
    votes: flags.Votes = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    teachers: flags.Teachers = None,
    skip_bad: flags.SkipBad = False,
    exclude: flags.Exclude = None,
    device: flags.Device = None,
    devices: flags.Devices = None,
    threads: flags.Threads = None,
    precision: flags.Precision = None,
    logger: flags.Logger = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train a classifier on labelled faces.

    Examples:
    * `mien train fer2013.csv --recipe mien-n`
    * `mien train my_faces/ --init mien-s`
    * `mien train --resume latest`
    * `torchrun --nproc-per-node 4 -m mien train fer2013.csv --recipe mien-m`
    """
    settings = flags.settings(
        set_,
        **{"model": model, "epochs": epochs, "batch": batch, "optimizer.lr": lr, "stopping.patience": patience},
        **{"init": init, "seed": seed, "votes": votes, "labels": labels, "teachers": flags.listed(teachers) or None},
        **{"device": device, "devices": devices, "threads": threads, "precision": precision, "logger": logger},
        classes=flags.listed(classes) or None,
        detect=detect or None,
        skip_bad=skip_bad or None,
        exclude=exclude,
    )
    if is_assistant():
        console.set_quiet(True)
    if resume is not None:
        flags.refuse_with_resume(
            **{"data": data, "recipe": recipe, "config": config, "name": name, "out": out, "overwrite": overwrite},
            **{"set": set_, "init": init, "teachers": teachers, "exclude": exclude},
        )
        from mien.core.runs import RunDir

        unfinished = RunDir.open(resume, verbs=("train",), unfinished=True)  # before torch is imported
        from mien.workflows.train import resume as resume_run

        run = resume_run(unfinished, progress=console.progress, **settings)
    else:
        source = _source(recipe, config, fine_tunes="init" in settings)
        if source is not None:
            flags.check_recipe(source)
        from mien.workflows.train import train as train_run

        run = train_run(
            data, recipe=source, name=name, out=out, overwrite=overwrite, progress=console.progress, **settings
        )
    if is_assistant():  # process 0 says how it ended
        return
    console.log.info("%s; next: mien eval %s", run.summary, run.path)
    if json:
        console.print_json({"run": str(run.path), **run.read_json("status.json")})
    else:
        print(run.path)


def _source(recipe: str | None, config: Path | None, *, fine_tunes: bool) -> str | None:
    both, neither = recipe is not None and config is not None, recipe is None and config is None
    if both or (neither and not fine_tunes):
        raise UsageError(
            "name how to train, by a recipe, a trained network or a run's config; for example: mien train fer2013.csv "
            "--recipe mien-n, mien train my_faces/ --init mien-s, or mien train --config runs/train/NAME/config.json"
        )
    if config is not None and not config.is_dir() and config.suffix != ".json":
        raise UsageError(f"--config {config}: expected the config.json of a run, or the run's folder")
    if config is not None:
        return str(config / "config.json" if config.is_dir() else config)
    return recipe
