"""A full disk and a read-only one: each verb says so in one line, and what was there before stays as it was."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.cli.main import run as mien
from mien.core.runs import RunDir


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 8 MiB large."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def run(disk: Path, studied: RunDir) -> RunDir:
    """A finished study on the small disk."""
    return RunDir(shutil.copytree(studied.path, disk / "run"))


def fill(disk: Path, *, leave: int) -> None:
    with (disk / "hog").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave)


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SMALL = "--recipe demo --epochs 1 --batch 32 --device cpu --set holdout.rows=35"
VERBS = {
    "resume": "train --resume {disk}/run --epochs 2",
    "train": f"train synthetic:210 --out {{disk}}/new {SMALL}",
    "overwrite": f"train synthetic:210 --out {{disk}}/run --overwrite {SMALL}",
    "eval": "eval {disk}/run",
    "explain": "explain {disk}/run --method saliency --faces 2 --count 1",
    "report": "report {disk}/run",
    "ablate": f"ablate synthetic:210 --out {{disk}}/new --factor batch=32,64 {SMALL}",
    "ensemble": "ensemble {disk}/run {copy} --out {disk}/new",
}


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_disk_that_takes_nothing(
    verb: str, state: str, disk: Path, run: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run.path, tmp_path / "copy")
    make_read_only(disk) if state == "read-only" else fill(disk, leave=0)
    before = files(run.path)
    line = VERBS[verb].format(disk=disk, copy=tmp_path / "copy")
    assert mien([*line.split(), "--quiet"]) == 1
    said = capsys.readouterr()
    reason = "Read-only file system" if state == "read-only" else "No space left on device"
    assert said.err.count(f"could not be written ({reason})") == 1, said.err
    assert "Traceback" not in said.err
    assert files(run.path) == before
    assert not list(disk.rglob(".mien*"))


@pytest.mark.parametrize("room", [64 * 1024, 1024 * 1024], ids=["best.ckpt", "last.ckpt"])
def test_a_disk_that_fills_up_while_training(
    room: int, disk: Path, run: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model and the last checkpoint are still there, and with more room it goes on as if nothing had happened."""
    undisturbed = shutil.copytree(run.path, tmp_path / "undisturbed")
    assert mien(["train", "--resume", str(undisturbed), "--epochs", "3"]) == 0
    for name in ("eval", "explain"):
        shutil.rmtree(run.path / name)
    (run.path / "report.html").unlink()
    fill(disk, leave=room)
    kept = {name: (run.path / name).read_bytes() for name in ("model.safetensors", "checkpoints/last.ckpt")}
    assert mien(["train", "--resume", str(run.path), "--epochs", "3"]) == 1
    said = capsys.readouterr().err
    assert said.count("could not be written (No space left on device)") == 1, said
    assert f"{run.path}/checkpoints/" in said.rpartition("could not")[0]
    assert {name: (run.path / name).read_bytes() for name in kept} == kept
    assert not list(disk.rglob(".mien*"))
    (disk / "hog").unlink()
    assert mien(["train", "--resume", str(run.path)]) == 0
    for name in ("model.safetensors", "model.json", "metrics.csv"):
        assert (run.path / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_first_error_is_not_hidden_by_a_full_disk(
    disk: Path, run: RunDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        fill(disk, leave=0)
        raise ZeroDivisionError("the first error")

    monkeypatch.setattr("mien.training.callbacks.ProgressCallback.on_train_batch_end", fails)
    assert mien(["train", "--resume", str(run.path), "--epochs", "2"]) == 1
    assert "the first error" in capsys.readouterr().err


HOLD = "import sys\nfrom pathlib import Path\nfrom mien.core.lock import locked\n"
HOLD += "with locked(Path(sys.argv[1])):\n    print(flush=True)\n    sys.stdin.read()\n"


@contextlib.contextmanager
def at_work(folder: Path) -> Iterator[int]:
    """Let another process work in a folder, and kill it at the end; yields its number."""
    line = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.parametrize("verb", ["resume", "overwrite", "eval", "explain"])
def test_two_processes_in_one_run(
    verb: str, studied: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(studied.path, tmp_path / "run")
    line = VERBS[verb].format(disk=tmp_path).split()
    with at_work(run) as other:
        before = files(run)
        assert mien([*line, "--quiet"]) == 2
        assert f"{run}: process {other} on " in capsys.readouterr().err
        assert files(run) == before
    assert mien([*line, "--quiet"]) == 0
    assert not (run / ".mien.lock").exists()


def test_two_processes_in_one_ablation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = VERBS["ablate"].format(disk=tmp_path).replace("batch=32,64", "augment.flip=false,true")
    assert mien([*line.split(), "--seeds", "0", "--quiet"]) == 0
    again = ["ablate", "--resume", str(tmp_path / "new"), "--quiet"]
    with at_work(tmp_path / "new") as other:
        assert mien(again) == 2
        assert f"process {other} on " in capsys.readouterr().err
    assert mien(again) == 0
