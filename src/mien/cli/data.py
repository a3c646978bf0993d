"""`mien data`."""

from typing import Annotated

import typer

from mien.cli import console, flags
from mien.cli.declare import option
from mien.cli.main import app

data_app = typer.Typer(no_args_is_help=True, help="Look at labelled faces before you train on them.")
app.add_typer(data_app, name="data")


Judges = Annotated[
    str,
    option(
        "--model",
        metavar="MODEL,MODEL",
        help="Who judges the labels: bundles, runs or files of predictions, each the faces that it did not learn from.",
    ),
]


@data_app.command()
def describe(
    data: flags.Data,
    *,
    votes: flags.Votes = None,
    targets: flags.Targets = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    skip_bad: flags.SkipBad = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Count faces, exact copies across splits, conflicting labels and blank faces.

    Example: `mien data describe fer2013.csv --votes fer2013new.csv`
    """
    from mien.core.summaries import summarise
    from mien.workflows.describe import describe as describe_data

    summary = describe_data(
        data,
        votes=votes,
        targets=targets,
        labels=labels or "own",
        classes=flags.listed(classes) or None,
        detect=detect,
        skip_bad=skip_bad,
    )
    if json:
        console.print_json(summary.to_dict())
    else:
        console.print_summary(summarise(summary))


@data_app.command()
def audit(
    data: flags.Data,
    *,
    model: Judges,
    votes: flags.Votes = None,
    targets: flags.Targets = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Find faces that are probably mislabelled, copies with different labels, and what is no face.

    Examples:
    * `mien data audit faces/ --model mien-s`
    * `mien data audit fer2013.csv --model fold-0,fold-1,fold-2,fold-3,fold-4`
    """
    from mien.core.summaries import summarise
    from mien.workflows.audit import audit_labels

    found = audit_labels(
        data,
        model=flags.listed(model),
        votes=votes,
        targets=targets,
        labels=labels or "own",
        classes=flags.listed(classes) or None,
        detect=detect,
        skip_bad=skip_bad,
        device=device or "auto",
        name=name,
        out=out,
        overwrite=overwrite,
        progress=console.progress,
    )
    if json:
        console.print_json(found.to_dict())
    else:
        console.print_summary(summarise(found))
