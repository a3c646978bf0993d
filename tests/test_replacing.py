"""A verb that replaces a result and fails, at its first or its last write, leaves the old result as it was."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mien.cli.main import run as mien
from mien.core.bundle import Bundle
from mien.core.runs import RunDir

SMALL = "--recipe demo --epochs 1 --batch 32 --device cpu --set holdout.rows=35"
VERBS = {
    "eval": "eval {0}/run",
    "eval of other data": "eval {0}/run --data synthetic:70",
    "explain": "explain {0}/run --method saliency --faces 2 --count 1",
    "report": "report {0}/run",
    "export": "export {0}/run --out {0}/bundle --overwrite --only fp32",
    "ensemble": "ensemble {0}/run {0}/other --out {0}/ensemble --overwrite",
    "a drawn picture": "predict {0}/face.png --model {0}/bundle --draw {0}/drawn.png --overwrite",
    "a drawn video": "predict {0}/clip.mp4 --model {0}/bundle --draw {0}/drawn.mp4 --overwrite",
    "a page": "export {0}/bundle --html {0}/page.html --overwrite",
    "a chart": "predict {0}/clip.mp4 --model {0}/bundle --chart {0}/chart.png --overwrite",
}
TRAINING = {
    "train": f"train synthetic:210 --out {{0}}/run --overwrite {SMALL}",
    "study": f"study synthetic:210 --out {{0}}/run --overwrite --ablation none {SMALL}",
    "ablate": f"ablate synthetic:210 --out {{0}}/run --overwrite --factor batch=32,64 {SMALL}",
}


@pytest.fixture
def home(studied: RunDir, exported: Bundle, tmp_path: Path) -> Path:
    """A folder with old results of every verb."""
    shutil.copytree(studied.path, tmp_path / "run")
    shutil.copytree(studied.path, tmp_path / "other")
    shutil.copytree(studied.path, tmp_path / "ensemble")
    shutil.copytree(exported.path, tmp_path / "bundle")
    for name in ("drawn.png", "drawn.mp4", "chart.png", "page.html", "bundle/mine.txt", "run/mine.txt"):
        (tmp_path / name).write_text("old")
    Image.new("L", (48, 48), 90).save(tmp_path / "face.png")
    with av.open(tmp_path / "clip.mp4", "w") as clip:
        stream = clip.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 48, 48, "yuv420p"
        for _ in range(3):
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 48, 3), 90, np.uint8))))
        clip.mux(stream.encode(None))
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Let the n-th file that is written fail, as on a full disk; 0 lets none.  Returns the list of those so far."""
    sync = os.fsync

    def arrange(place: int) -> list[int]:
        written: list[int] = []

        def counted(handle: int) -> None:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                written.append(handle)
                if len(written) == place:
                    raise OSError(28, "No space left on device")
            sync(handle)

        monkeypatch.setattr(os, "fsync", counted)
        return written

    return arrange


LONG = ("explain", "export")


@pytest.mark.parametrize("verb", [pytest.param(verb, marks=pytest.mark.long if verb in LONG else ()) for verb in VERBS])
def test_a_verb_that_fails(verb: str, home: Path, fail_at: Callable[[int], list[int]]) -> None:
    line = [*VERBS[verb].format(home).split(), "--quiet"]
    assert mien(line) == 0
    written = fail_at(0)
    assert mien(line) == 0
    assert written
    before = files(home)
    for place in {1, len(written)}:
        fail_at(place)
        assert mien(line) == 1
        assert files(home) == before


@pytest.mark.long
@pytest.mark.parametrize("verb", TRAINING)
def test_a_training_that_fails_before_its_first_checkpoint(
    verb: str, home: Path, fail_at: Callable[[int], list[int]]
) -> None:
    """Later there is a new run, which can be resumed."""
    before = files(home)
    for place in (1, 3, 6):
        fail_at(place)
        assert mien([*TRAINING[verb].format(home).split(), "--quiet"]) == 1
        assert files(home) == before
