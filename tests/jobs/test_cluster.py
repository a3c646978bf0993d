"""Jobs on a Dask cluster of separate processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mien.core.errors import DataError, UsageError
from mien.jobs import plan as planning
from mien.jobs.cluster import connect
from mien.jobs.run import predict_job
from mien.jobs.status import job_status

from .pictures import kill_at_poison, make_folder
from .test_jobs import contents

pytest.importorskip("distributed", reason="Dask is not installed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore"),  # Dask's own
]

OTHER_VERSION = """
import importlib.metadata
known = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0.9" if name == "mien" else known(name)
"""


WORKER = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", os.environ.get("TMPDIR", "/tmp")]

SMALL_PARTS = """
import sys
from mien.cli.main import run
from mien.jobs import plan
plan.PICTURES = 4
sys.exit(run(sys.argv[1:]))
"""


@contextmanager
def process(*line: str, before: tuple[str, ...] = (), **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a part of Dask while the block runs."""
    command = [*before, sys.executable, "-m", "distributed.cli." + line[0], *line[1:]]
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


@contextmanager
def cluster(workers: int = 2, **environment: str) -> Iterator[tuple[str, list["subprocess.Popen[str]"]]]:
    """Start a scheduler and workers, each a process; yields its address and the workers."""
    with process("dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard") as scheduler:
        address = ""
        for line in scheduler.stderr or ():
            if "tcp://127.0.0.1:" in line:
                address = "tcp://127.0.0.1:" + line.rpartition("tcp://127.0.0.1:")[2].split()[0]
                break
        started = [_worker(address, **environment) for _ in range(workers)]
        try:
            yield address, started
        finally:
            for worker in started:
                worker.kill()
                worker.wait()


def _worker(address: str, **environment: str) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "distributed.cli.dask_worker", address, *WORKER, "--host", "127.0.0.1"]
    return subprocess.Popen(line, env={**os.environ, **environment}, stderr=subprocess.DEVNULL, text=True)


def when_there(address: str, workers: int) -> None:
    """Wait until so many workers are connected."""
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=60)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(planning, "PICTURES", 4)
    return make_folder(tmp_path / "pics", count=30)


def test_a_cluster_writes_the_same_bytes_also_when_a_worker_dies(folder: Path, tmp_path: Path) -> None:
    predict_job(folder, tmp_path / "here", model="mien-n", workers=1)
    (folder / "007.png").write_bytes(b"POISON")
    once = kill_at_poison(tmp_path / "kill", marker=str(tmp_path / "died"))
    predict_job(folder, tmp_path / "poisoned", model="mien-n", workers=1)
    path = os.pathsep.join([str(once), os.environ.get("PYTHONPATH", "")])
    out = tmp_path / "out"
    with cluster(PYTHONPATH=path) as (address, _):
        when_there(address, 2)
        status = predict_job(folder, out, model="mien-n", cluster=address)
    assert (tmp_path / "died").exists()
    assert (status.done, status.failed) == (8, {})
    assert contents(out) == contents(tmp_path / "poisoned")
    assert contents(out)["part-000000.parquet"] == contents(tmp_path / "here")["part-000000.parquet"]


def test_workers_that_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text(OTHER_VERSION)
    path = os.pathsep.join([str(other), os.environ.get("PYTHONPATH", "")])
    with cluster(1, PYTHONPATH=path) as (address, _):
        when_there(address, 1)
        with (
            pytest.raises(UsageError, match=r"workers need mien .*, as here \(tcp://.*: 0.0.9\)"),
            connect(address, folder=tmp_path, picture=str(folder / "000.png")),
        ):
            pass


def test_files_that_workers_do_not_see(folder: Path, tmp_path: Path) -> None:
    with cluster(1) as (address, _):
        when_there(address, 1)
        with (
            pytest.raises(DataError, match=r"not seen by tcp://.*; workers need the same file system"),
            connect(address, folder=tmp_path / "none", picture=str(folder / "000.png")),
        ):
            pass
        with (
            pytest.raises(DataError, match=r"none\.png: not seen by tcp://"),
            connect(address, folder=tmp_path, picture=str(folder / "none.png")),
        ):
            pass


def test_names_count_from_the_folder_of_each_worker(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every picture would be one that can't be read, and the job finished."""
    with cluster(1) as (address, _):
        when_there(address, 1)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DataError, match=r"^pics/000\.png: not seen by tcp://.* counts from the folder in which"):
            predict_job("pics", "out", model="mien-n", cluster=address)
        assert predict_job(folder, "out2", model="mien-n", cluster=address).unreadable == 0


def test_no_scheduler(folder: Path, tmp_path: Path) -> None:
    """A finished job needs none; another one says so before it begins, and its folder waits for the right address."""
    out, line = tmp_path / "out", {"model": "mien-n", "cluster": "tcp://127.0.0.1:9"}
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        predict_job(folder, out, **line)
    status = job_status(out)
    assert (status.done, status.missing, status.failed) == (0, 8, {})
    predict_job(folder, out, model="mien-n", workers=1)
    assert predict_job(folder, out, **line).done == 8


def test_no_workers(tmp_path: Path) -> None:
    with (
        cluster(0) as (address, _),
        pytest.raises(UsageError, match="the scheduler has no workers; start some with `dask worker tcp://"),
        connect(address, folder=tmp_path, picture="x.png"),
    ):
        pass


def test_two_machines(two_machines: tuple[str, str], folder: Path, tmp_path: Path) -> None:
    """The command and the scheduler are on the first, the worker on the second."""
    predict_job(folder, tmp_path / "here", model="mien-n", workers=1)
    address, out = "tcp://10.77.0.1:8786", tmp_path / "out"
    first, second = (("ip", "netns", "exec", name) for name in two_machines)
    scheduler = ("dask_scheduler", "--host", "10.77.0.1", "--port", "8786", "--no-dashboard")
    worker = ("dask_worker", address, *WORKER, "--host", "10.77.0.2")
    waiting = f"from distributed import Client; Client({address!r}).wait_for_workers(1, timeout=60)"
    command = [*first, sys.executable, "-c", SMALL_PARTS, "predict", str(folder), "-o", f"{out}/"]
    command += ["--model", "mien-n", "--cluster", address]
    with process(*scheduler, before=first), process(*worker, before=second):
        subprocess.run([*first, sys.executable, "-c", waiting], check=True, capture_output=True)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(tmp_path / "here")
