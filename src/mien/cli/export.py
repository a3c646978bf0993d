"""`mien export`."""

from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.schema import SCHEMA_VERSION
from mien.core.text import percentage

if TYPE_CHECKING:
    from mien.core.card import Abstention, Card


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
    from mien.workflows.export import export as export_run

    bundle = export_run(run, name=name, out=out, overwrite=overwrite, only=only, max_risk=max_risk, licence=licence)
    if json:
        card = bundle.card.to_dict()
        console.print_json({"schema_version": SCHEMA_VERSION, "path": str(bundle.path), "card": card})
    else:
        _print(bundle.card, where=str(bundle.path))


def _print(card: "Card", *, where: str) -> None:
    synthetic = " (synthetic: says nothing of real faces)" if card.synthetic else ""
    print(f"{card.name}: {card.scores.fp32.faces:,} faces of split '{card.scores.split}'{synthetic}\n")
    columns = {"file": "left"}
    columns |= dict.fromkeys(("bytes", "accuracy", "95 % interval", "macro-F1", "ECE"), "right")
    rows = []
    for precision, graph in card.files.items():
        scores = card.scores.of(precision)
        low, high = scores.accuracy_interval
        rows.append(
            [
                graph.file,
                f"{graph.bytes:,}",
                percentage(scores.accuracy),
                f"{percentage(low)} to {percentage(high)}",
                f"{scores.macro_f1:.3f}",
                f"{scores.ece:.3f}",
            ]
        )
    console.print_table(columns, rows)
    network, int8 = card.parity.fp32_to_network, card.parity.int8_to_fp32
    print(f"\nfp32 against the network: |Δp| at most {network.max:.2g} on {network.faces:,} held-out faces")
    print(f"int8 against fp32: |Δp| at most {int8.max:.3f}, {int8.mean:.4f} on average")
    print(f"default: {card.precision.default} ({card.precision.reason})")
    if card.abstention.max_risk is not None:
        print(_abstention(card.abstention, max_risk=card.abstention.max_risk))
    print(where)


def _abstention(found: "Abstention", *, max_risk: float) -> str:
    if found.threshold is None or found.held_out is None:
        return f"no threshold brings the errors of accepted faces down to {percentage(max_risk, 0)}"
    advice = f"give no label below a probability of {found.threshold:.3f}"
    if found.scored is None:
        return (
            f"{advice}: {percentage(found.held_out.coverage)} of the held-out faces are accepted; without labelled "
            "test faces it is not known whether the threshold holds for others"
        )
    wrong = "" if found.scored.risk is None else f", {percentage(found.scored.risk)} of them with a wrong label"
    return f"{advice}: {percentage(found.scored.coverage)} of the faces are accepted{wrong}"
