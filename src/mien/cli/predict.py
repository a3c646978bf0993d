"""`mien predict`."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mien.cli import flags, job_flags
from mien.cli.job import is_job, refuse_in_job, refuse_without_job, run_job, show_status
from mien.cli.main import app
from mien.cli.places import exists, refuse_clashes
from mien.core.errors import UsageError

if TYPE_CHECKING:
    from mien.core.prior import Prior
    from mien.runtime.results import PictureResult
    from mien.runtime.resume_state import ResumeState


STDOUT = ("-", "/dev/stdout")
"""Names of an output that mean stdout."""


class Sink(AbstractContextManager["Sink"], Protocol):
    """What takes pictures and their faces, one after the other, and is closed at the end."""

    def write(self, result: "PictureResult") -> None:
        """Take a picture."""


@app.command()
def predict(
    inputs: flags.Inputs = None,
    *,
    model: flags.Bundle = None,
    format_: flags.Format = None,
    out: job_flags.OutOrFolder = None,
    workers: job_flags.Workers = None,
    cluster: job_flags.Cluster = None,
    status: job_flags.Status = None,
    draw: flags.Draw = None,
    explain: flags.Explain = False,
    chart: flags.Chart = None,
    overwrite: flags.Overwrite = False,
    resume: flags.ResumeFile = False,
    every: flags.Every = 1,
    fps: flags.Fps = None,
    align: flags.Align = True,
    crops: flags.Crops = False,
    min_confidence: flags.MinConfidence = 0.0,
    min_px: flags.MinPx = 0,
    largest: flags.Largest = False,
    prior: flags.Prior = None,
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

    Examples:
    * `mien predict photo.jpg`
    * `mien predict pics/ -o faces.jsonl`
    * `mien predict talk.mp4 -o talk.csv --draw talk_annotated.mp4`
    * `mien predict pics/ -o faces/ --workers 8`
    * `mien predict test.csv --model runs/train/my_run --format submission -o submission.csv`
    """
    if status is not None:
        show_status(status, json=json)
        return
    if not inputs:
        raise UsageError("Missing argument 'INPUT...'; for example: mien predict photo.jpg")
    look: dict[str, Any] = {
        "align": align,
        "crops": crops,
        "min_confidence": min_confidence,
        "min_px": min_px,
        "largest": largest,
        "every": every,
        "fps": fps,
    }
    if is_job(out):
        refuse_in_job(
            {
                **{"--format": format_, "--draw": draw, "--explain": explain, "--chart": chart, "--resume": resume},
                **{"--overwrite": overwrite, "--split": split, "--threads": threads, "--device": device},
            }
        )
        look |= {"precision": precision or "default", "prior": flags.prior_of(prior)}
        run_job(
            inputs,
            Path(str(out)),
            model=model,
            workers=workers,
            cluster=cluster,
            skip_bad=skip_bad,
            json=json,
            look=look,
        )
        return
    refuse_without_job({"--workers": workers, "--cluster": cluster})
    _into_one_file(
        inputs,
        Path(out) if out and out not in STDOUT else None,
        model=model,
        compute={"precision": precision or "default", "threads": threads, "device": device or "auto"},
        prior=flags.prior_of(prior),
        format_=_format(format_, out=out, json=json),
        draw=draw,
        explain=explain,
        chart=chart,
        overwrite=overwrite,
        resume=resume,
        skip_bad=skip_bad,
        split=split,
        look=look,
    )


def _format(format_: str | None, *, out: str | None, json: bool) -> str | None:
    """Return the format that was asked for; None goes by the ending of the output."""
    if not json:
        return format_
    if (out and out not in STDOUT) or format_ not in (None, "json"):
        raise UsageError("--json prints JSON on stdout; for a file: -o faces.json, for another format: --format alone")
    return "json"


