"""`mien models`."""

from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import pip_install
from mien.core.text import percentage

if TYPE_CHECKING:
    from mien.core.model_list import ModelList


@app.command()
def models(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """List the bundles that ship with their accuracy, and the networks that can be trained.

    Examples:
    * `mien models`
    * `mien models --json`
    """
    from mien.workflows.models import list_models

    found = list_models()
    if json:
        console.print_json(found.to_dict())
    else:
        _print(found)


def _print(found: "ModelList") -> None:
    print("Ready to use: mien predict photo.jpg --model NAME\n")
    columns = {"name": "left", "accuracy": "right", "95 % interval": "right", "faces": "right", "classes": "right"}
    rows = []
    for bundle in found.bundles:
        low, high = bundle.accuracy_interval
        rows.append(
            [
                bundle.model.name,
                percentage(bundle.accuracy),
                f"{percentage(low)} to {percentage(high)}",
                f"{bundle.faces:,}",
                str(len(bundle.classes)),
            ]
        )
    console.print_table(columns, rows)
    if not found.networks:
        print(f"\nTo train networks, PyTorch is needed: {pip_install('train')}")
        return
    print("\nTo be trained: mien train DATA --model NAME, or a recipe\n")
    columns = {"name": "left", "parameters": "right", "trainable": "right", "multiply-adds": "right"}
    rows = []
    for network in found.networks:
        rows.append(
            [
                network.name,
                f"{network.parameters:,}",
                f"{network.trainable:,}",
                f"{network.macs / 1e6:,.1f} M",
            ]
        )
    console.print_table(columns, rows)
