"""What an interrupted job has written already, so that the next one can continue after it."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.files import parse_json
from mien.core.images import SIZE
from mien.core.schema import SCHEMA_VERSION, check_schema
from mien.runtime.geometry import Box
from mien.runtime.results import Face

LARGEST_PX = 1e6
"""Coordinates in a record are nearer to the picture than this."""

BEGINNING = b'{"schema_version": '
"""How each line begins, also one that was cut off."""

FOREIGN = "not a record of `mien predict --format jsonl`; name another file"
REMEDY = "delete this line and those after it, or begin anew with --overwrite instead of --resume"

TRACK = re.compile("[1-9][0-9]{0,8}")
"""The number of a track."""

LONGEST = 60
"""So many characters of a damaged value are shown."""


@dataclass(frozen=True)
class ResumeState:
    """A JSON Lines file of records that may lack its end.

    Attributes:
        path: the file.
        end: how many bytes of it are kept: all but the records of the last picture, some of which may be missing; of a
            video all up to the last finished frame with a face, since tracks begin again where faces were.
        done: the sources that are finished.
        last: the source in which the file ends, which is not finished; None without records.
        video: the video in which the file ends, or None.
        frame: the last frame of `video` that is kept.
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
            if start < self.end and record["source"] == self.video and record["face"] is not None:
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
    done: set[str] = set()
    labels: tuple[str, ...] | None = None
    source: str | None = None
    frame: int | None = None
    kept_frame, end, has_face = -1, 0, False
    for start, record in _records(path):
        if record["source"] != source:
            if source is not None:
                done.add(source)
            kept_frame, end, has_face = -1, start, False
        elif record["frame"] != frame:
            if has_face and frame is not None:
                kept_frame, end = frame, start
            has_face = False
        source, frame = record["source"], record["frame"]
        if record["face"] is not None:
            has_face = True
            labels = labels or tuple(record["probabilities"])
    state = ResumeState(path=path, end=end, done=frozenset(done), last=source, labels=labels)
    if kept_frame >= 0:
        return replace(state, video=source, frame=kept_frame)
    return state


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield where each whole line begins, in bytes, and its record."""
    start = 0
    check = _Check()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    if line[: len(BEGINNING)] != BEGINNING[: len(line)]:
                        raise DataError(f"{path}, line {number}: {FOREIGN}")
                    return
                yield start, check.record(line, f"{path}, line {number}")
                start += len(line)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None


class _Check:
    """Checks one record after the other, so that a job can continue after any of them."""

    def __init__(self) -> None:
        self._labels: tuple[str, ...] | None = None
        self._source = ""
        self._frame, self._time_s = -1, -math.inf
        self._tracks: set[str] = set()

    def record(self, line: bytes, where: str) -> dict[str, Any]:
        """Return a line's record.

        Raises:
            DataError: it is none, or can't follow those before; the message begins with `where`.
        """
        try:
            record: Any = parse_json(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("source"), str):
            raise DataError(f"{where}: {FOREIGN}")
        check_schema(record, where, again="name another file", oldest=SCHEMA_VERSION)
        if "face" not in record:
            raise DataError(f"{where}: damaged (face missing); {REMEDY}")
        wrong = self._wrong_place(record)
        if wrong is None and record["face"] is None:
            if not isinstance(record.get("reason"), str):
                wrong = "reason"
        elif wrong is None:
            wrong = self._wrong_face(record)
        if wrong is not None:
            raise DataError(f"{where}: damaged ({wrong} {_quoted(record, wrong)}); {REMEDY}")
        return record

    def _wrong_place(self, record: dict[str, Any]) -> str | None:
        """Return which key has a value that can't follow the record before."""
        frame, time_s = record.get("frame"), record.get("time_s")
        if record["source"] != self._source:
            self._source = record["source"]
            self._frame, self._time_s = -1, -math.inf
        if frame is None:
            return None if "frame" in record and time_s is None else "frame"
        if not _is_whole(frame) or frame < max(self._frame, 0):
            return "frame"
        if not isinstance(time_s, int | float) or not _is_number(time_s):
            return "time_s"
        if frame == self._frame:
            return None if time_s == self._time_s else "time_s"
        if time_s <= self._time_s:
            return "time_s"
        self._frame, self._time_s = frame, time_s
        self._tracks = set()
        return None

    def _wrong_face(self, record: dict[str, Any]) -> str | None:
        """Return which key of a face has a value that none can have."""
        face, box, probabilities = record["face"], record.get("box"), record.get("probabilities")
        if not isinstance(face, str):
            return "face"
        if not isinstance(probabilities, dict) or not probabilities:
            return "probabilities"
        self._labels = self._labels or tuple(probabilities)
        if tuple(probabilities) != self._labels:
            return "probabilities"
        if not all(_is_number(p) and 0 <= p <= 1 for p in probabilities.values()):
            return "probabilities"
        if box is not None:
            if not isinstance(box, list) or len(box) != len(Box._fields):
                return "box"
            if not all(_is_number(side) and abs(side) < LARGEST_PX for side in box):
                return "box"
        if record["frame"] is None:
            return None
        if box is None:
            return "box"
        if not TRACK.fullmatch(face) or face in self._tracks:
            return "face"
        self._tracks.add(face)
        return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _quoted(record: dict[str, Any], key: str) -> str:
    """Return a value as JSON, shortened."""
    if key not in record:
        return "missing"
    text = json.dumps(record[key])
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
