"""Kill `mien` again and again, let it go on each time, and hold the end against that of an undisturbed run.

    python benchmarks/kill_resume.py --kills 50 --seed 0

Trains on drawn faces, ablates, and predicts a folder and a video.  A kill is `kill -9`.  Of train and ablate every
second one strikes in the middle of writing a file, when its content is under a temporary name or has just got its own;
all others come at a random moment from the start of the process to its end.  Each process that goes on is killed too,
until one comes to its end by itself; then the next round begins, until all kills are spent.  The baseline is the same
job without kills: the same files must have the same bytes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import matplotlib.cbook
import numpy as np
import torch
from PIL import Image

from mien.core.runs import RunDir
from mien.models.classifier import load_classifier
from mien.runtime.resume_state import read_resume_state
from mien.runtime.video_writer import VideoWriter
from mien.training.config import stored_config

EPOCHS, PICTURES, FRAMES = 12, 60, 150
SMALL = "--recipe demo --batch 32 --device cpu --set precision=fp32 --set holdout.rows=70 --set stopping.patience=0"
MORTAL = """
import os, signal, sys
from mien.cli.main import run
sync, left = os.fsync, int(sys.argv[1])
def fsync(handle):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)
os.fsync = fsync
sys.exit(run(sys.argv[2:]))
"""
"""`mien`, killed at its so many-th fsync: each file has one before it gets its name, and one after; 0 is never."""


class Train:
    """`mien train`; what is lost are epochs that were done, all but the one in progress."""

    writes = 8 * EPOCHS + 20

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"

    def line(self) -> list[str]:
        """Begin, or go on where the folder says that it is a run; empty where it says that it is finished."""
        if (self.folder / "config.json").exists():
            return [] if RunDir(self.folder).state == "finished" else ["train", "--resume", str(self.folder)]
        what = f"train synthetic:840 {SMALL} --epochs {EPOCHS} --overwrite --out"
        return [*what.split(), str(self.folder)]

    def look(self) -> int:
        """Read all that a killed process left and count what it lost; raises where something can't be read."""
        return look_at_run(self.folder)

    def results(self) -> dict[str, bytes]:
        """Return what must equal an undisturbed run's."""
        return {name: (self.folder / name).read_bytes() for name in ("metrics.csv", "model.safetensors", "model.json")}


class Ablate:
    """`mien ablate`; what is lost are epochs as above, and scored runs that are made again."""

    writes = 2 * (8 * 3 + 20) + 10

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.scored: dict[Path, int] = {}

    def line(self) -> list[str]:
        """Begin, or go on where the folder says that it is a run."""
        if (self.folder / "config.json").exists():
            return ["ablate", "--resume", str(self.folder)]
        what = f"ablate synthetic:420 {SMALL} --epochs 3 --factor augment.flip=false,true --seeds 0 --overwrite --out"
        return [*what.split(), str(self.folder)]

    def look(self) -> int:
        """Read all that a killed process left and count what it lost; raises where something can't be read."""
        lost = sum(path.stat().st_mtime_ns != written_ns for path, written_ns in self.scored.items())
        runs = [path.parent for path in self.folder.glob("arms/*/*/config.json")]
        self.scored = {
            run / "model.safetensors": (run / "model.safetensors").stat().st_mtime_ns
            for run in runs
            if (run / "eval/test/metrics.json").exists()
        }
        if (self.folder / "ablation.json").exists():
            RunDir(self.folder).read_json("ablation.json")
        return lost + look_at_run(self.folder) + sum(map(look_at_run, runs))

    def results(self) -> dict[str, bytes]:
        """Return what must equal an undisturbed run's."""
        files = [self.folder / "ablation.json", self.folder / "ablation.csv", *self.folder.glob("arms/*/*/m*.*")]
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in files if path.name != "model_info.json"
        }


class Predict:
    """`mien predict --resume`; what is lost are records of pictures or frames that were done, all but the last."""

    writes = 0

    def __init__(self, folder: Path, source: Path) -> None:
        self.out, self.source = folder / "faces.jsonl", source
        self.sure = b""

    def line(self) -> list[str]:
        """Begin or go on."""
        return ["predict", str(self.source), "-o", str(self.out), "--resume"]

    def look(self) -> int:
        """Read all that a killed process left and count what it lost; raises where something can't be read."""
        content = self.out.read_bytes() if self.out.exists() else b""
        lost = self._lost(content)
        self.sure = content[: read_resume_state(self.out).end]
        return lost

    def _lost(self, content: bytes) -> int:
        before, after = self.sure.splitlines(), content.splitlines()
        return sum(i >= len(after) or after[i] != line for i, line in enumerate(before))

    def results(self) -> dict[str, bytes]:
        """Return the records, without the last digits of probabilities."""
        content = self.out.read_bytes()
        assert not self._lost(content), "records that were sure are gone"
        return {self.out.name: content}


