"""`mien models`."""

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import pip_install
from mien.core.schema import SCHEMA_VERSION


@app.command()
def models(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """List the networks: parameters and multiply-adds a face; and the bundles that ship, with their accuracy.

    Without PyTorch only the bundles.

    Example: `mien models --json`
    """
    from mien.core.bundle import Bundle, shipped, weights

    rows = _networks()
    bundles = [_measured(name, Bundle.open(weights() / name).card) for name in shipped()]
    if json:
        console.print_json({"schema_version": SCHEMA_VERSION, "models": rows, "bundles": bundles})
        return
    if rows:
        _print_networks(rows)
        print()
    for each in bundles:
        low, high = each["accuracy_interval"]
        print(
            f"{each['name']} ships: accuracy {each['accuracy']:.4f} ({low:.4f} to {high:.4f}) on the "
            f"{each['faces']:,} faces of {each['source']}, split '{each['split']}', in {each['precision']}"
        )


def _networks() -> list[dict[str, Any]]:
    """Return the networks that can be trained; none where PyTorch is not installed, which counts their parameters."""
    if find_spec("torch") is None:
        console.log.info("only what ships; the networks for training need: %s", pip_install("train"))
        return []
    from mien.models.registry import MODELS, info

    return [asdict(info(name)) for name in MODELS]


def _print_networks(rows: list[dict[str, Any]]) -> None:
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


def _measured(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """Return how right a bundle is in its default precision."""
    precision, scores = card["precision"]["default"], card["scores"]
    kept = {key: scores[precision][key] for key in ("accuracy", "accuracy_interval", "faces", "source")}
    return {"name": name, "precision": precision, "split": scores["split"], **kept}
