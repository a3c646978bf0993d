"""`mien compare`."""

from typing import Annotated

import typer

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def compare(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run folder, its name, or 'latest'; or a predictions.npz.", show_default=False
        ),
    ],
    other: Annotated[str, typer.Argument(metavar="RUN2", help="The other one.", show_default=False)],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN3", help="And more; every pair is compared, with Holm's correction."),
    ] = None,
    *,
    split: flags.Split = None,
    group: flags.Group = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Tell whether evaluated runs differ on the same faces: McNemar's test and a paired bootstrap.

    Examples:
    * `mien compare runs/train/a theirs/predictions.npz`
    * `mien compare a b c --group subjects.csv`
    """
    from mien.core.summaries import summarise
    from mien.workflows.compare import compare as compare_runs

    comparison = compare_runs(run, other, *(more or []), split=split, group=group)
    if json:
        console.print_json(comparison.to_dict())
    else:
        console.print_summary(summarise(comparison))
