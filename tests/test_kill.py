"""The short form of benchmarks/kill_resume.py: killed in the middle of writing, and gone on with."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image

from mien.cli.main import run as mien
from mien.core.errors import DataError
from mien.core.runs import RunDir
from mien.runtime.video_writer import VideoWriter
from mien.workflows.train import resume

pytestmark = pytest.mark.long

MORTAL = """
import os, signal, sys
from pathlib import Path
from mien.cli.main import run
name, left, replace = sys.argv[1], int(sys.argv[2]), Path.replace
def replace_or_die(temporary, target):
    global left
    left -= Path(target).name == name
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(temporary, target)
Path.replace = replace_or_die
sys.exit(run(sys.argv[3:]))
"""
"""`mien`, killed when it has written a file of this name for the n-th time and not yet given it the name."""

LINE = "train synthetic:420 --recipe demo --batch 32 --epochs 3 --device cpu --set precision=fp32 --set holdout.rows=70"
COMPARED = ("metrics.csv", "model.safetensors", "model.json")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("undisturbed") / "run"
    assert mien([*LINE.split(), "--quiet", "--out", str(path)]) == 0
    return path


def killed(folder: Path, name: str, *, at: int) -> RunDir:
    line = [sys.executable, "-c", MORTAL, name, str(at), *LINE.split(), "--quiet", "--out", str(folder)]
    assert subprocess.run(line, check=False).returncode == -signal.SIGKILL
    return RunDir(folder)


@pytest.mark.parametrize("epoch", [1, 2])
def test_killed_while_a_checkpoint_is_written(undisturbed: Path, tmp_path: Path, epoch: int) -> None:
    run = killed(tmp_path / "run", "last.ckpt", at=epoch)
    assert (run.state, len(run.history)) == ("running", epoch)
    assert len(list((run.path / "checkpoints").glob(".mien-*.tmp"))) == 1
    resume(run.path)
    assert run.state == "finished"
    assert not list(run.path.rglob(".mien*"))
    for name in COMPARED:
        assert (run.path / name).read_bytes() == (undisturbed / name).read_bytes()


def test_killed_before_it_is_a_run(tmp_path: Path) -> None:
    """Whatever has a config.json has all that `eval` and `report` need."""
    run = killed(tmp_path / "run", "config.json", at=1)
    assert sorted(path.name for path in run.path.iterdir() if not path.name.startswith(".")) == [
        "data.json",
        "model_info.json",
        "status.json",
    ]
    with pytest.raises(DataError, match=r"no run folder \(no config\.json in it\)"):
        resume(run.path)


def test_an_extended_run_is_never_finished_before_it_is(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any moment before the first new epoch, it goes on to the last one."""
    run = RunDir(tmp_path / "run")

    class Killed(BaseException):
        pass

    def stop(*_: object, **__: object) -> None:
        raise Killed

    assert mien([*LINE.split(), "--quiet", "--out", str(run.path)]) == 0
    with monkeypatch.context() as patch:
        patch.setattr("mien.workflows.train._log_device", stop)
        with pytest.raises(Killed):
            resume(run.path, epochs=4)
    resume(run.path)
    assert (run.state, len(run.history)) == ("finished", 4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures that are faces as they are."""
    (tmp_path / "pictures").mkdir()
    generator = np.random.default_rng(0)
    for i in range(60):
        Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(tmp_path / f"pictures/{i:02}.png")
    return tmp_path / "pictures"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video in which a face moves."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        photo = np.asarray(picture.convert("RGB").resize((200, 200)))
    with VideoWriter(tmp_path / "clip.mp4") as video:
        for i in range(60):
            frame = np.full((240, 420, 3), 128, np.uint8)
            frame[20:220, 3 * i : 3 * i + 200] = photo
            video.write(frame, i / 25)
    return tmp_path / "clip.mp4"


def seen_and_killed(source: Path, out: Path) -> bytes:
    """Kill `mien predict` when the first records are there; returns what it left."""
    mien_itself = [sys.executable, "-c", "from mien.cli.main import main; main()"]
    line = [*mien_itself, "predict", str(source), "-o", str(out), "--quiet"]
    with subprocess.Popen(line) as process:
        while process.poll() is None and not (out.exists() and out.stat().st_size):
            time.sleep(0.001)
        process.kill()
    return out.read_bytes()


@pytest.mark.parametrize("kind", ["pictures", "clip"])
def test_a_killed_prediction_goes_on(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source = request.getfixturevalue(kind)
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    assert mien(["predict", str(source), "-o", str(whole), "--quiet"]) == 0
    left = seen_and_killed(source, part)
    assert mien(["predict", str(source), "-o", str(part), "--quiet", "--resume"]) == 0
    assert part.read_bytes().startswith(left[: left.rfind(b"\n") + 1])
    assert part.read_bytes() == whole.read_bytes()


def test_sigterm_ends_a_run_of_the_tests(tmp_path: Path) -> None:
    """Also in the middle of a training, which takes the signal for itself."""
    file = f"{Path(__file__).parent}/training/test_fit.py"
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "log_cli=true", "--log-cli-level=INFO"]
    line += [f"--basetemp={tmp_path / 'tests'}", f"{file}::test_progress_counts_faces_and_ends_where_the_training_ends"]
    line += [f"{file}::test_a_diverged_run_fails"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        for said in process.stdout:
            if "epoch 1 of" in said:
                process.terminate()
                break
        rest = process.stdout.read()
        assert process.wait() == 1
    assert "ended by SIGTERM" in rest
    assert "test_a_diverged_run_fails" not in rest
