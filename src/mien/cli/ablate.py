"""`mien ablate`."""

import sys
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
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train with and without something, several seeds each, and say what it is worth.

    Example: `mien ablate fer2013.csv --recipe mien-n --factors normalisation,augmentation --seeds 0,1,2`
    """
    from mien.workflows import ablate as verbs

    given: dict[str, Any] = {"model": model, "epochs": epochs, "batch": batch, "votes": votes, "labels": labels}
    given |= {"device": device, "skip_bad": skip_bad or None}
    if resume is not None:
        flags.refuse_with_resume(
            **{"data": data, "recipe": recipe, "factors": factors, "factor": factor, "seeds": seeds, "name": name},
            **{"out": out, "overwrite": overwrite, "set": set_, **given},
        )
        run = verbs.resume_ablation(resume, progress=console.progress)
    elif data is None or recipe is None:
        raise UsageError(
            "name the faces and a recipe; for example: mien ablate fer2013.csv --recipe mien-n "
            "--factors normalisation,augmentation"
        )
    else:
        run = verbs.ablate(
            data,
            recipe=recipe,
            factors=flags.listed(factors),
            factor=factor or [],
            seeds=_numbers(seeds or "0,1,2"),
            settings=set_ or [],
            name=name,
            out=out,
            overwrite=overwrite,
            command=sys.argv,
            progress=console.progress,
            **given,
        )
    found = run.read_json("ablation.json")
    console.print_json({"run": str(run.path), **found}) if json else _print(found, where=str(run.path))
    if run.state == "failed":
        raise MienError(f"{run.path}: {run.read_json('status.json')['reason']}")


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {seeds}: expected whole numbers with commas between, such as 0,1,2") from None


def _print(found: dict[str, Any], *, where: str) -> None:
    right = "right"
    console.print_table(
        {**dict.fromkeys(found["factors"], "left"), "runs": right, "accuracy": right, "s.d.": right},
        [
            [*arm["levels"].values(), str(arm["runs"]), _percent(arm["mean"]), _percent(arm["sd"])]
            for arm in found["arms"]
        ],
    )
    print()
    console.print_table(
        {"worth": "left", "where": "left", "seeds": right, "points": right, "95 % interval": right},
        [
            [
                f"{each['factor']}: {each['level']} over {each['baseline']}",
                ", ".join(f"{name} {level}" for name, level in each["within"].items()) or "on average",
                str(each["seeds"]),
                _points(each["difference"]),
                " to ".join(map(_points, each["interval"])) if each["interval"] else "–",
            ]
            for each in found["effects"]
        ],
    )
    print(f"\n{where}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _points(difference: float | None) -> str:
    return "–" if difference is None else f"{100 * difference:+.2f}"
