"""`mien explain`."""

from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import UsageError


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
    starts: flags.Starts = 2,
    jitter: flags.Jitter = 1,
    smoothness: flags.Smoothness = 0.1,
    face: flags.Face = None,
    split: flags.AnySplit = None,
    device: flags.Device = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Show what a trained run looks at, and which way of showing it can be trusted.

    Example: `mien explain latest`, `mien explain runs/train/a --method saliency,grad-cam --filters conv2 --count all`
    """
    from mien.core.runs import RunDir
    from mien.explanation.attribution import METHODS
    from mien.workflows.explain import explain as explain_run

    opened = RunDir.open(run)
    found = explain_run(
        opened,
        methods=flags.listed(method) or tuple(METHODS),
        faces=faces,
        share=share,
        layer=layer,
        filters=filters,
        count=_number(count),
        starts=starts,
        jitter_px=jitter,
        smoothness=smoothness,
        face=face,
        split=split,
        device=device or "auto",
        progress=console.progress,
    )
    console.print_json(found) if json else _print(found, where=str(opened.path / "explain"))


def _number(count: str) -> int | None:
    if count == "all":
        return None
    if not count.isascii() or not count.isdigit() or int(count) == 0:
        raise UsageError(f"--count {count}: expected a number of filters, or all")
    return int(count)


def _print(found: dict[str, Any], *, where: str) -> None:
    compared = found["comparison"]
    synthetic = " drawn faces (says nothing of real ones)" if found["synthetic"] else " faces"
    print(f"deletion and insertion on {compared['faces']}{synthetic}; probabilities, areas under curves\n")
    right = "right"
    over = {f"over {name}": right for name in compared["controls"]}
    head = {"method": "left", "deletion": right, "insertion": right, "score": right, **over, "random weights": right}
    rows = [
        [
            name,
            *(f"{each[key]:.3f}" for key in ("deletion", "insertion", "score")),
            *(_interval(other) for other in each["over"].values()),
            f"{each['randomisation']['all layers']:+.2f}",
        ]
        for name, each in compared["methods"].items()
    ]
    rows += [
        [f"({name})", *(f"{each[key]:.3f}" for key in ("deletion", "insertion", "score")), "", "", ""]
        for name, each in compared["controls"].items()
    ]
    console.print_table(head, rows)
    best = [name for name, each in compared["methods"].items() if each["beats_controls"]]
    print(f"\nbetter than both controls: {', '.join(best) or 'none'}\n{where}")


def _interval(over: dict[str, Any]) -> str:
    low, high = over["interval"]
    return f"{over['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