def _into_one_file(
    inputs: list[str],
    out: Path | None,
    *,
    model: str | None,
    compute: dict[str, Any],
    prior: "Prior | None",
    format_: str | None,
    draw: Path | None,
    explain: bool,
    chart: Path | None,
    overwrite: bool,
    resume: bool,
    skip_bad: bool,
    split: str | None,
    look: dict[str, Any],
) -> None:
    """Classify one picture after the other; `compute` has arguments of `mien.load`, `look` of `mien.stream`."""
    from mien.cli.drawings import Chart, Drawing
    from mien.cli.outputs import Output, only_writer
    from mien.cli.tally import Tally
    from mien.runtime.sources import require_inputs
    from mien.workflows.predict import load
    from mien.workflows.stream import is_table, stream_results

    of_table = any(is_table(name) for name in inputs)
    if of_table and resume:
        raise UsageError("a table is classified as a whole; it can't be resumed")
    if not of_table:
        # Patterns become the files that they match, each once.
        inputs = list(dict.fromkeys(str(path) for path in require_inputs(inputs)))
    _check(inputs, of_table=of_table, format_=format_, draw=draw, chart=chart, explain=explain)
    refuse_clashes(inputs, {"-o": out, "--draw": draw, "--chart": chart})
    with only_writer(out):
        state = _resume_state(out, inputs, format_=format_, drawn=draw or chart) if resume else None
        classifier = load(model, **compute)
        # A single file that can't be read is an error at once; of several all else is done first.
        single = len(inputs) == 1 and (of_table or Path(inputs[0]).is_file())
        look |= {"split": split, "skip_bad": skip_bad or not single}
        if prior is not None:
            classifier = classifier.for_prior(prior, inputs, **look)
        if format_ == "submission":
            _check_numbers(inputs[0], labels=classifier.classes, skip_bad=skip_bad)
        tally = Tally(inputs, skip_bad=skip_bad)
        output = Output(
            format_,
            model=classifier.id,
            labels=classifier.classes,
            warnings=classifier.warnings,
            out=out,
            overwrite=overwrite,
            keep=state.end if state else None,
        )
        sinks: list[Sink] = [tally, output]
        if draw:
            sinks.append(Drawing(draw, inputs, overwrite=overwrite, explain=classifier if explain else None))
        if chart:
            sinks.append(Chart(chart, inputs, labels=classifier.classes, overwrite=overwrite))
        results = stream_results(classifier, inputs, **look, resume=state)
        _write(results, sinks=sinks)


def _check(
    inputs: Sequence[str], *, of_table: bool, format_: str | None, draw: Path | None, chart: Path | None, explain: bool
) -> None:
    """Raise before any work is done for what only the command line can ask for."""
    from mien.runtime.sources import is_video

    if of_table and (draw or chart):
        raise UsageError("a table of faces has no pictures to draw on; leave --draw and --chart out")
    if format_ == "submission" and not of_table:
        raise UsageError("--format submission numbers the faces of a table, such as test.csv; choose another format")
    if explain and not draw:
        raise UsageError("--explain draws maps; say where to with --draw out.jpg")
    if explain and all(is_video(name) for name in inputs):
        raise UsageError("--explain draws the maps of pictures; leave it out for videos")


def _check_numbers(table: str, *, labels: Sequence[str], skip_bad: bool) -> None:
    """Raise `UsageError` unless the model's labels have the numbers that the table's have."""
    from mien.data.formats import stream_faces

    known = next((faces.classes for faces in stream_faces(table, skip_bad=skip_bad)), tuple(labels))
    if known != tuple(labels):
        raise UsageError(
            f"--format submission numbers the classes as {table} does ({', '.join(known)}), and the model has others "
            f"({', '.join(labels)}); choose one that has those, as --model mien-s has FER2013's"
        )


def _resume_state(out: Path | None, inputs: Sequence[str], *, format_: str | None, drawn: Path | None) -> "ResumeState":
    from mien.runtime.resume_state import read_resume_state

    if out is None or out.suffix.lower() != ".jsonl" or format_ not in (None, "jsonl"):
        raise UsageError("--resume continues a JSON Lines file; name it with -o faces.jsonl")
    if drawn:
        raise UsageError(f"{drawn} can't be resumed; leave --draw and --chart out, or --resume")
    state = read_resume_state(out)
    last = state.last and Path(state.last)
    if last and not (exists(last) and any(last.is_relative_to(name) for name in inputs)):
        raise UsageError(
            f"{out} ends in {last}, which would be done again and is not among the inputs; give the same as before"
        )
    return state


def _write(results: "Generator[PictureResult, None, None]", *, sinks: Sequence[Sink]) -> None:
    """Give each picture to all sinks; what they have is kept when it ends early."""
    with ExitStack() as stack:
        stack.enter_context(closing(results))
        for sink in sinks:
            stack.enter_context(sink)
        for result in results:
            for sink in sinks:
                sink.write(result)
