"""Where the time of a photo goes, part by part, in another version of mien and in this one.

    git worktree add /tmp/before COMMIT
    python benchmarks/photo_parts.py /tmp/before/src

A 1280×720 JPEG with two faces (Matplotlib's sample photo of Grace Hopper, twice) goes from its bytes to probabilities
on one thread.  The two versions take turns, each in a process of its own; a part's figure is the median of its
milliseconds of processor time, which depend little on what else is running.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from photos import wall

import mien
from mien.core.images import decode_colour
from mien.runtime import detect, photo

SIZE = (1280, 720)
PARTS = ("decode", "shrink and pad", "detector's graph", "cut out", "classify", "all else", "whole")
HERE = Path(mien.__file__).parents[1]


def main() -> None:
    """Print a table; or, as one of its own processes, the parts' milliseconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", nargs="?", type=Path, help="the other version's folder src")
    parser.add_argument("--photos", type=int, default=40, help="photos in a turn")
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    if asked.before is None:
        print(json.dumps(measure(asked.photos)))
        return
    times: dict[Path, list[dict[str, float]]] = {asked.before.resolve(): [], HERE: []}
    for _ in range(asked.turns):
        for source, turns in times.items():
            turns.append(measured_in(source, asked.photos))
    print(f"{SIZE[0]}×{SIZE[1]}, two faces, ms of processor time, {asked.turns} turns, load {os.getloadavg()[0]:.1f}\n")
    print("| part | before | now |\n|---|--:|--:|")
    for part in PARTS:
        before, now = (statistics.median(turn[part] for turn in turns) for turns in times.values())
        print(f"| {part} | {before:.1f} | {now:.1f} |")


def measured_in(source: Path, photos: int) -> dict[str, float]:
    """Run `measure` with the mien of another folder."""
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--photos", str(photos)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def measure(photos: int) -> dict[str, float]:
    """Return the median milliseconds of each part."""
    buffer = io.BytesIO()
    wall(SIZE, across=2, down=1).save(buffer, "JPEG", quality=90)
    content = buffer.getvalue()
    detector, model = mien.YuNet(threads=1), mien.load("mien-s-ferplus", threads=1)
    spent: dict[str, float] = {}

    def clocked(part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return work(*args, **kwargs)
            finally:
                spent[part] = spent.get(part, 0.0) + time.process_time() - began

        return run

    # find_faces looks these up by name, so that they can be clocked where they are.
    detect.letterbox = clocked("shrink and pad", detect.letterbox)
    photo.crop_face = clocked("cut out", photo.crop_face)
    detector._graph = Clocked(clocked("detector's graph", detector._graph.run))  # type: ignore[assignment]
    decode, classify = clocked("decode", decode_colour), clocked("classify", model)

    def whole() -> None:
        faces = photo.find_faces(decode(content), detector=detector)
        if len(faces) != 2:
            raise SystemExit(f"{len(faces)} faces found, expected 2")
        classify(np.array([face.image for face in faces]))

    rows = []
    for _ in range(photos + 2):  # two to warm up
        spent.clear()
        clocked("whole", whole)()
        spent["all else"] = 2 * spent["whole"] - sum(spent.values())
        rows.append({part: 1e3 * spent[part] for part in PARTS})
    return {part: statistics.median(row[part] for row in rows[2:]) for part in PARTS}


class Clocked:
    """A graph of which only `run` is used."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run


if __name__ == "__main__":
    main()
