"""`predict_job`: classify many pictures in parts, into a folder of Parquet files."""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from mien.core.arguments import checked
from mien.core.bundle import FILES, Bundle, Precision
from mien.core.errors import UsageError
from mien.core.files import is_file, remove_leftovers, replacing_folder, storage_errors, write_atomic
from mien.core.lock import locked
from mien.core.prior import Prior
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.jobs.cluster import connect
from mien.jobs.distribute import distribute
from mien.jobs.manifest import BEGUN, BUNDLE, FAILED, INSIDE, MANIFEST, JobOptions, Manifest, read_manifest
from mien.jobs.plan import fingerprint, plan
from mien.jobs.status import JobStatus, job_status
from mien.jobs.work import Job
from mien.jobs.workers import Workers
from mien.runtime.devices import usable_cores
from mien.runtime.selection import Selection
from mien.runtime.tracking import SMOOTH_S
from mien.runtime.video import check_sampling
from mien.workflows.run_bundle import find_model

MOST_WORKERS = 1024

log = logging.getLogger(__name__)


@checked
def predict_job(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | Path,
    *,
    model: RunDir | Bundle | str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    executor: Executor | None = None,
    align: bool = True,
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = SMOOTH_S,
    crops: bool = False,
    min_confidence: float = 0.0,
    min_px: float = 0.0,
    largest: bool = False,
    precision: Precision = "default",
    prior: Prior | None = None,
    progress: OnProgress | None = None,
) -> JobStatus:
    """Classify many pictures in parts, by several processes or machines, into a folder of Parquet files.

    A part is written whole or not at all.  Started again with the same inputs, the job does what is missing; the files
    don't depend on who worked on them.  A picture that can't be read has a record that says so.  Scripts that call this
    need `if __name__ == "__main__":`, as for all of Python's worker processes.

    Args:
        source: picture files, videos, folders, patterns, `@list.txt` with a name a line, Parquet tables with a column
            of names or of pictures, tar archives; one of these or several.
        out: the folder; it is made.
        model: what `mien.load` takes.
        workers: how many processes of this machine; None takes as many as it may use cores.
        cluster: the address of a Dask scheduler, such as `tcp://10.0.0.1:8786`, whose workers do the job instead.
            They must have the same version of mien, and see the pictures and `out` under the same names, which is
            checked before they begin; names that are not absolute count from the folder in which each was started.
        executor: works on the parts instead; such as that of another kind of cluster.
        align: as in `mien.predict`, and so are the following.
        every: take every n-th frame of a video.
        fps: take at most so many frames per second of a video.
        smooth_s: time constant in seconds of a video's averages.
        crops: each picture is a face that is cut out already.
        min_confidence: leave out faces of which the detector is less confident.
        min_px: leave out faces whose box is narrower or lower.
        largest: only the largest face of each picture.
        precision: `default` takes the one that the bundle's card names.
        prior: but not `estimate`, which needs all faces before the first part is written.
        progress: called with how many pictures are done.

    Returns:
        How far the job is: `failed` names parts that could not be done.

    Raises:
        DataError: an input is missing, can't be read or is empty; no such model; the cluster's workers don't see the
            folder or the pictures.
        MissingExtraError: PyArrow is not installed, or, for a cluster, Dask.
        StorageError: a part can't be written; those that are finished stay.
        UsageError: the folder of another job, arguments that don't go together, or a cluster that doesn't answer, has
            no workers, or has another version of mien.
    """
    if sum(each is not None for each in (workers, cluster, executor)) > 1:
        raise UsageError("workers of this machine, a cluster or an executor do a job; give one of them")
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise UsageError(f"workers {workers}, expected 1 to {MOST_WORKERS}")
    check_sampling(every=every, fps=fps)
    Selection(crops=crops, min_confidence=min_confidence, min_px=min_px, largest=largest)
    parts = plan([source] if isinstance(source, str | os.PathLike) else source)
    bundle = find_model(model)
    shares = None if prior is None else bundle.card.shares_for(prior)
    options = JobOptions(
        align=align,
        every=every,
        fps=fps,
        smooth_s=smooth_s,
        crops=crops,
        min_confidence=min_confidence,
        min_px=min_px,
        largest=largest,
        prior=shares,
    )
    folder = Path(out).absolute()
    chosen = bundle.resolve(precision)
    manifest = Manifest(
        version=metadata.version("mien"),
        model=bundle.model_id(chosen),
        precision=chosen,
        classes=bundle.classes,
        options=options,
        inputs=fingerprint(parts),
        pictures=sum(part.count for part in parts),
        parts=len(parts),
    )
    for warning in bundle.card.warnings():
        log.warning("%s", warning)
    with _opened(folder, manifest, bundle):
        job = Job(str(folder), manifest.model.sha256, chosen, options)
        missing = [part for part in parts if not is_file(folder / part.file)]
        done = manifest.pictures - sum(part.count for part in missing)
        if missing and cluster is not None:
            picture = missing[0].container or missing[0].names[0]  # as workers will open it, from their own folder
            with connect(cluster, folder=folder, picture=picture) as connected:
                distribute(job, missing, connected, done=done, progress=progress)
        elif missing and executor is not None:
            distribute(job, missing, executor, done=done, progress=progress)
        elif missing:
            with Workers(min(workers or usable_cores(), len(missing))) as processes:
                distribute(job, missing, processes, done=done, progress=progress)
        remove_leftovers(folder)  # of workers that died
    return job_status(folder)


@contextmanager
def _opened(folder: Path, manifest: Manifest, bundle: Bundle) -> Iterator[None]:
    """Prepare the folder of a job, or check that it is of this job, and keep others out while the block runs."""
    inside = folder / INSIDE
    if folder.is_dir() and not inside.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: not empty, and not the folder of a job; choose another one")
    with storage_errors(folder):
        for name in (BEGUN, FAILED):
            (inside / name).mkdir(parents=True, exist_ok=True)
    with locked(inside, what=folder):
        remove_leftovers(folder)
        if (inside / MANIFEST).exists():
            read_manifest(folder).require_same(manifest, folder=folder)
        else:
            with replacing_folder(inside / BUNDLE) as copy:
                for name in FILES:
                    if (bundle.path / name).exists():
                        write_atomic(copy / name, (bundle.path / name).read_bytes())
            manifest.write(inside / MANIFEST)
        yield
