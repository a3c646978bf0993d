"""What an interrupted job has written already, so that the next one goes on after it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
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
    **{"schema_version": int, "source": str, "face": str, "probabilities": dict},
    **{"frame": int | None, "time_s": float | None, "box": list | None},
}
"""What a record must have to go on after it."""

BEGINNING = b'{"schema_version": '
"""Of each line, also of one that was cut off."""

FOREIGN = "not a record of `mien predict --format jsonl`; name another file"


@dataclass(frozen=True)
class ResumeState:
    """A JSON Lines file of records that may lack its end.

    Attributes:
        path: the file.
        end: how many bytes of it are certain: all but the last picture's or frame's records, which may not be all.
        done: the sources that are done with.
        last: the source in which it ends, which is not; None without records.
        video: the video in which it ends, or None.
        frame: the last frame of `video` that is done with.
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
        """Yield the faces of `video` again, without what the network saw."""
        for start, record in _records(self.path) if self.video else ():
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
    in_video = len(last) == 2 and before == source and done_frame is not None
    return ResumeState(
        path=path,
        end=end,
        done=frozenset(sources - {source}),
        last=source,
        video=source if in_video else None,
        frame=done_frame if in_video and done_frame is not None else -1,
        labels=labels,
    )


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
    """Whether a record has what is needed to go on after it; a frame's has a time and a box."""
    if not record.keys() >= KINDS.keys() or not all(isinstance(record[key], kind) for key, kind in KINDS.items()):
        return False
    box, framed = record["box"], record["frame"] is not None
    numbers = [*record["probabilities"].values(), *(box or ()), *([record["time_s"]] if framed else ())]
    return (
        bool(record["probabilities"])
        and (box is not None or not framed)
        and (box is None or len(box) == len(Box._fields))
        and all(isinstance(number, int | float) for number in numbers)
    )


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record: Any = parse_json(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not _is_whole(record):
        raise DataError(f"{where}: {FOREIGN}")
    check_schema(record, where, again="name another file")
    return record
