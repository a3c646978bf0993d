"""`mien models`."""

from dataclasses import asdict

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def models(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """List the networks: parameters and multiply-adds a face.

    Example: `mien models --json`
    """
    from mien.models.registry import MODELS, info

    rows = [asdict(info(name)) for name in MODELS]
    if json:
        console.print_json({"schema_version": 1, "models": rows})
        return
    head = {
        "name": "left",
        "parameters": "right",
        "trainable": "right",
        "non-trainable": "right",
        "MACs a face": "right",
        "input": "left",
    }
    console.print_table(
        head,
        [
            [
                row["name"],
                f"{row['parameters']:,}",
                f"{row['trainable']:,}",
                f"{row['non_trainable']:,}",
                f"{row['macs'] / 1e6:,.1f} M",
                "×".join(map(str, row["input"])),
            ]
            for row in rows
        ],
    )
