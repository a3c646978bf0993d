"""`mien predict --draw` and `--chart`: of folders and videos, and where copies may not go."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien as package
from mien.runtime.video import read_video
from mien.runtime.video_writer import VideoWriter

from .conftest import Mien

av = pytest.importorskip("av")


@pytest.fixture
def clip(tmp_path: Path, portrait: Path) -> Path:
    """Two seconds of a face that moves, ten frames a second."""
    photo = np.asarray(Image.open(portrait).convert("RGB").resize((200, 200)))
    with VideoWriter(tmp_path / "clip.mp4") as video:
        for i in range(20):
            frame = np.full((240, 320, 3), 128, np.uint8)
            frame[20:220, 4 * i : 4 * i + 200] = photo
            video.write(frame, i / 10)
    return tmp_path / "clip.mp4"


def picture(path: Path, side: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "PNG")
    return path


def test_a_video_with_its_copy_and_its_chart(mien: Mien, clip: Path) -> None:
    done = mien("predict", "clip.mp4", "-o", "clip.csv", "--draw", "drawn.mp4", "--chart", "chart.png")
    assert done.code == 0, done.err
    assert len(Path("clip.csv").read_text().splitlines()) == 21
    assert done.err.splitlines()[-1] == "20 frames, 20 faces"
    plain, drawn = (list(read_video(name)) for name in ("clip.mp4", "drawn.mp4"))
    assert [each.time_s for each in drawn] == [each.time_s for each in plain]
    assert all((abs(a.pixels.astype(int) - b.pixels) > 60).mean() > 0.005 for a, b in zip(plain, drawn, strict=True))
    with Image.open("chart.png") as chart:
        assert chart.format == "PNG"


def lose_tail(clip: Path) -> None:
    """Put zeros in place of all frames after the tenth."""
    content = clip.read_bytes()
    with av.open(str(clip)) as container:
        ends = sorted(packet.pos + packet.size for packet in container.demux(video=0) if packet.size)
    clip.write_bytes(content[: ends[9]] + bytes(ends[-1] - ends[9]) + content[ends[-1] :])


def test_a_broken_tail_keeps_what_came_before(mien: Mien, clip: Path) -> None:
    whole = [json.loads(line) for line in mien("predict", "clip.mp4", "--format", "jsonl").out.splitlines()]
    lose_tail(clip)
    done = mien("predict", "clip.mp4", "-o", "clip.jsonl", "--draw", "drawn.mp4")
    assert done.code == 3
    assert "damaged" in done.err
    found = [json.loads(line) for line in Path("clip.jsonl").read_text().splitlines()]
    assert 8 <= len(found) <= 11
    assert [each["frame"] for each in found] == list(range(len(found)))
    assert found[:8] == whole[:8]
    assert len(list(read_video("drawn.mp4"))) == len(found)


@pytest.mark.parametrize(("option", "name"), [("--draw", "drawn.mp4"), ("--chart", "chart.png")])
def test_an_older_drawing_stays_unless_the_new_one_is_whole(mien: Mien, clip: Path, option: str, name: str) -> None:
    lose_tail(clip)
    Path(name).write_bytes(b"old")
    done = mien("predict", "clip.mp4", option, name, "--overwrite")
    assert done.code == 3
    assert f"not drawn to the end, so the older file stays: {Path(name).absolute()}\n" in done.err
    assert Path(name).read_bytes() == b"old"


def test_numbers_of_the_command_are_those_of_python(mien: Mien, portrait: Path, tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / portrait.name).write_bytes(portrait.read_bytes())
    expected = [face.record() | {"source": ""} for face in package.predict(portrait).faces]
    assert len(expected) == 1
    for source in (portrait, "pics"):
        done = mien("predict", source, "--format", "jsonl")
        assert [json.loads(line) | {"source": ""} for line in done.out.splitlines()] == expected


def test_copies_of_a_folder_never_meet(mien: Mien, tmp_path: Path) -> None:
    for name in ("n.gif", "n.gif.png", "sub/a.png"):
        picture(tmp_path / "pics" / name)
    done = mien("predict", "pics", "pics/sub/../n.gif", "--draw", "copies", "--quiet")
    assert done.code == 0, done.err
    names = {path.relative_to("copies").as_posix() for path in Path("copies").rglob("*.*")}
    assert names >= {"n.gif.png", "n.gif_.png", "sub/a.png"} or names >= {"n.gif.png", "n.gif.png_.png", "sub/a.png"}
    assert mien("predict", "pics", "--draw", "copies").code == 2


@pytest.mark.parametrize("folder", ["pics/copies", "pics/sub/../copies", "."])
def test_copies_do_not_lie_among_the_inputs(mien: Mien, tmp_path: Path, folder: str) -> None:
    path = picture(tmp_path / "pics/a.png")
    (tmp_path / "pics/sub").mkdir()
    before = path.read_bytes()
    done = mien("predict", "pics", "--draw", folder, "--overwrite")
    assert (done.code, done.out) == (2, "")
    assert "copies must not lie among the inputs" in done.err
    assert [each for each in tmp_path.rglob("*.png") if each.read_bytes() == before] == [path]


def test_a_pattern_is_what_it_matches(mien: Mien, tmp_path: Path) -> None:
    """Its copies don't replace the inputs either."""
    before = [picture(tmp_path / "pics" / name).read_bytes() for name in ("a.png", "b.png")]
    done = mien("predict", "pics/*.png", "--draw", "pics", "--overwrite")
    assert (done.code, "copies must not lie among the inputs" in done.err) == (2, True)
    assert [(tmp_path / "pics" / name).read_bytes() for name in ("a.png", "b.png")] == before
    done = mien("predict", "pics/*.png", "--draw", "copies", "--format", "jsonl")
    assert (done.code, done.out.count("\n")) == (0, 2)
    assert sorted(path.name for path in Path("copies").iterdir()) == ["a.png", "b.png"]
    done = mien("predict", "pics/*.jpg")
    assert (done.code, done.err) == (3, "mien: pics/*.jpg: no file matches this pattern\n")


