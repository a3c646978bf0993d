"""How much faster worker processes are than `mien predict` alone, and that nothing is lost when processes are killed.

    python benchmarks/jobs.py fer2013.csv --pictures 20000 --kills 30

The pictures are a photograph without its faces into which enlarged training faces are pasted, the two sample
photographs, and drawn faces.  Run it with nothing else running.  A job that is killed must end with the bytes of one
that was not: half of the kills are of the command and its worker processes, half of a Dask cluster's scheduler and
workers and of the command that uses it.
"""

import argparse
import io
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image, ImageFilter

import mien

MIEN = (sys.executable, "-m", "mien", "predict")
QUIET = ("--quiet", "--skip-bad")
KILLED_AFTER_S = (0.5, 6.0)
STARTED_AFTER_S = 2.0
PORT = "8786"
ADDRESS = f"tcp://127.0.0.1:{PORT}"


def main() -> None:
    """Make the pictures, time the ways, kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="labelled faces, such as fer2013.csv")
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-jobs-") as name:
        folder = Path(name)
        pictures = make(folder / "pictures", asked.data, asked.pictures)
        speeds = {}
        for way, line in {
            "mien predict -o x.parquet": ("-o", str(folder / "one.parquet")),
            "1 worker": ("-o", f"{folder / 'one'}/", "--workers", "1"),
            "2 workers": ("-o", f"{folder / 'two'}/", "--workers", "2"),
        }.items():
            started = time.monotonic()
            subprocess.run([*MIEN, str(pictures), *line, *QUIET], check=True)
            speeds[way] = asked.pictures / (time.monotonic() - started)
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"{way}: {speeds[way]:.1f} pictures/s; largest process so far {most} MB", flush=True)
        plain, _, two = speeds.values()
        print(f"2 workers / mien predict: {two / plain:.2f}")
        print(f"same bytes with 1 and 2 workers: {contents(folder / 'one') == contents(folder / 'two')}")
        for way in (kill, kill_in_cluster):
            kills = way(pictures, folder / way.__name__, asked.kills // 2)
            same = contents(folder / way.__name__) == contents(folder / "two")
            print(f"{way.__name__}: {kills}; the same bytes: {same}", flush=True)


def make(folder: Path, data: str, count: int) -> Path:
    """Write so many JPEG files, of 640×480 pixels most of them."""
    folder.mkdir()
    faces = mien.open_faces(data).split("train").images
    sample = Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")
    ground = sample.resize((640, 480)).filter(ImageFilter.GaussianBlur(25))
    drawn = mien.open_faces("synthetic:500").images
    pick = np.random.default_rng(0)
    for number in range(count):
        if number % 50 == 0:
            picture = sample
        elif number % 10 == 0:
            picture = Image.fromarray(drawn[number % len(drawn)])
        else:
            picture = ground.copy()
            for place in range(1 + number % 2):
                side = int(pick.integers(80, 200))
                face = Image.fromarray(faces[pick.integers(len(faces))]).resize((side, side), Image.Resampling.BICUBIC)
                picture.paste(face, (40 + 300 * place, int(pick.integers(20, 240))))
        content = io.BytesIO()
        picture.convert("RGB").save(content, "JPEG", quality=90)
        (folder / f"{number:06}.jpg").write_bytes(content.getvalue())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the parts of a job."""
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def kill(pictures: Path, out: Path, times: int) -> dict[str, int]:
    """Start a job again and again, and kill the command or one of its workers, until it is finished."""
    chance = random.Random(0)
    kills = {"worker": 0, "command": 0}
    while True:
        process = subprocess.Popen([*MIEN, str(pictures), "-o", f"{out}/", "--workers", "2", *QUIET])
        while process.poll() is None and sum(kills.values()) < times:
            time.sleep(chance.uniform(*KILLED_AFTER_S))
            workers = children(process.pid)
            if process.poll() is None and workers and chance.random() < 0.5:
                os.kill(chance.choice(workers), signal.SIGKILL)
                kills["worker"] += 1
            elif process.poll() is None:
                process.kill()
                kills["command"] += 1
        if process.wait() == 0:
            return kills


def kill_in_cluster(pictures: Path, out: Path, times: int) -> dict[str, int]:
    """Do a job on a Dask cluster, and kill the command, the scheduler or one of two workers, until it is finished.

    What was killed is started again at once.
    """
    chance = random.Random(1)
    kills = {"command": 0, "scheduler": 0, "worker": 0}
    lines = {
        "scheduler": dask("scheduler", "--host", "127.0.0.1", "--port", PORT),
        "worker": dask("worker", ADDRESS, "--nthreads", "1", "--host", "127.0.0.1", "--death-timeout", "60"),
        "worker 2": dask("worker", ADDRESS, "--nthreads", "1", "--host", "127.0.0.1", "--death-timeout", "60"),
        "command": [*MIEN, str(pictures), "-o", f"{out}/", "--cluster", ADDRESS, *QUIET],
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        while True:
            for name, line in lines.items():
                if name not in running or running[name].poll() is not None:
                    running[name] = subprocess.Popen(line, stderr=subprocess.DEVNULL)
                    time.sleep(STARTED_AFTER_S)
            try:
                if running["command"].wait(chance.uniform(*KILLED_AFTER_S) * 2) == 0:
                    return kills
            except subprocess.TimeoutExpired:
                if sum(kills.values()) < times:
                    name = chance.choice(sorted(running))
                    running[name].kill()
                    running[name].wait()
                    kills[name.split()[0]] += 1
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def dask(part: str, *line: str) -> list[str]:
    """Return the command that starts a part of Dask."""
    return [sys.executable, "-m", f"distributed.cli.dask_{part}", "--no-dashboard", *line]


def children(process: int) -> list[int]:
    """Return the worker processes that a process has started, on Linux."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            line = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == process and b"spawn_main" in line:  # and not what cleans up after them
            found.append(int(status.parent.name))
    return found


if __name__ == "__main__":
    main()
