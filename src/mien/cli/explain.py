"""`mien explain`."""

import re

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
    from mien.core.summaries import summarise
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
        console.print_summary([*summarise(explanation), str(opened.path / "explain")])


def _number(count: str) -> int | None:
    if count == "all":
        return None
    if not re.fullmatch("[0-9]{1,6}", count) or int(count) == 0:
        raise UsageError(f"--count {count}: expected a number of filters, or all")
    return int(count)
