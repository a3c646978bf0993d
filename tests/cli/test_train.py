"""`mien train`, `study`, `report` and what they say."""

import json
import re
from pathlib import Path

import pytest

from mien.core.bundle import Bundle
from mien.core.runs import RunDir

from .conftest import Mien

SMALL = ["--epochs", "1", "--batch", "32", "--device", "cpu", "--set", "holdout.rows=21"]


def test_a_training_tells_where_it_is(mien: Mien, tmp_path: Path) -> None:
    done = mien("train", "synthetic:140", "--recipe", "demo", "--name", "a", *SMALL)
    path = tmp_path / "runs/train/a"
    assert done.code == 0
    assert done.out == f"{path}\n"
    first, device, epoch, summary = done.err.splitlines()
    assert first == f"run: {path}"
    assert device.startswith("device: cpu, ")
    assert epoch.startswith("epoch 1 of 1: loss ")
    assert "faces/s" in epoch
    assert re.fullmatch(
        rf"\d+\.\d % of the 21 held-out faces right, after epoch 1 of 1; next: mien eval {path}", summary
    )
    again = mien("train", "synthetic:140", "--recipe", "demo", "--name", "a", *SMALL, "--quiet", "--json")
    assert json.loads(again.out)["run"] == f"{path}-2"
    assert again.err == ""
    assert "no unfinished run of train" in mien("train", "--resume", "latest", "--epochs", "2").err
    extended = mien("train", "--resume", "a", "--epochs", "2")
    assert extended.code == 0
    assert f"run: {path}\n" in extended.err
    assert "epoch 2 of 2:" in extended.err
    assert mien("train", "--resume", "a-2", "--model", "mien-s").code == 2
    assert mien("train", "--resume", "a-2").code == 2


def test_fine_tuning_a_network_that_ships(mien: Mien, tmp_path: Path) -> None:
    done = mien("train", "synthetic:140", "--init", "mien-n", "--out", "new", "--epochs", "1", "--device", "cpu")
    assert done.code == 0, done.err
    assert "starting from mien-n: its weights are taken over\n" in done.err
    stored = RunDir(tmp_path / "new").read_json("config.json")
    assert (stored["config"]["init"], stored["config"]["recipe"]) == ("mien-n", "fine-tune")
    assert stored["init"]["data"] == Bundle.open("mien-n").card.training.data.source
    refused = mien("train", "--resume", "new", "--init", "mien-n")
    assert (refused.code, "it can't be given: --init" in refused.err) == (2, True)
    nearest = mien("train", "synthetic:140", "--init", "mien-p")
    assert nearest.code == 3
    assert "mien-p: no network to begin with" in nearest.err


def test_a_full_folder_is_refused(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    done = mien("train", "synthetic:140", "--recipe", "demo", "--out", "full", *SMALL)
    assert done.code == 2
    assert "--overwrite" in done.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


@pytest.mark.long
def test_own_classes_in_any_script(mien: Mien, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for name in ("笑顔", "🙂 ok", "plain"):
        for split, count in (("train", 16), ("test", 4)):
            folder = tmp_path / "faces" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(generator.integers(0, 256, (64, 50), dtype=np.uint8)).save(folder / f"{i}.png")
    done = mien("study", "faces", "--recipe", "demo", *SMALL[:-1], "holdout.rows=9", "--out", "run")
    assert done.code == 0, done.err
    assert done.out == f"{tmp_path / 'run/report.html'}\n"
    scores = RunDir.open("run").read_json("eval/test/metrics.json")
    assert scores["classes"] == sorted(["笑顔", "🙂 ok", "plain"])
    assert scores["faces"] == 12


@pytest.mark.parametrize("verb", ["train", pytest.param("study", marks=pytest.mark.long)])
def test_an_unreadable_picture(mien: Mien, tmp_path: Path, verb: str) -> None:
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for name in ("smile", "frown"):
        folder = tmp_path / "faces" / name
        folder.mkdir(parents=True)
        for i in range(24):
            Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(folder / f"{i}.png")
    (tmp_path / "faces/smile/bad.png").write_bytes(b"no picture")
    line = [verb, "faces", "--recipe", "demo", *SMALL[:-1], "holdout.rows=8"]
    done = mien(*line)
    assert (done.code, done.out) == (3, "")
    assert "faces/smile/bad.png" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    done = mien(*line, "--skip-bad", "--name", "a")
    assert done.code == 0, done.err
    assert "left out: " in done.err
    assert "bad.png" in done.err
    run = RunDir.open(tmp_path / "runs" / verb / "a")
    assert run.read_json("data.json")["splits"]["train"]["classes"] == {"frown": 24, "smile": 24}


def test_a_place_that_cannot_be_a_run(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    done = mien("train", "synthetic:140", "--recipe", "demo", *SMALL)
    assert (done.code, done.out) == (1, "")
    assert f"{tmp_path / 'runs/train'}: could not be written" in done.err


@pytest.mark.parametrize("name", ["", "https://x.org/votes.csv"])
def test_votes_that_are_no_file(mien: Mien, tmp_path: Path, name: str) -> None:
    done = mien("train", "synthetic:210", "--recipe", "demo", "--out", tmp_path / "run", "--votes", name)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert ("does not download" if name else "--votes: the name is empty") in done.err
    assert not (tmp_path / "run").exists()


def test_report(mien: Mien, studied: RunDir) -> None:
    before = (studied.path / "report.html").read_bytes()
    done = mien("report", studied.path)
    assert done.out == f"{studied.path / 'report.html'}\n"
    assert (studied.path / "report.html").read_bytes() == before
