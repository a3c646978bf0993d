"""`mien predict`."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.cli import flags
from mien.cli.main import app
from mien.core.errors import UsageError

if TYPE_CHECKING:
    from mien.runtime.record import Seen
    from mien.runtime.written import Written


@app.command()
def predict(
    inputs: flags.Inputs,
    *,
    model: flags.Bundle = None,
    format_: flags.Format = None,
    out: flags.Out = None,
    draw: flags.Draw = None,
    explain: flags.Explain = False,
    chart: flags.Chart = None,
    overwrite: flags.Overwrite = False,
    resume: flags.ResumeFile = False,
    every: flags.Every = 1,
    fps: flags.Fps = None,
    align: flags.Align = True,
    split: flags.AnySplit = None,
    precision: flags.BundlePrecision = None,
    device: flags.Device = None,
    threads: flags.Threads = None,
    skip_bad: flags.SkipBad = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Find and classify the faces of photos, folders and videos, or classify a table of faces.

    Example: `mien predict photo.jpg`, `mien predict pics/ -o faces.jsonl`,
    `mien predict talk.mp4 -o talk.csv --draw talk_annotated.mp4`,
    `mien predict test.csv --model bundle --format submission -o submission.csv`
    """
    from mien.cli.drawings import Chart, Drawing
    from mien.cli.outputs import Output
    from mien.cli.tally import Tally
    from mien.core.bundle import DEFAULT
    from mien.runtime.detect import YuNet
    from mien.runtime.session import load
    from mien.verbs.predict import see

    opened = load(model or DEFAULT, precision=precision or "default", threads=threads, device=device or "auto")
    format_ = "json" if json else format_
    written = _written(out, also=draw or chart) if resume else None
    keep = written.end if written else None
    sinks: list[Any] = [Output(format_, labels=opened.labels, out=out, overwrite=overwrite, keep=keep)]
    if draw:
        sinks.append(Drawing(draw, inputs, overwrite=overwrite, explain=opened if explain else None))
    elif explain:
        raise UsageError("--explain draws maps; say where to with --draw out.jpg")
    if chart:
        sinks.append(Chart(chart, inputs, labels=opened.labels, overwrite=overwrite))
    tally = Tally(inputs, skip_bad=skip_bad)
    seen = see(
        opened,
        inputs[0] if len(inputs) == 1 else inputs,
        detector=YuNet(threads=threads),
        align=align,
        every=every,
        fps=fps,
        split=split,
        written=written,
        on_bad=tally.on_bad,
    )
    write(seen, sinks=[tally, *sinks])


def _written(out: Path | None, *, also: Path | None) -> "Written":
    from mien.runtime.written import read_written

    if out is None or out.suffix.lower() != ".jsonl":
        raise UsageError("--resume goes on with a JSON Lines file; name it with -o faces.jsonl")
    if also:
        raise UsageError(f"{also} can't be gone on with; leave --draw and --chart out, or --resume")
    return read_written(out)


def write(seen: "Generator[Seen, None, None]", *, sinks: Sequence[Any]) -> None:
    """Give each picture to all sinks; what they have is kept when it ends early."""
    with ExitStack() as stack:
        stack.enter_context(closing(seen))
        for sink in sinks:
            stack.enter_context(sink)
        for each in seen:
            for sink in sinks:
                sink.write(each)
