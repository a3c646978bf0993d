"""`mien predict`."""

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def predict(
    run: flags.Run,
    data: flags.Data,
    *,
    split: flags.AnySplit = None,
    format_: flags.Format = "table",
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Classify faces with a trained run.

    Example: `mien predict runs/train/a test.csv --format submission -o submission.csv`
    """
    from mien.cli.records import write_predictions
    from mien.verbs.score import predict as predict_run

    write_predictions(
        lambda: predict_run(
            run, data, split=split, device=device or "auto", on_bad=console.list_bad if skip_bad else None
        ),
        format_="json" if json else format_,
        out=out,
        overwrite=overwrite,
    )
