"""`mien export`."""

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.schema import SCHEMA_VERSION


@app.command()
def export(
    run: flags.Run,
    *,
    only: flags.Only = None,
    max_risk: flags.MaxRisk = None,
    licence: flags.Licence = "not stated",
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Turn a trained run into a bundle that needs no PyTorch: ONNX in fp32 and int8, and a card.

    Examples:
    * `mien export latest`
    * `mien export latest --only int8 --max-risk 0.2 -o bundle`
    """
    from mien.core.summaries import summarise
    from mien.workflows.export import export as export_run

    bundle = export_run(run, name=name, out=out, overwrite=overwrite, only=only, max_risk=max_risk, licence=licence)
    if json:
        card = bundle.card.to_dict()
        console.print_json({"schema_version": SCHEMA_VERSION, "path": str(bundle.path), "card": card})
    else:
        console.print_summary([*summarise(bundle.card), str(bundle.path)])
