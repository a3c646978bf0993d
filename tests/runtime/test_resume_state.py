"""Records of an interrupted job, whole and spoilt."""

import json
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import DataError
from mien.core.schema import SCHEMA_VERSION
from mien.runtime.resume_state import read_resume_state

RECORD = {
    **{
        "schema_version": SCHEMA_VERSION,
        "source": "a.mp4",
        "frame": 3,
        "time_s": 0.12,
        "face": "1",
        "box": [1.0, 2.0, 3.0, 4.0],
    },
    **{"label": "happy", "probability": 0.75, "probabilities": {"happy": 0.75, "sad": 0.25}},
}


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_video_goes_on_after_its_last_whole_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", RECORD, RECORD | {"frame": 4, "time_s": 0.16})
    written = read_resume_state(path)
    assert (written.video, written.frame, written.labels) == ("a.mp4", 3, ("happy", "sad"))
    assert [(face.frame, face.box) for face in written.faces()] == [(3, (1, 2, 3, 4))]


@pytest.mark.parametrize(
    "change",
    [
        {"box": None},
        {"box": [1, 2, 3]},
        {"box": [1, 2, 3, "4"]},
        {"box": {"x": 1}},
        {"time_s": None},
        {"time_s": "0"},
        {"frame": "3"},
        {"probabilities": {}},
        {"probabilities": {"happy": None}},
        {"probabilities": {"happy": float("nan")}},
        {"source": 3},
    ],
)
def test_records_that_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write(tmp_path / "a.jsonl", RECORD, RECORD | change)
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: not a record"):
        read_resume_state(path)


@pytest.mark.parametrize("key", ["frame", "box", "time_s", "face"])
def test_records_that_lack_a_key(tmp_path: Path, key: str) -> None:
    record = {name: value for name, value in RECORD.items() if name != key}
    with pytest.raises(DataError, match="line 1: not a record"):
        read_resume_state(write(tmp_path / "a.jsonl", record))


def test_a_line_that_is_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[" * 100_000 + "\n")
    with pytest.raises(DataError, match="line 1: not a record"):
        read_resume_state(tmp_path / "a.jsonl")
