"""`mien ensemble`."""

from typing import Annotated

import typer

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def ensemble(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Two or more trained runs.", show_default=False)
    ],
    *,
    split: flags.Split = None,
    flip: flags.Flip = False,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    device: flags.Device = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Score several runs together: the mean of their probabilities.

    Example: `mien ensemble runs/train/a runs/train/b runs/train/c --flip`
    """
    from mien.core.summaries import summarise
    from mien.workflows.ensemble import ensemble as score_ensemble

    result = score_ensemble(
        runs,
        split=split,
        flip=flip,
        name=name,
        out=out,
        overwrite=overwrite,
        device=device or "auto",
    )
    if json:
        console.print_json(result.to_dict())
        return
    console.print_summary(summarise(result))
