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
    path = write(tmp_path / "a.jsonl", RECORD, RECORD | {"frame": 4, "time_s": 0.16} | change)
    (key,) = change
    expected = rf"a\.jsonl, line 2: (not a record|damaged \({key})"
    with pytest.raises(DataError, match=expected):
        read_resume_state(path)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({}, "face"),  # the same track twice in a frame
        ({"time_s": 0.13}, "time_s"),  # another time in the same frame
        ({"frame": 4}, "time_s"),  # the next frame at the same time
        ({"frame": 4, "time_s": 0.01}, "time_s"),
        ({"frame": 2, "time_s": 0.16}, "frame"),
        ({"frame": -1, "time_s": 0.16}, "frame"),
        ({"frame": 4, "time_s": 1e308, "face": "one"}, "face"),
        ({"frame": 4, "time_s": 0.16, "face": "0"}, "face"),
        ({"frame": 4, "time_s": 0.16, "face": "9" * 5000}, "face"),
        ({"frame": 4, "time_s": 0.16, "face": 1}, "face"),
        ({"frame": 4, "time_s": 0.16, "box": [1e308, 2, 3, 4]}, "box"),
        ({"frame": 4, "time_s": 0.16, "box": [True, 2, 3, 4]}, "box"),
        ({"frame": 4, "time_s": 0.16, "probabilities": {"happy": 0.75, "neutral": 0.25}}, "probabilities"),
        ({"frame": 4, "time_s": 0.16, "probabilities": {"happy": 7.5, "sad": 0.25}}, "probabilities"),
        ({"frame": 4, "time_s": 0.16, "face": None}, "reason"),
        ({"frame": 4, "time_s": 0.16, "face": None, "reason": 3}, "reason"),
    ],
)
def test_records_that_can_not_follow_are_named(tmp_path: Path, change: dict[str, Any], key: str) -> None:
    """Each of these ended in an error from the inside when the tracks were followed again."""
    path = write(tmp_path / "a.jsonl", RECORD, RECORD | change)
    with pytest.raises(DataError, match=rf"a\.jsonl, line 2: damaged \({key} .*; delete this line and those after it"):
        read_resume_state(path)


def test_pictures_without_a_face_are_finished_too(tmp_path: Path) -> None:
    none = {**RECORD, **dict.fromkeys(("frame", "time_s", "face", "box", "label", "probability", "probabilities"))}
    none["reason"] = "no face found"
    path = write(tmp_path / "a.jsonl", none | {"source": "a.jpg"}, none | {"source": "b.jpg"})
    state = read_resume_state(path)
    assert (state.done, state.last, state.labels, state.video) == ({"a.jpg"}, "b.jpg", None, None)
    assert state.end == len(path.read_bytes().splitlines(keepends=True)[0])


def test_a_video_goes_on_after_the_last_frame_with_a_face(tmp_path: Path) -> None:
    """Tracks are followed again from the faces alone, so the frames without one that come last are done again."""
    none = (
        RECORD | dict.fromkeys(("face", "box", "label", "probability", "probabilities")) | {"reason": "no face found"}
    )
    frames = [RECORD, none | {"frame": 4, "time_s": 0.16}, none | {"frame": 5, "time_s": 0.2}]
    path = write(tmp_path / "a.jsonl", *frames)
    state = read_resume_state(path)
    assert (state.video, state.frame, state.end) == ("a.mp4", 3, len(json.dumps(RECORD)) + 1)
    assert [face.frame for face in state.faces()] == [3]


def test_records_of_an_older_mien_are_not_gone_on_with(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", RECORD | {"schema_version": 2})
    with pytest.raises(DataError, match=r"line 1: written by an older mien \(schema_version 2\).*name another file"):
        read_resume_state(path)


@pytest.mark.parametrize("key", ["frame", "box", "time_s", "face"])
def test_records_that_lack_a_key(tmp_path: Path, key: str) -> None:
    record = {name: value for name, value in RECORD.items() if name != key}
    with pytest.raises(DataError, match=rf"line 1: damaged \({key} missing\)"):
        read_resume_state(write(tmp_path / "a.jsonl", record))


def test_a_line_that_is_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[" * 100_000 + "\n")
    with pytest.raises(DataError, match="line 1: not a record"):
        read_resume_state(tmp_path / "a.jsonl")
