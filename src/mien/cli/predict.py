"""`mien predict`."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mien.cli import flags
from mien.cli.main import app
from mien.cli.places import refuse_clashes
from mien.core.errors import UsageError

if TYPE_CHECKING:
    from mien.runtime.results import PictureResult
    from mien.runtime.resume_state import ResumeState
    from mien.runtime.sources import OnBad


class Sink(AbstractContextManager["Sink"], Protocol):
    """What takes pictures and their faces, one after the other, and is closed at the end."""

    def write(self, seen: "PictureResult") -> None:
        """Take a picture."""


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
    from mien.runtime.detect import YuNet
    from mien.runtime.session import open_model
    from mien.workflows.predict import is_table, see

    if json and (out or format_ not in (None, "json")):
        raise UsageError("--json prints JSON on stdout; for a file: -o faces.json, for another format: --format alone")
    format_ = "json" if json else format_
    if any(is_table(name) for name in inputs):
        _check_table(drawn=bool(draw or chart), resume=resume, sought=every != 1 or fps is not None or not align)
    else:
        _check_pictures(inputs, format_=format_)
    _check_explain(inputs, explain=explain, draw=draw)
    refuse_clashes(inputs, {"-o": out, "--draw": draw, "--chart": chart})
    written = _written(out, inputs, format_=format_, also=draw or chart) if resume else None
    opened = open_model(model, precision=precision or "default", threads=threads, device=device or "auto")
    if format_ == "submission":
        _check_numbers(inputs[0], labels=opened.labels, on_bad=(lambda _: None) if skip_bad else None)
    keep = written.end if written else None
    sinks: list[Sink] = [Output(format_, labels=opened.labels, out=out, overwrite=overwrite, keep=keep)]
    if draw:
        sinks.append(Drawing(draw, inputs, overwrite=overwrite, explain=opened if explain else None))
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
    _write(seen, sinks=[tally, *sinks])


def _check_table(*, drawn: bool, resume: bool, sought: bool) -> None:
    """Raise `UsageError` for what a table of faces can't have; `sought` if a flag says how faces are looked for."""
    if drawn:
        raise UsageError("a table of faces has no pictures to draw on; leave --draw and --chart out")
    if resume:
        raise UsageError("a table is classified as a whole; it can't be resumed")
    if sought:
        raise UsageError(
            "--every, --fps and --no-align belong to photos and videos; leave them out for a table of faces"
        )


def _check_pictures(inputs: Sequence[str], *, format_: str | None) -> None:
    from mien.runtime.sources import require_inputs

    require_inputs(inputs)
    if format_ == "submission":
        raise UsageError("--format submission numbers the faces of a table, such as test.csv; choose another format")


def _check_explain(inputs: Sequence[str], *, explain: bool, draw: Path | None) -> None:
    from mien.runtime.sources import is_video

    if explain and not draw:
        raise UsageError("--explain draws maps; say where to with --draw out.jpg")
    if explain and all(is_video(name) for name in inputs):
        raise UsageError("--explain draws the maps of pictures; leave it out for videos")


def _check_numbers(table: str, *, labels: Sequence[str], on_bad: "OnBad | None") -> None:
    """Raise `UsageError` unless the model's labels have the numbers that the table's have."""
    from mien.data.formats import stream_faces

    known = next((faces.classes for faces in stream_faces(table, skip_bad=on_bad is not None)), tuple(labels))
    if known != tuple(labels):
        raise UsageError(
            f"--format submission numbers the classes as {table} does ({', '.join(known)}), and the model has others "
            f"({', '.join(labels)}); choose one that has those, as --model mien-s has FER2013's"
        )


def _written(out: Path | None, inputs: Sequence[str], *, format_: str | None, also: Path | None) -> "ResumeState":
    from mien.runtime.resume_state import read_resume_state

    if out is None or out.suffix.lower() != ".jsonl" or format_ not in (None, "jsonl"):
        raise UsageError("--resume goes on with a JSON Lines file; name it with -o faces.jsonl")
    if also:
        raise UsageError(f"{also} can't be gone on with; leave --draw and --chart out, or --resume")
    written = read_resume_state(out)
    last = written.last and Path(written.last)
    if last and not (last.is_file() and any(last.is_relative_to(name) for name in inputs)):
        raise UsageError(
            f"{out} ends in {last}, which would be done again and is not among the inputs; give the same as before"
        )
    return written


def _write(seen: "Generator[PictureResult, None, None]", *, sinks: Sequence[Sink]) -> None:
    """Give each picture to all sinks; what they have is kept when it ends early."""
    with ExitStack() as stack:
        stack.enter_context(closing(seen))
        for sink in sinks:
            stack.enter_context(sink)
        for each in seen:
            for sink in sinks:
                sink.write(each)
