"""What an interrupted job has written already, so that the next one can continue after it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.files import parse_json
from mien.core.images import SIZE
from mien.core.schema import check_schema
from mien.runtime.geometry import Box
from mien.runtime.results import Face

KINDS: dict[str, Any] = {
    "schema_version": int,
    "source": str,
    "face": str,
    "probabilities": dict,
    "frame": int | None,
    "time_s": float | None,
    "box": list | None,
}
"""What a record must have so that a job can continue after it."""

BEGINNING = b'{"schema_version": '
"""How each line begins, also one that was cut off."""

FOREIGN = "not a record of `mien predict --format jsonl`; name another file"


@dataclass(frozen=True)
class ResumeState:
    """A JSON Lines file of records that may lack its end.

    Attributes:
        path: the file.
        end: how many bytes of it are kept: all but the records of the last picture or frame, some of which may be
            missing.
        done: the sources that are finished.
        last: the source in which the file ends, which is not finished; None without records.
        video: the video in which the file ends, or None.
        frame: the last frame of `video` that is finished.
        labels: the classes of the records; None without records.
    """

    path: Path
    end: int = 0
    done: frozenset[str] = frozenset()
    last: str | None = None
    video: str | None = None
    frame: int = -1
    labels: tuple[str, ...] | None = None

    def faces(self) -> Iterator[Face]:
        """Yield the faces of `video` again; what the network saw is not in the file."""
        if self.video is None:
            return
        for start, record in _records(self.path):
            if start < self.end and record["source"] == self.video:
                yield Face(
                    source=record["source"],
                    face=record["face"],
                    probabilities=record["probabilities"],
                    box=Box(*record["box"]),
                    image=np.zeros((SIZE, SIZE), np.uint8),
                    frame=record["frame"],
                    time_s=record["time_s"],
                )


def read_resume_state(path: Path) -> ResumeState:
    """Read what `mien predict -o faces.jsonl` has written; nothing where there is no file.

    Raises:
        DataError: it can't be read, or is not a file of records.
    """
    if not path.exists():
        return ResumeState(path)
    sources: set[str] = set()
    labels: tuple[str, ...] | None = None
    last: deque[tuple[str, int | None, int]] = deque(maxlen=2)  # source, frame and first byte
    for start, record in _records(path):
        source, frame = record["source"], record["frame"]
        if not last or last[-1][:2] != (source, frame):
            last.append((source, frame, start))
        sources.add(source)
        labels = tuple(record["probabilities"])
    if not last:
        return ResumeState(path)
    (before, done_frame, _), (source, _, end) = last[0], last[-1]
    state = ResumeState(path=path, end=end, done=frozenset(sources - {source}), last=source, labels=labels)
    if len(last) == 2 and before == source and done_frame is not None:
        return replace(state, video=source, frame=done_frame)
    return state


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield where each whole line begins, in bytes, and its record."""
    start = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    if line[: len(BEGINNING)] != BEGINNING[: len(line)]:
                        raise DataError(f"{path}, line {number}: {FOREIGN}")
                    return
                yield start, _record(line, f"{path}, line {number}")
                start += len(line)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None


def _is_whole(record: dict[str, Any]) -> bool:
    """Whether a record has what is needed to continue after it; a frame's has a time and a box."""
    for key, kind in KINDS.items():
        if key not in record or not isinstance(record[key], kind):
            return False
    if not record["probabilities"]:
        return False
    numbers = [*record["probabilities"].values()]
    box = record["box"]
    if box is not None:
        if len(box) != len(Box._fields):
            return False
        numbers += box
    if record["frame"] is not None:
        if box is None:
            return False
        numbers.append(record["time_s"])
    return all(isinstance(number, int | float) for number in numbers)


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record: Any = parse_json(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not _is_whole(record):
        raise DataError(f"{where}: {FOREIGN}")
    check_schema(record, where, again="name another file")
    return record