def look_at_run(folder: Path) -> int:
    """Read a run folder as `resume`, `eval` and `report` would; return how many finished epochs it has lost.

    An epoch is finished when its checkpoint has its name; its row is written just before.
    """
    if not (folder / "config.json").exists():
        return 0
    run, last, best = RunDir.open(folder), folder / "checkpoints/last.ckpt", folder / "checkpoints/best.ckpt"
    stored_config(run)
    for name in ("status.json", "data.json", "model_info.json"):
        run.read_json(name)
    if (folder / "model.json").exists():
        load_classifier(folder)
    done = [int(torch.load(path, weights_only=True)["epoch"]) + 1 for path in (best, last) if path.exists()]
    return max(0, len(run.history) - 1 - (done[-1] if last.exists() else 0))


Job = Train | Ablate | Predict


def carry_out(job: Job, *, draw: np.random.Generator, kills: int, limit_s: float) -> Counter[str]:
    """Start a job, kill it and let it go on until it ends by itself, or `kills` are spent; return what was counted."""
    counts: Counter[str] = Counter()
    while arguments := job.line():
        left = counts["kills"] < kills
        in_a_write = left and job.writes > 0 and draw.random() < 0.5
        number = int(draw.integers(1, job.writes + 1)) if in_a_write else 0
        with tempfile.TemporaryFile() as said:
            line = [sys.executable, "-c", MORTAL, str(number), *arguments, "--quiet"]
            with subprocess.Popen(line, stdout=said, stderr=said) as process:
                try:
                    process.wait(timeout=draw.uniform(0, limit_s) if left and not in_a_write else None)
                except subprocess.TimeoutExpired:
                    process.kill()
            said.seek(0)
            if process.returncode not in {0, -9}:
                raise SystemExit(f"{line}\nended with {process.returncode}:\n{said.read().decode()}")
        if process.returncode == 0:
            break
        counts.update({"kills": 1, "in a write": in_a_write})
        try:
            counts["lost"] += job.look()
        except Exception as error:  # any at all is what is looked for
            counts["unreadable"] += 1
            print(f"  unreadable: {type(error).__name__}: {error}")
    return counts


def measure(name: str, *, kills: int, seed: int, folder: Path) -> bool:
    """Do a job undisturbed and in rounds with kills; print what came of it, return whether nothing was lost."""
    draw = np.random.default_rng([seed, len(name)])
    start = time.perf_counter()
    undisturbed = new_job(name, folder / "undisturbed")
    carry_out(undisturbed, draw=draw, kills=0, limit_s=0)
    limit_s = time.perf_counter() - start
    total: Counter[str] = Counter()
    while total["kills"] < kills:
        total["rounds"] += 1
        job = new_job(name, folder / f"round-{total['rounds']}")
        total += carry_out(job, draw=draw, kills=kills - total["kills"], limit_s=limit_s)
        total["different"] += different(job.results(), undisturbed.results())
    print(
        f"{name:<8} undisturbed {limit_s:.0f} s; {total['kills']} kills, {total['in a write']} of them in a write, in "
        f"{total['rounds']} rounds: {total['lost']} lost, {total['unreadable']} unreadable, "
        f"{total['different']} of {total['rounds'] * len(undisturbed.results())} files different, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return not total["lost"] + total["unreadable"] + total["different"]


def different(one: dict[str, bytes], other: dict[str, bytes]) -> int:
    """Count the files that are not in both with the same bytes."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def new_job(name: str, folder: Path) -> Job:
    """Make the job of this name in a folder of its own."""
    folder.mkdir()
    if name == "folder":
        return Predict(folder, make_pictures(folder.parent / "pictures"))
    if name == "video":
        return Predict(folder, make_clip(folder.parent / "clip.mp4"))
    return {"train": Train, "ablate": Ablate}[name](folder)


def photo() -> Image.Image:
    """Matplotlib's sample photo, of one face."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        return picture.convert("RGB").resize((340, 400))


def make_pictures(folder: Path) -> Path:
    """Turn the photo by another angle in each picture, if they are not there yet."""
    if not folder.exists():
        folder.mkdir()
        for i in range(PICTURES):
            photo().rotate(i - PICTURES / 2).save(folder / f"{i:03}.png")
    return folder


def make_clip(path: Path) -> Path:
    """Move the photo before a grey ground, if the clip is not there yet."""
    if not path.exists():
        with VideoWriter(path) as video:
            for i in range(FRAMES):
                frame = np.full((400, 640, 3), 128, np.uint8)
                x = 2 * i if i < FRAMES // 2 else 2 * (FRAMES - i)
                frame[:, x : x + 340] = np.asarray(photo())
                video.write(frame, i / 25)
    return path


def main() -> None:
    """Print a line a job; ends with 1 where anything was lost, unreadable or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of each job")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", default=["train", "ablate", "folder", "video"])
    args = parser.parse_args()
    whole = True
    for name in args.jobs:
        with tempfile.TemporaryDirectory() as folder:
            whole &= measure(name, kills=args.kills, seed=args.seed, folder=Path(folder))
    sys.exit(not whole)


if __name__ == "__main__":
    main()
