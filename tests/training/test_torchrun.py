"""Trainings whose processes torchrun starts, on this machine and on two that are made of network namespaces."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.core.errors import UsageError
from mien.core.runs import RunDir
from mien.core.torchrun import Processes, devices_here, devices_of, is_assistant, processes

LINE = [*["synthetic:420", "--recipe", "demo", "--batch", "32", "--epochs", "2", "--device", "cpu", "--threads", "2"]]
LINE += ["--set", "precision=fp32", "--set", "holdout.rows=70"]
COMPARED = ("metrics.csv", "model.safetensors", "model.json")

ENVIRONMENT = {"TORCHELASTIC_RUN_ID": "1", "RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}


def test_what_torchrun_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes() is None
    assert (devices_of(3), devices_here(3), is_assistant()) == (3, 3, False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert processes() == Processes(rank=5, count=8, on_this_machine=4)
    assert (devices_of(1), devices_of(8), devices_here(8), is_assistant()) == (8, 8, 4, True)
    with pytest.raises(UsageError, match="--devices 2: torchrun has started 8 processes; leave --devices out"):
        devices_of(2)


def torchrun(*line: str, before: tuple[str, ...] = (), **environment: str) -> "subprocess.Popen[str]":
    command = [*before, sys.executable, "-m", "torch.distributed.run", *line]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def train(*line: str) -> None:
    subprocess.run([sys.executable, "-m", "mien", "train", *line], check=True, capture_output=True)


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in COMPARED)


@pytest.fixture(scope="module")
def spawned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("spawned") / "run"
    train(*LINE, "--devices", "2", "--out", str(run))
    return run


@pytest.mark.long
def test_torchrun_equals_devices_and_resumes(spawned: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = LINE.copy()
    first[first.index("--epochs") + 1] = "1"
    for line in ([*first, "--out", str(run)], ["--resume", str(run), "--epochs", "2"]):
        started = torchrun("--nproc-per-node", "2", "-m", "mien", "train", *line)
        out, err = started.communicate(timeout=300)
        assert started.returncode == 0, err
        assert out == f"{run}\n"  # one process alone talks
        assert err.count("next: mien eval") == 1
    assert RunDir(run).state == "finished"
    assert same(run, spawned)


@pytest.mark.long
def test_other_faces_on_one_machine_are_refused(tmp_path: Path) -> None:
    """The second process gets other data by its place."""
    script = tmp_path / "other.py"
    script.write_text(
        "import os, sys\nfrom mien.cli.main import run\n"
        "sys.exit(run(['train', 'synthetic:42' + os.environ['RANK'], *sys.argv[1:]]))\n"
    )
    started = torchrun("--nproc-per-node", "2", str(script), *LINE[1:], "--out", str(tmp_path / "run"))
    _, err = started.communicate(timeout=300)
    assert started.returncode == 1
    assert "process 1 on" in err
    assert "other faces than those of process 0; give all machines the same data" in err


@pytest.mark.long
def test_two_machines_equal_one(two_machines: tuple[str, str], spawned: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "10.77.0.1", "--master-port", "29517"]
    # Each machine computes with its own threads: one for its one process, as each of two on one machine has.
    training = ["-m", "mien", "train", *LINE, "--threads", "1", "--out", str(run)]
    started = [
        torchrun(
            *[*line, "--node-rank", str(rank), *training],
            before=("ip", "netns", "exec", name),
            GLOO_SOCKET_IFNAME="mien0",
        )
        for rank, name in enumerate(two_machines)
    ]
    for each in started:
        _, err = each.communicate(timeout=300)
        assert each.returncode == 0, err
    assert same(run, spawned)
