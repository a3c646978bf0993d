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
    *,
    split: flags.Split = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Tell whether two evaluated runs differ on the same faces: McNemar's test and a paired bootstrap.

    Example: `mien compare runs/train/a runs/train/b`; either may be a predictions.npz
    """
    from mien.core.summaries import summarise
    from mien.workflows.compare import compare as compare_runs

    comparison = compare_runs(run, other, split=split)
    if json:
        console.print_json(comparison.to_dict())
    else:
        console.print_summary(summarise(comparison))
