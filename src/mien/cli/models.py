"""`mien models`."""

from dataclasses import asdict
from typing import Any

from mien.cli import console, flags
from mien.cli.main import app


@app.command()
def models(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """List the networks: parameters and multiply-adds a face; and the bundles that ship, with their accuracy.

    Example: `mien models --json`
    """
    from mien.core.bundle import Bundle, shipped
    from mien.models.registry import MODELS, info

    rows = [asdict(info(name)) for name in MODELS]
    bundles = [_measured(name, Bundle.open(name).card) for name in shipped()]
    if json:
        console.print_json({"schema_version": 1, "models": rows, "bundles": bundles})
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
    for each in bundles:
        low, high = each["accuracy_interval"]
        print(
            f"\n{each['name']} ships: accuracy {each['accuracy']:.4f} ({low:.4f} to {high:.4f}) on the "
            f"{each['faces']:,} faces of {each['source']}, split '{each['split']}', in {each['precision']}"
        )


def _measured(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """Return how right a bundle is in its default precision."""
    precision, scores = card["precision"]["default"], card["scores"]
    kept = {key: scores[precision][key] for key in ("accuracy", "accuracy_interval", "faces", "source")}
    return {"name": name, "precision": precision, "split": scores["split"], **kept}
