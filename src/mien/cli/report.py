"""`mien report`."""

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def report(
    run: flags.Run, *, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False
) -> None:
    """Build a run's report.html: one page with nothing remote in it.

    Example: `mien report latest`
    """
    from mien.reporting.build import report as build_report

    path = build_report(run)
    console.print_json({"report": str(path)}) if json else print(path)
