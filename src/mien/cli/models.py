"""`mien models`."""

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def models(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """List the bundles that ship with their accuracy, and the networks that can be trained.

    Examples:
    * `mien models`
    * `mien models --json`
    """
    from mien.core.summaries import summarise
    from mien.workflows.models import list_models

    found = list_models()
    if json:
        console.print_json(found.to_dict())
    else:
        console.print_summary(summarise(found))