def test_a_name_that_is_too_long_for_a_copy(mien: Mien, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    done = mien("predict", "a.png", "--draw", f"{300 * 'a'}.png")
    assert done.code == 1
    assert "a.png: could not be written (File name too long)" in done.err


def test_inputs_with_dots_stay(mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [picture(tmp_path / name) for name in ("pics/a.png", "pics/b.png")]
    before = [path.read_bytes() for path in paths]
    (tmp_path / "pics/sub").mkdir()
    monkeypatch.chdir(tmp_path / "pics/sub")
    assert mien("predict", "../a.png", "../b.png", "--draw", "../../copies", "--quiet").code == 0
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == ["a.png", "b.png"]
    assert [path.read_bytes() for path in paths] == before


def test_a_kind_that_has_no_such_wide_pictures(mien: Mien, tmp_path: Path) -> None:
    Image.new("L", (17_000, 300)).save(tmp_path / "wide.png")
    done = mien("predict", "wide.png", "--draw", "wide.webp", "--threads", 1)
    assert done.code == 2
    assert "17000×300 pixels can't be written as .webp" in done.err
    assert "drawn" not in done.err
    assert not Path("wide.webp").exists()


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ("synthetic:7", "--draw out.png", "a table of faces has no pictures"),
        ("synthetic:7", "--chart out.png", "a table of faces has no pictures"),
        ("clip.mp4", "--draw out.mp4 --explain", "draws the maps of pictures"),
        ("clip.mp4", "--chart out.jpg", "expected a name that ends in .png"),
    ],
)
def test_what_can_not_be_drawn(mien: Mien, clip: Path, source: str, more: str, message: str) -> None:
    done = mien("predict", source, *more.split())
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_folder_is_finished_without_the_reader_of_videos(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "c.png"):
        picture(tmp_path / "pics" / name)
    (tmp_path / "pics/b.mp4").write_bytes(b"a video")
    monkeypatch.setitem(sys.modules, "av", None)
    done = mien("predict", "pics", "--format", "jsonl")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 3
    assert [record["source"] for record in records] == ["pics/a.png", "pics/b.mp4", "pics/c.png"]
    assert "video needs PyAV" in records[1]["reason"]
    assert "pics/b.mp4: video needs PyAV: pip install 'mien[video]'" in done.err
    assert mien("predict", "pics", "--format", "jsonl", "--skip-bad").code == 0
    assert mien("predict", "pics/b.mp4").code == 5


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `mien` as a process of its own."""
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    return subprocess.run(
        [sys.executable, "-c", "from mien.cli.main import main; main()", *arguments],
        cwd=cwd,
        env=clean | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_nothing_is_left_in_the_users_folders(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    home = tmp_path / "home"
    home.mkdir()
    places = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA"), str(home))
    done = run("predict", "a.png", "--quiet", cwd=tmp_path, **places)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("side", [10_000, 14_000])
def test_a_bomb_is_refused_in_one_line(tmp_path: Path, side: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    done = run("predict", "bomb.png", cwd=tmp_path)
    size = {10_000: "10000×10000", 14_000: "196,000,000"}[side]
    assert done.stderr == f"mien: bomb.png: {size} pixels, at most 64,000,000 are read; shrink it\n"
    assert done.returncode == 3


def test_results_are_utf8_whatever_the_locale(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = run("--help", cwd=tmp_path, **ascii_only)
    assert (done.returncode, done.stderr) == (0, "")
    assert "─" in done.stdout
