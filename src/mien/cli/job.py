"""`mien predict -o FOLDER/`: many pictures, in parts, by several processes or machines; and `--status`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.cli import console
from mien.core.errors import DataError, MienError, UsageError

if TYPE_CHECKING:
    from mien.jobs.status import JobStatus


def is_job(out: str | None) -> bool:
    """Say whether an output is a folder of parts: a slash ends its name, or it is a folder already."""
    if out is None:
        return False
    return out.endswith(("/", os.sep)) or os.path.isdir(out)  # noqa: PTH112 - False where a name is too long


def refuse_in_job(given: Mapping[str, Any]) -> None:
    """Raise `UsageError` if one of these flags, by their names, was given: they belong to one output file."""
    for flag, value in given.items():
        if value:
            raise UsageError(
                f"{flag} can't be used with -o FOLDER/, a job in parts: these are Parquet files, and the same command "
                "goes on where it stopped"
            )


def refuse_without_job(given: Mapping[str, Any]) -> None:
    """Raise `UsageError` if one of these flags, by their names, was given: they belong to a job."""
    for flag, value in given.items():
        if value:
            raise UsageError(f"{flag} is for a job in parts; name its folder, with a slash at the end: -o faces/")


def run_job(
    inputs: Sequence[str],
    out: Path,
    *,
    model: str | None,
    workers: int | None,
    cluster: str | None,
    skip_bad: bool,
    json: bool,
    look: Mapping[str, Any],
) -> None:
    """Do the job, or what is missing of it, and print how it ended; `look` has arguments of `predict_job`."""
    from mien.jobs.run import predict_job

    status = predict_job(inputs, out, model=model, workers=workers, cluster=cluster, progress=console.progress, **look)
    console.progress.hide()
    console.log.info("%s", _counts(status))
    console.log.info("written: %s", out.absolute())
    if json:
        console.print_json(status.to_dict())
    if status.failed:
        raise MienError(
            f"{len(status.failed):,} parts could not be done (named above); the same command tries them again"
        )
    if status.unreadable and not skip_bad:
        raise DataError(
            f"{status.unreadable:,} could not be read (the records say why), all else is done; "
            "--skip-bad makes that exit code 0"
        )


def show_status(folder: Path, *, json: bool) -> None:
    """Print how far a job is."""
    from mien.jobs.status import job_status

    status = job_status(folder)
    if json:
        console.print_json(status.to_dict())
        return
    print(
        f"parts     {status.done:,} of {status.parts:,} done, {len(status.failed):,} failed, {status.missing:,} missing"
    )
    print(f"pictures  {_counts(status)}")
    if status.pictures_per_s:
        print(f"speed     {status.pictures_per_s:,.1f} pictures/s")
    for name, reason in status.failed.items():
        print(f"failed    {name}: {reason}")


def _counts(status: "JobStatus") -> str:
    counts = f"{status.pictures:,} pictures, {status.faces:,} faces, {status.without_face:,} without a face"
    if status.unreadable:
        counts += f", {status.unreadable:,} could not be read"
    return counts
