"""Every flag, declared once: the same word means the same thing at every verb.

A flag that is a key of the recipe, such as `--epochs`, has the range that `training/config.py` declares.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from mien.cli import console
from mien.cli.declare import COMPUTING, DATA, OUTPUT, TRAINING, WHERE, argument, number, option, place, switch
from mien.core.errors import UsageError

Run = Annotated[str, argument("RUN", help="A run folder, its name, or 'latest'.")]
Scored = Annotated[str, argument("RUN", help="A run folder, its name, or 'latest'; a bundle; or a predictions.npz.")]
Inputs = Annotated[
    list[str] | None,
    argument("INPUT...", help="Photos, videos, folders of them; or one table of faces: CSV, Parquet or 'synthetic'."),
]
_DATA = argument(
    "DATA",
    help="Labelled faces: fer2013.csv, icml_face_data.csv, train.csv, a folder with one folder per class, Parquet; "
    "or 'synthetic', 'synthetic:2000' for drawn ones.",
)
Data = Annotated[str, _DATA]
DataIfNeeded = Annotated[str | None, _DATA]

# What is trained, and how
Recipe = Annotated[
    str | None,
    option("--recipe", metavar="RECIPE", help="mien-n, mien-s, demo, … or a TOML file: how to train.", group=TRAINING),
]
ConfigFile = Annotated[
    Path | None, option("--config", metavar="FILE", help="A run's config.json, to repeat that run.", group=TRAINING)
]
Model = Annotated[
    str | None, option("--model", metavar="NAME", help="The network; mien models lists them.", group=TRAINING)
]
Epochs = Annotated[int | None, option("--epochs", metavar="N", min=1, help="How many epochs at most.", group=TRAINING)]
Batch = Annotated[int | None, option("--batch", metavar="N", min=2, help="Faces per optimizer step.", group=TRAINING)]
LearningRate = Annotated[
    float | None,
    number("--lr", metavar="LR", help="First learning rate, or the highest one of a one-cycle.", group=TRAINING),
]
Patience = Annotated[
    int | None,
    option(
        "--patience",
        metavar="N",
        min=0,
        help="Stop after N epochs without a lower validation loss; 0 never stops early.",
        group=TRAINING,
    ),
]
Seed = Annotated[
    int | None, option("--seed", metavar="N", min=0, help="Of all that is random; 0 by default.", group=TRAINING)
]
Set = Annotated[
    list[str] | None,
    option(
        "--set",
        metavar="KEY=VALUE",
        help="Change any key of the recipe, such as optimizer.lr=0.001; may be repeated.",
        group=TRAINING,
    ),
]
Teachers = Annotated[
    str | None,
    option(
        "--teachers",
        metavar="RUN,RUN",
        help="Learn the averaged probabilities of these runs, or files of predictions, instead of the labels.",
        group=TRAINING,
    ),
]
Init = Annotated[
    str | None,
    option(
        "--init",
        metavar="MODEL",
        help="Fine-tune this network: one that ships, such as mien-s, a run, or a bundle with weights.",
        group=TRAINING,
    ),
]
Resume = Annotated[str | None, option("--resume", metavar="RUN", help="Resume this run, or 'latest'.", group=TRAINING)]
FactorNames = Annotated[
    str | None,
    option(
        "--factors",
        metavar="NAME,NAME",
        help="What is tried with and without: normalisation, augmentation.",
        group=TRAINING,
    ),
]
FactorLevels = Annotated[
    list[str] | None,
    option(
        "--factor",
        metavar="KEY=LEVEL,LEVEL",
        help="Any recipe key with its levels, such as optimizer.lr=1e-3,3e-3 or augmentation=none,rotation-brightness; "
        "may be repeated.",
        group=TRAINING,
    ),
]
Ablation = Annotated[
    str | None,
    option(
        "--ablation",
        metavar="RECIPE",
        help="Of the twelve runs with and without normalisation and augmentation; mien-n by default, or 'none'.",
        group=TRAINING,
    ),
]
Seeds = Annotated[
    str | None,
    option(
        "--seeds",
        metavar="N,N",
        help="One run of each combination for each of these; 0,1,2 by default.",
        group=TRAINING,
    ),
]

# Which faces
DataFlag = Annotated[
    str | None,
    option("--data", metavar="DATA", help="Other faces than the run's own; a bundle has none.", group=DATA),
]
Votes = Annotated[str | None, option("--votes", metavar="FILE", help="FER+ votes, fer2013new.csv.", group=DATA)]
Labels = Annotated[
    Literal["own", "ferplus"] | None,
    option(
        "--labels",
        metavar="own|ferplus",
        help="The file's labels, or FER+'s eight classes: learns the annotators' votes, is scored by their majority.",
        group=DATA,
    ),
]
Classes = Annotated[
    str | None,
    option(
        "--classes",
        metavar="NAMES",
        help="The names of the labels 0, 1, …, by commas, where the data only number them; by default FER2013's seven.",
        group=DATA,
    ),
]
Targets = Annotated[
    str | None, option("--targets", metavar="FILE", help="A CSV id,label with the labels of test.csv.", group=DATA)
]
Detect = Annotated[
    bool, switch("--detect", help="Cut the largest face out of each picture, as mien predict finds it.", group=DATA)
]
SkipBad = Annotated[
    bool, switch("--skip-bad", help="Leave out pictures that can't be read, and name them.", group=DATA)
]
Exclude = Annotated[
    str | None,
    option(
        "--exclude",
        metavar="FILE",
        help="Don't learn from the faces that this CSV names, such as audit.csv of mien data audit.",
        group=DATA,
    ),
]
AnySplit = Annotated[str | None, option("--split", metavar="SPLIT", help="Only these faces, such as test.", group=DATA)]
Split = Annotated[
    str | None,
    option(
        "--split",
        metavar="SPLIT",
        help="Which faces: test, validation, train, private-test; several by commas. By default test, or validation "
        "(what the run held out) where its data have no labelled test faces.",
        group=DATA,
    ),
]

# Pictures and videos
Bundle = Annotated[
    str | None, option("--model", metavar="MODEL", help="A bundle or a training run; mien-s by default.")
]
Draw = Annotated[
    Path | None,
    place(
        "--draw",
        metavar="PATH",
        help="Write a copy with boxes and labels; for several inputs, a folder of copies.",
    ),
]
Explain = Annotated[bool, switch("--explain", help="Draw an occlusion map of each face below the picture.")]
Chart = Annotated[Path | None, place("--chart", metavar="PNG", help="Draw a video's expressions over time.")]
Every = Annotated[
    int, option("--every", metavar="N", min=1, max=1_000_000, help="Take every N-th frame of a video; 1 by default.")
]
Fps = Annotated[
    float | None,
    number("--fps", metavar="N", min=0, max=1000, help="Take at most N frames per second of a video."),
]
Crops = Annotated[bool, switch("--crops", help="The pictures are faces that are cut out already; nothing is searched.")]
MinConfidence = Annotated[
    float,
    option(
        "--min-confidence",
        metavar="P",
        min=0,
        max=1,
        help="Leave out faces of which the detector is less confident; below 0.6 it finds none.",
    ),
]
MinPx = Annotated[
    int,
    option("--min-px", metavar="N", min=0, max=1_000_000, help="Leave out faces whose box is narrower or lower."),
]
Largest = Annotated[bool, switch("--largest", help="Only the largest face of each picture.")]
Prior = Annotated[
    str | None,
    option(
        "--prior",
        metavar="PRIOR",
        help="How frequent the classes are among these faces: uniform, training, estimate (from the faces themselves), "
        "or a share for every one of them: happy=.6,sad=.1,…",
    ),
]
Align = Annotated[bool, switch(" /--no-align", help="Don't turn faces until their eyes are level.")]
ResumeFile = Annotated[bool, switch("--resume", help="Keep the records in the .jsonl file of -o, and do the rest.")]

# Explanations
Methods = Annotated[
    str | None,
    option(
        "--method",
        metavar="NAME,NAME",
        help="Of saliency, smoothgrad, integrated-gradients, grad-cam, occlusion; all by default.",
    ),
]
Faces = Annotated[
    int, option("--faces", metavar="N", min=1, max=1000, help="Show N faces, half of them right; 28 by default.")
]
Share = Annotated[
    float,
    number("--share", metavar="S", min=0, max=1, help="Share of a masked face's pixels made grey; 0.7 by default."),
]
Layer = Annotated[
    str | None,
    option("--layer", metavar="NAME", help="Where Grad-CAM looks; the last layer with maps by default."),
]
Filters = Annotated[
    str,
    option("--filters", metavar="NAME", help="The layer whose filters and feature maps are shown; conv2 by default."),
]
Count = Annotated[str, option("--count", metavar="N", help="How many of its filters, or 'all'; 36 by default.")]
Face = Annotated[
    str | None,
    option(
        "--face", metavar="ID", help="The face whose feature maps are shown; the most confident right one by default."
    ),
]

# Scores and bundles
Flip = Annotated[bool, switch("--flip", help="Also score the mean over each face and its mirror image.")]
Robustness = Annotated[bool, switch("--robustness", help="Also score corrupted faces; takes 76 times as long.")]
Group = Annotated[
    str | None,
    option(
        "--group",
        metavar="FILE",
        help="A CSV id,subject (or id,video): faces of one person or video count together in the intervals.",
    ),
]
MinAccuracy = Annotated[
    float | None, number("--min-accuracy", metavar="A", min=0, max=1, help="Exit with code 4 below this accuracy.")
]
BundlePrecision = Annotated[
    Literal["fp32", "int8"] | None,
    option("--precision", metavar="fp32|int8", help="Which graph of a bundle; by default its card's choice."),
]

# Where it runs
Device = Annotated[
    str | None,
    option(
        "--device",
        metavar="DEVICE",
        help="auto, cpu, cuda or cuda:1; for training also mps, for bundles also coreml.",
        group=COMPUTING,
    ),
]
Devices = Annotated[
    int | None,
    option("--devices", metavar="N", min=1, help="Processes that share each batch (DDP).", group=COMPUTING),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"] | None,
    option(
        "--precision",
        metavar="auto|fp32|bf16",
        help="What the network computes in; auto takes bf16 where the device has it.",
        group=COMPUTING,
    ),
]
Logger = Annotated[
    Literal["tensorboard", "wandb", "mlflow"] | None,
    option(
        "--logger",
        metavar="tensorboard|wandb|mlflow",
        help="Also tell this experiment tracker each epoch; its files lie in the run.",
        group=OUTPUT,
    ),
]
Threads = Annotated[
    int | None,
    option(
        "--threads",
        metavar="N",
        min=1,
        max=1024,
        help="Threads that compute; one per core by default.",
        group=COMPUTING,
    ),
]

# Where the results go
Name = Annotated[
    str | None,
    option(
        "--name",
        metavar="NAME",
        help="Of the new folder below runs/; by default model and time, of an export the run's.",
        group=OUTPUT,
    ),
]
Out = Annotated[Path | None, place("--out", "-o", metavar="PATH", help=WHERE, group=OUTPUT)]
Overwrite = Annotated[bool, switch("--overwrite", help="Replace what is there.", group=OUTPUT)]
Format = Annotated[
    str | None,
    option(
        "--format",
        metavar="FORMAT",
        help="table, json, jsonl, csv, tsv, parquet or submission (id,label); by default the ending of -o.",
        group=OUTPUT,
    ),
]
Json = Annotated[bool, switch("--json", help="Print one JSON object.", group=OUTPUT)]
Quiet = Annotated[
    bool, switch("--quiet", "-q", help="Results and errors only.", group=OUTPUT, callback=console.set_quiet)
]
Verbose = Annotated[
    bool, switch("--verbose", "-v", help="Tracebacks with errors.", group=OUTPUT, callback=console.set_verbose)
]


def listed(text: str | None) -> list[str]:
    """Split at commas: `"a, b"` is `["a", "b"]`; None is an empty list."""
    if text is None:
        return []
    return [part.strip() for part in text.split(",")]


def prior_of(text: str | None) -> "str | dict[str, float] | None":
    """Read `--prior`: a name, or a share for each class, by commas.

    >>> prior_of("uniform"), prior_of("happy=3, sad=1")
    ('uniform', {'happy': 3.0, 'sad': 1.0})
    """
    if text is None or "=" not in text:
        return text
    shares: dict[str, float] = {}
    for part in listed(text):
        name, _, number = part.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            raise UsageError(f"--prior: '{part}', expected a class and its share, such as happy=0.6") from None
        if name in shares:
            raise UsageError(f"--prior: {name} stands twice; give each class one share")
        shares[name] = share
    return shares


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
    """Raise `UsageError` for flags that a resumed run can't be given anew."""
    names = []
    for name, value in given.items():
        if value is not None and value is not False and value != []:
            names.append("DATA" if name == "data" else f"--{name.rstrip('_').replace('_', '-')}")
    if names:
        raise UsageError(f"--resume continues with the run's own config; it can't be given: {', '.join(names)}")
