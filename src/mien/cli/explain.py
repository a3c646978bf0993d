"""`mien explain`."""

import re
from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import UsageError

if TYPE_CHECKING:
    from mien.core.explanations import CurveScores, Explanation, PairedDifference


@app.command()
def explain(
    run: flags.Run,
    *,
    method: flags.Methods = None,
    faces: flags.Faces = 28,
    share: flags.Share = 0.7,
    layer: flags.Layer = None,
    filters: flags.Filters = "conv2",
    count: flags.Count = "36",
    face: flags.Face = None,
    split: flags.AnySplit = None,
    device: flags.Device = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Show what a trained run looks at, and which way of showing it can be trusted.

    Examples:
    * `mien explain latest`
    * `mien explain runs/train/a --method saliency,grad-cam --filters conv2 --count all`
    """
    from mien.core.runs import RunDir
    from mien.explanation.attribution import METHODS
    from mien.workflows.explain import explain as explain_run

    filter_count = _number(count)
    opened = RunDir.open(run)
    explanation = explain_run(
        opened,
        methods=flags.listed(method) or tuple(METHODS),
        faces=faces,
        share=share,
        layer=layer,
        filters=filters,
        count=filter_count,
        face=face,
        split=split,
        device=device or "auto",
        progress=console.progress,
    )
    if json:
        console.print_json(explanation.to_dict())
    else:
        _print(explanation, where=str(opened.path / "explain"))


def _number(count: str) -> int | None:
    if count == "all":
        return None
    if not re.fullmatch("[0-9]{1,6}", count) or int(count) == 0:
        raise UsageError(f"--count {count}: expected a number of filters, or all")
    return int(count)


def _print(explanation: "Explanation", *, where: str) -> None:
    comparison = explanation.comparison
    drawn = " drawn faces (says nothing of real ones)" if explanation.synthetic else " faces"
    print(f"deletion and insertion on {comparison.faces}{drawn}; probabilities, areas under curves\n")
    columns = dict.fromkeys(("deletion", "insertion", "score"), "right")
    columns |= {f"over {name}": "right" for name in comparison.controls}
    rows = []
    for name, method in comparison.methods.items():
        over = [_interval(difference) for difference in method.over_controls.values()]
        rows.append([name, *_curves(method), *over, f"{method.randomisation['all layers']:+.2f}"])
    for name, control in comparison.controls.items():
        rows.append([f"({name})", *_curves(control), *[""] * len(comparison.controls), ""])
    console.print_table({"method": "left", **columns, "random weights": "right"}, rows)
    best = [name for name, method in comparison.methods.items() if method.beats_controls]
    print(f"\nbetter than both controls: {', '.join(best) or 'none'}\n{where}")


def _curves(scores: "CurveScores") -> list[str]:
    return [f"{scores.deletion:.3f}", f"{scores.insertion:.3f}", f"{scores.score:.3f}"]


def _interval(over: "PairedDifference") -> str:
    if over.difference is None or over.interval is None:
        return "–"
    return f"{over.difference:+.3f} ({over.interval[0]:+.3f} to {over.interval[1]:+.3f})"
