"""`mien export`."""

from typing import Any

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

    Example: `mien export latest`, `mien export latest --only int8 --max-risk 0.2 -o bundle`
    """
    from mien.workflows.export import export as export_run

    given: dict[str, Any] = {"name": name, "out": out, "overwrite": overwrite, "only": only, "max_risk": max_risk}
    bundle = export_run(run, licence=licence, **given)
    if json:
        console.print_json({"schema_version": SCHEMA_VERSION, "path": str(bundle.path), "card": bundle.card})
    else:
        _print(bundle.card, where=str(bundle.path))


def _print(card: dict[str, Any], *, where: str) -> None:
    scores, right = card["scores"], "right"
    faces = f"{scores['fp32']['faces']:,} faces of split '{scores['split']}'"
    print(f"{card['name']}: {faces}" + (" (synthetic: says nothing of real faces)" if card["synthetic"] else "") + "\n")
    head = {"file": "left", "bytes": right, "accuracy": right, "95 % interval": right, "macro-F1": right, "ECE": right}
    rows = [
        [
            file["file"],
            f"{file['bytes']:,}",
            f"{scores[key]['accuracy']:.4f}",
            "{:.4f} to {:.4f}".format(*scores[key]["accuracy_interval"]),
            f"{scores[key]['macro_f1']:.4f}",
            f"{scores[key]['ece']:.4f}",
        ]
        for key, file in card["files"].items()
    ]
    console.print_table(head, rows)
    network, eight = card["parity"]["fp32_to_network"], card["parity"]["int8_to_fp32"]
    print(f"\nfp32 against the network: |Δp| at most {network['max']:.2g} on {network['faces']:,} held-out faces")
    print(f"int8 against fp32: |Δp| at most {eight['max']:.3f}, {eight['mean']:.4f} on average")
    print(f"default: {card['precision']['default']} ({card['precision']['reason']})")
    _print_abstention(card["abstention"])
    print(where)


def _print_abstention(found: dict[str, Any]) -> None:
    if "max_risk" not in found:
        return
    if found["threshold"] is None:
        print(f"no threshold brings the errors of accepted faces down to {found['max_risk']:.0%}")
        return
    part = found.get("judged")
    if part is None:
        coverage = found["held_out"]["coverage"]
        print(
            f"below a probability of {found['threshold']:.3f} say nothing: {coverage:.1%} of the held-out faces are "
            "accepted; whether the threshold holds for others is not known without labelled test faces"
        )
        return
    wrong = "" if part["risk"] is None else f", {part['risk']:.1%} of them wrong"
    print(f"below a probability of {found['threshold']:.3f} say nothing: {part['coverage']:.1%} are accepted{wrong}")
