"""`mien predict -o FOLDER/`, `--status`, and what happens to the worker processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.jobs.pictures import make_folder

from .conftest import Mien


def test_a_job_and_its_status(mien: Mien, tmp_path: Path) -> None:
    pics = make_folder(tmp_path / "pics", count=3)
    line = ["predict", str(pics), "-o", f"{tmp_path / 'out'}/", "--model", "mien-n", "--workers", "1"]
    done = mien(*line, "--json")
    assert done.code == 0
    status = json.loads(done.out)
    assert (status["parts"], status["done"], status["pictures"], status["faces"]) == (1, 1, 3, 3)
    assert "3 pictures, 3 faces, 0 without a face" in done.err
    assert mien(*line).code == 0  # nothing is left to do
    shown = mien("predict", "--status", str(tmp_path / "out"))
    assert shown.out == (
        "parts     1 of 1 done, 0 failed, 0 missing\npictures  3 pictures, 3 faces, 0 without a face\n"
    )


def test_unreadable_pictures_are_exit_code_3(mien: Mien, tmp_path: Path) -> None:
    pics = make_folder(tmp_path / "pics", count=2)
    (pics / "001.png").write_bytes(b"no picture")
    line = ["predict", str(pics), "-o", f"{tmp_path / 'out'}/", "--model", "mien-n", "--workers", "1"]
    failed = mien(*line)
    assert failed.code == 3
    assert "left out: " in failed.err
    assert "mien: 1 could not be read (the records say why), all else is done" in failed.err
    assert mien(*line, "--skip-bad").code == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("pics -o out/ --draw x.png", "--draw can't be used with -o FOLDER/"),
        ("pics -o out/ --format csv", "--format can't be used with -o FOLDER/"),
        ("pics -o out/ --resume", "--resume can't be used with -o FOLDER/"),
        ("pics -o out.csv --workers 2", "--workers is for a job in parts"),
        ("pics --cluster tcp://127.0.0.1:1", "--cluster is for a job in parts"),
        ("", "Missing argument 'INPUT...'; for example: mien predict photo.jpg"),
    ],
)
def test_what_does_not_go_together(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    make_folder(tmp_path / "pics", count=1)
    monkeypatch.chdir(tmp_path)
    failed = mien("predict", *line.split())
    assert failed.code == 2
    assert says in failed.err
    assert not (tmp_path / "out").exists()


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for the worker processes")
@pytest.mark.parametrize("kill", [signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_ended_in_the_middle(tmp_path: Path, kill: signal.Signals) -> None:
    """Finished parts stay, no worker lives on, and the same command completes the job."""
    face = make_folder(tmp_path / "pics", count=1) / "000.png"
    for number in range(1, 6000):
        os.link(face, tmp_path / "pics" / f"{number:04}.png")
    out = tmp_path / "out"
    line = [sys.executable, "-m", "mien", "predict", str(tmp_path / "pics"), "-o", f"{out}/", "--workers", "2"]
    line += ["--model", "mien-n"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and len(list(out.glob("*.parquet"))) < 2:
            time.sleep(0.05)
        workers = children(process.pid)
        process.send_signal(kill)
        _, err = process.communicate(timeout=60)
    if kill == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in err
    else:
        assert process.returncode == -signal.SIGKILL
    assert workers
    end_s = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < end_s:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert 2 <= len(before) < 24
    done = subprocess.run([*line, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["pictures"] == 6000
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in before.items())
    assert not list(out.glob(".mien-*"))
