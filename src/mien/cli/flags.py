"""Every flag, declared once: the same word means the same thing at every verb."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mien.cli import console
from mien.core.errors import UsageError

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, its name, or 'latest'.", show_default=False)]
Scored = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run folder, its name, or 'latest'; a bundle; or a predictions.npz.", show_default=False
    ),
]
Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        show_default=False,
        help="Photos, videos, folders of them; or one table of faces: CSV, Parquet or 'synthetic'.",
    ),
]
_DATA = typer.Argument(
    metavar="DATA",
    show_default=False,
    help="Labelled faces: fer2013.csv, icml_face_data.csv, train.csv, a folder with one folder a class, Parquet; "
    "or 'synthetic', 'synthetic:2000' for drawn ones.",
)
Data = Annotated[str, _DATA]
DataIfNeeded = Annotated[str | None, _DATA]
DataFlag = Annotated[
    str | None,
    typer.Option("--data", help="Other faces than the run's own; a bundle has none of its own.", show_default=False),
]
Recipe = Annotated[
    str | None,
    typer.Option("--recipe", help="A shipped recipe, such as 'course', or a TOML file.", show_default=False),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A run's config.json, to repeat it.", show_default=False)
]
Model = Annotated[str | None, typer.Option(help="The network, see 'mien models'.", show_default=False)]
Bundle = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A bundle or a training run; mien-s-ferplus by default.",
        show_default=False,
    ),
]
Draw = Annotated[
    Path | None,
    typer.Option(
        "--draw",
        metavar="PATH",
        help="Draw boxes and labels: the picture's or video's copy; for several, a folder of copies.",
        show_default=False,
    ),
]
Explain = Annotated[bool, typer.Option("--explain/--no-explain", help="Draw each face's occlusion map below.")]
Chart = Annotated[
    Path | None,
    typer.Option("--chart", metavar="PNG", help="Draw a video's expressions over time.", show_default=False),
]
Every = Annotated[int, typer.Option("--every", min=1, help="Take every n-th frame of a video.")]
Fps = Annotated[
    float | None, typer.Option("--fps", help="Take at most so many frames per second of a video.", show_default=False)
]
Align = Annotated[bool, typer.Option("--align/--no-align", help="Turn each face until its eyes are level.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Threads that compute; one per core by default.", show_default=False)
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Last epoch.", show_default=False)]
Batch = Annotated[int | None, typer.Option(min=2, help="Faces an optimizer step.", show_default=False)]
LearningRate = Annotated[
    float | None, typer.Option("--lr", help="First learning rate; the highest of a one-cycle.", show_default=False)
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=0, help="Epochs without a lower validation loss before it stops; 0 never stops early.", show_default=False
    ),
]
Device = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda or cuda:1; networks: mps; bundles: coreml.", show_default=False)
]
Devices = Annotated[int | None, typer.Option(min=1, help="Processes that share each batch (DDP).", show_default=False)]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"] | None,
    typer.Option(help="What the network computes in; auto takes bf16 where the device has it.", show_default=False),
]
BundlePrecision = Annotated[
    Literal["fp32", "int8"] | None,
    typer.Option("--precision", help="Which graph of a bundle; its card chooses.", show_default=False),
]
Only = Annotated[
    Literal["fp32", "int8"] | None, typer.Option(help="The one graph to export; both by default.", show_default=False)
]
Seed = Annotated[int | None, typer.Option(min=0, help="Of all that is random; 0 by default.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any recipe key, such as optimizer.lr=0.001; may be repeated.",
        show_default=False,
    ),
]
FactorNames = Annotated[
    str | None,
    typer.Option(
        "--factors",
        help="What is left out or put in, by commas: normalisation, augmentation.",
        show_default=False,
    ),
]
FactorLevels = Annotated[
    list[str] | None,
    typer.Option(
        "--factor",
        metavar="KEY=LEVEL,LEVEL",
        help="Any recipe key with its levels, such as optimizer.lr=1e-3,3e-3, or augmentation=none,report,stronger; "
        "may be repeated.",
        show_default=False,
    ),
]
Ablation = Annotated[
    str | None,
    typer.Option(
        help="Recipe of the twelve runs with and without normalisation and augmentation; mien-n by default, or 'none'.",
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(help="One run of each combination for each of these; 0,1,2 by default.", show_default=False),
]
Methods = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="Attribution methods, by commas, of saliency, smoothgrad, integrated-gradients, grad-cam, occlusion; "
        "all by default.",
        show_default=False,
    ),
]
Faces = Annotated[int, typer.Option(min=1, help="How many faces are shown, evenly by class, right and wrong.")]
Share = Annotated[float, typer.Option(min=0, max=1, help="Of a masked face's pixels that become grey.")]
Layer = Annotated[
    str | None, typer.Option(help="Where Grad-CAM looks; the last layer with maps by default.", show_default=False)
]
Filters = Annotated[str, typer.Option(help="The layer whose filters and feature maps are shown.")]
Count = Annotated[str, typer.Option(help="How many of its filters, or 'all'.")]
Face = Annotated[
    str | None,
    typer.Option(help="Id of the face whose feature maps are shown; the surest by default.", show_default=False),
]
Votes = Annotated[str | None, typer.Option(help="FER+ votes, fer2013new.csv.", show_default=False)]
Labels = Annotated[
    Literal["own", "ferplus"] | None,
    typer.Option(
        help="own: the file's labels; ferplus: the crowd's, 8 classes; learns the votes, is scored by their majority.",
        show_default=False,
    ),
]
Teachers = Annotated[
    str | None,
    typer.Option(
        metavar="RUN,RUN", help="Learn the averaged probabilities of these runs, not the labels.", show_default=False
    ),
]
Targets = Annotated[str | None, typer.Option(help="A file id,label with the labels of test.csv.", show_default=False)]
SkipBad = Annotated[bool, typer.Option("--skip-bad/--no-skip-bad", help="List unreadable pictures and go on without.")]
Name = Annotated[
    str | None,
    typer.Option(help="Of the folder that is made below runs/; by default model and time.", show_default=False),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where the results go, instead.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite/--no-overwrite", help="Allow --out to exist.")]
Resume = Annotated[
    str | None, typer.Option(metavar="RUN", help="Go on with this run, or 'latest'.", show_default=False)
]
ResumeFile = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Keep the records of the .jsonl file of -o, and do the rest.")
]
AnySplit = Annotated[str | None, typer.Option("--split", help="Only these faces, such as test.", show_default=False)]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="table, json, jsonl, csv, tsv, parquet or submission (id,label); by default the ending of -o says it.",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Which faces: test, validation, train, private-test; several by commas. By default test, or validation "
        "(what a run held out) where a run's own data have no labelled test faces.",
        show_default=False,
    ),
]
Flip = Annotated[
    bool, typer.Option("--flip/--no-flip", help="Also score the mean over each face and its mirror image.")
]
MaxRisk = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Find the threshold at which at most this share of the accepted faces is wrong.",
        show_default=False,
    ),
]
Licence = Annotated[str, typer.Option(help="Of the weights, for the card: whoever trained them says it.")]
MinAccuracy = Annotated[
    float | None, typer.Option(min=0, max=1, help="Exit 4 below this accuracy.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json/--no-json", help="Print one JSON object.")]
Quiet = Annotated[
    bool, typer.Option("--quiet/--no-quiet", "-q", help="Results and errors only.", callback=console.set_quiet)
]
Verbose = Annotated[
    bool, typer.Option("--verbose/--no-verbose", "-v", help="Tracebacks with errors.", callback=console.set_verbose)
]


def listed(text: str | None) -> list[str]:
    """Split at commas: `"a, b"` is `["a", "b"]`."""
    return [part.strip() for part in text.split(",")] if text else []


def settings(set_: list[str] | None, **flags: Any) -> dict[str, Any]:
    """Put `--set` and the flags that are recipe keys together, as `train` and the like take them.

    Flags win over `--set`; None means that a flag was not given.
    """
    from mien.training.config import merge, nest, read_settings

    merged = read_settings(set_ or [])
    for key, value in flags.items():
        if value is not None:
            merged = merge(merged, nest(key, value))
    return merged


def check_recipe(recipe: str) -> None:
    """Raise `ConfigError` for a recipe that doesn't exist, before the training libraries are imported."""
    from mien.training.config import read_recipe

    if not recipe.endswith(".json"):
        read_recipe(recipe)


def refuse_with_resume(**given: Any) -> None:
    """Raise `UsageError` for what a resumed run can't be given anew."""
    names = [name.rstrip("_") for name, value in given.items() if not (value is None or value is False or value == [])]
    if names:
        raise UsageError(f"--resume goes on with the run's own config; {', '.join(names)} can't be given with it")
