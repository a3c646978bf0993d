"""`job_status`: how far a job is, from what lies in its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mien.core.arguments import checked
from mien.core.errors import DataError
from mien.core.files import is_file, parse_json
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.jobs.manifest import FAILED, INSIDE, Manifest, read_manifest
from mien.jobs.parts import part_file, reason_of, require_pyarrow
from mien.runtime.result_files import METADATA

RECENT = 100
"""The speed is that of so many parts that were finished last."""


@dataclass(frozen=True, kw_only=True)
class JobStatus(Record):
    """How far a job is.

    Attributes:
        folder: where it is.
        parts: how many parts the job has.
        done: how many are finished.
        failed: why parts could not be done, by the names of their files.
        pictures: how many pictures the finished parts have; each frame of a video is one.
        faces: how many faces.
        without_face: how many pictures have none.
        unreadable: how many pictures could not be read.
        pictures_per_s: the speed at which the last parts were finished; None with fewer than two.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    folder: str
    parts: int
    done: int
    failed: dict[str, str]
    pictures: int
    faces: int
    without_face: int
    unreadable: int
    pictures_per_s: float | None

    @property
    def missing(self) -> int:
        """How many parts are neither finished nor failed."""
        return self.parts - self.done - len(self.failed)


@checked
def job_status(folder: str | Path) -> JobStatus:
    """Say how far a job is, also while it runs.

    Args:
        folder: where `predict_job` writes.

    Raises:
        DataError: not the folder of a job, or a file of it is damaged.
        MissingExtraError: PyArrow is not installed.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    counts = dict.fromkeys(("pictures", "faces", "without_face", "unreadable"), 0)
    finished: list[tuple[float, int]] = []
    for number in range(manifest.parts):
        path = folder / part_file(number)
        if not is_file(path):
            continue
        has = _counts(path)
        for name in counts:
            counts[name] += has[name]
        finished.append((path.stat().st_mtime, has["pictures"]))
    return JobStatus(
        folder=str(folder),
        parts=manifest.parts,
        done=len(finished),
        failed=_failed(folder, manifest),
        pictures_per_s=_speed(finished),
        **counts,
    )


def _counts(path: Path) -> dict[str, int]:
    import pyarrow as pa

    try:
        found = parse_json(require_pyarrow().read_metadata(path).metadata[METADATA.encode()])
        return {name: int(value) for name, value in found.items()}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: damaged ({reason_of(error)}); remove it and start the job again") from None


def _failed(folder: Path, manifest: Manifest) -> dict[str, str]:
    reasons = {}
    for number in range(manifest.parts):
        path = folder / INSIDE / FAILED / f"{number:06}.txt"
        if is_file(path):
            reasons[part_file(number)] = path.read_text(encoding="utf-8")
    return reasons


def _speed(finished: list[tuple[float, int]]) -> float | None:
    """Return pictures a second, of the time when each part was finished and how many pictures it has."""
    recent = sorted(finished)[-RECENT:]
    if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
        return None
    return sum(pictures for _, pictures in recent[1:]) / (recent[-1][0] - recent[0][0])
