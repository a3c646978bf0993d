"""A job that was cut off anywhere and goes on gives what an undisturbed one gives."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.cli.outputs import only_writer
from mien.runtime.video_writer import VideoWriter

from .conftest import Mien

pytest.importorskip("av")


@pytest.fixture
def inputs(tmp_path: Path, portrait: Path) -> list[str]:
    """Two pictures of a face, one blank one, and a video in which a face moves, hides and comes back."""
    generator = np.random.default_rng(0)
    for name in ("a.png", "c.png"):
        Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(tmp_path / name)
    Image.new("RGB", (300, 200)).save(tmp_path / "b.png")
    photo = np.asarray(Image.open(portrait).convert("RGB").resize((200, 200)))
    with VideoWriter(tmp_path / "d.mp4") as video:
        for i in range(14):
            frame = np.full((240, 320, 3), 128, np.uint8)
            if i not in (5, 6):
                frame[20:220, 8 * i : 8 * i + 200] = photo
            video.write(frame, i / 10)
    return ["a.png", "b.png", "c.png", "d.mp4"]


def records(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_cut_off_anywhere(mien: Mien, tmp_path: Path, inputs: list[str]) -> None:

    assert mien("predict", *inputs, "-o", "whole.jsonl").code == 0
    whole = (tmp_path / "whole.jsonl").read_bytes()
    expected = records(whole.decode())
    assert [each["source"] for each in expected[:3]] == ["a.png", "b.png", "c.png"]
    assert [each["frame"] for each in expected[3:]] == [*range(14)]
    assert [each["frame"] for each in expected if each["reason"] == "no face found"] == [None, 5, 6]
    for cut in np.random.default_rng(1).integers(0, len(whole) + 1, 6):
        (tmp_path / "part.jsonl").write_bytes(whole[:cut])
        done = mien("predict", *inputs, "-o", "part.jsonl", "--resume")
        assert done.code == 0, done.err
        found = records((tmp_path / "part.jsonl").read_text())
        assert [[each[key] for key in ("source", "frame", "face", "box", "label")] for each in found] == [
            [each[key] for key in ("source", "frame", "face", "box", "label")] for each in expected
        ]
        for one, other in zip(found, expected, strict=True):
            if other["face"] is not None:
                assert one["probabilities"] == pytest.approx(other["probabilities"], abs=3e-6)


def test_other_inputs_lose_nothing(mien: Mien, tmp_path: Path, inputs: list[str]) -> None:
    """The last picture's records would be removed, and nothing would make them anew."""
    assert mien("predict", "a.png", "-o", "out.jsonl").code == 0
    before = (tmp_path / "out.jsonl").read_bytes()
    for given in ("c.png", "."):
        done = mien("predict", given, "-o", "out.jsonl", "--resume")
        assert (done.code, "out.jsonl ends in a.png" in done.err) == (2, True)
        assert (tmp_path / "out.jsonl").read_bytes() == before
        (tmp_path / "a.png").unlink(missing_ok=True)


def test_what_is_written_stays_and_is_not_done_again(mien: Mien, tmp_path: Path, inputs: list[str]) -> None:
    assert mien("predict", "a.png", "c.png", "d.mp4", "-o", "out.jsonl").code == 0
    first = records((tmp_path / "out.jsonl").read_text())
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes(b"a picture no longer")
    assert mien("predict", "a.png", "c.png", "d.mp4", "-o", "out.jsonl", "--resume").code == 0
    again = records((tmp_path / "out.jsonl").read_text())
    assert again[:-1] == first[:-1]
    assert len(again) == len(first)


def test_without_a_file_it_begins(mien: Mien, tmp_path: Path, inputs: list[str]) -> None:
    assert mien("predict", "a.png", "-o", "new.jsonl", "--resume").code == 0
    assert len(records((tmp_path / "new.jsonl").read_text())) == 1


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ("", 2, "name it with -o faces.jsonl"),
        ("-o out.csv", 2, "name it with -o faces.jsonl"),
        ("-o out.jsonl --draw new.png", 2, "new.png can't be resumed"),
        ("-o out.jsonl --model mien-s-ferplus", 2, "made by a model with other classes"),
        ("-o out.jsonl --format csv", 2, "name it with -o faces.jsonl"),
        ("-o out.jsonl --json", 2, "--json prints JSON on stdout"),
        ("-o mine.jsonl", 3, "mine.jsonl, line 1: not a record"),
        ("-o wrong.jsonl", 3, "wrong.jsonl, line 2: not a record"),
        ("-o newer.jsonl", 3, "newer.jsonl, line 1: written by a newer mien (schema_version 9"),
        ("-o folder.jsonl", 2, "--resume can't be used with -o FOLDER/"),
    ],
)
def test_what_can_not_be_gone_on_with(
    mien: Mien, tmp_path: Path, inputs: list[str], more: str, code: int, message: str
) -> None:
    assert mien("predict", "a.png", "-o", "out.jsonl").code == 0
    line = (tmp_path / "out.jsonl").read_text()
    (tmp_path / "wrong.jsonl").write_text(line + "{}\n")
    (tmp_path / "newer.jsonl").write_text(line.replace('"schema_version": ', '"schema_version": 9'))
    (tmp_path / "mine.jsonl").write_text("my notes, without a line's end")
    (tmp_path / "folder.jsonl").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*") if path.is_file()}
    done = mien("predict", "a.png", "--resume", *more.split())
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*") if path.is_file()} == before


def test_a_table_is_classified_as_a_whole(mien: Mien, tmp_path: Path) -> None:
    done = mien("predict", "synthetic:7", "-o", "out.jsonl", "--resume")
    assert (done.code, done.out) == (2, "")
    assert "can't be resumed" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="an open lock file can't be looked at")
@pytest.mark.parametrize("more", [["--resume"], ["--overwrite"], []])
def test_one_command_at_a_time_writes_a_file(mien: Mien, tmp_path: Path, inputs: list[str], more: list[str]) -> None:
    """Two at once gave 395 records for 200 pictures, and both ended well."""
    with only_writer(tmp_path / "out.jsonl"):
        done = mien("predict", "a.png", "-o", "out.jsonl", *more)
        assert (done.code, done.out) == (2, "")
        assert f"out.jsonl: process {os.getpid()} on " in done.err
        assert "is at work in it; wait for it or stop it first" in done.err
        assert mien("predict", "a.png", "-o", "other.jsonl", *more).code == 0
    assert not (tmp_path / "out.jsonl").exists()
    assert mien("predict", "a.png", "-o", "out.jsonl", *more).code == 0
    assert list(tmp_path.glob(".*")) == []


def test_a_damaged_record_is_named(mien: Mien, tmp_path: Path, inputs: list[str]) -> None:
    assert mien("predict", "d.mp4", "-o", "out.jsonl").code == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines(keepends=True)
    for change, key in (
        ({"time_s": 0.1}, "time_s"),
        ({"face": "x"}, "face"),
        ({"box": [0, 0, 1e300, 1]}, "box"),
        ({"probabilities": {"neutral": 2.0}}, "probabilities"),
    ):
        damaged = json.dumps(json.loads(lines[3]) | change) + "\n"
        (tmp_path / "out.jsonl").write_text("".join([*lines[:3], damaged, *lines[4:]]))
        done = mien("predict", "d.mp4", "-o", "out.jsonl", "--resume")
        assert (done.code, done.out) == (3, "")
        assert f"out.jsonl, line 4: damaged ({key} " in done.err
