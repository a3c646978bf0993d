"""Frames a second and peak memory of `mien predict` on a video, from file to CSV, annotated copy and chart.

    python benchmarks/video.py

Clips are made first: Matplotlib's sample photo of Grace Hopper moves over 640×480 pixels, 25 frames a second.  Each
line is a process of its own.  The baseline for memory is the one-minute clip: half an
hour should take no more.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image

from mien.runtime.video_writer import VideoWriter

FPS, SIZE = 25, (640, 480)


def main() -> None:
    """Print a line for each clip and way to look at it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 30])
    parser.add_argument("--fps", type=float, default=5, help="frames a second that are looked at in the later lines")
    args = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in args.minutes:
            make_clip(Path(folder) / f"{minutes:g}.mp4", frames=round(minutes * 60 * FPS))
        first = Path(folder) / f"{args.minutes[0]:g}.mp4"
        everything = ["--draw", f"{folder}/drawn.mp4", "--chart", f"{folder}/chart.png"]
        look(first, "every frame, CSV alone", [])
        look(first, "every frame, CSV, copy and chart", everything)
        base = None
        for minutes in args.minutes:
            more = ["--fps", f"{args.fps:g}", *everything]
            peak = look(Path(folder) / f"{minutes:g}.mp4", f"{args.fps:g} frames/s, CSV, copy and chart", more)
            base = base or peak
            print(f"    peak {peak / base:.2f} × that of {args.minutes[0]:g} min")


def look(clip: Path, what: str, more: list[str]) -> int:
    """Run `mien predict` on a clip, print its speed, and return its peak memory in KiB."""
    out = clip.with_suffix(".csv")
    code = "import sys; from mien.cli.main import run; sys.exit(run(sys.argv[1:]))"
    start = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", code, "predict", str(clip), "-o", str(out), "--overwrite", "--quiet", *more],
        os.environ,
    )
    _, status, used = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"mien predict ended with {os.waitstatus_to_exitcode(status)}")
    frames = sum(1 for _ in out.open()) - 1
    print(f"  {clip.stem} min, {what}: {frames:,} faces, {frames / seconds:.0f}/s, ", end="")
    print(
        f"processor {used.ru_utime + used.ru_stime:.0f} s of {seconds:.0f} s, peak {peak_mib(used):.0f} MiB", flush=True
    )
    return int(used.ru_maxrss)


def peak_mib(used: resource.struct_rusage) -> float:
    """Peak memory in MiB; Linux counts KiB, macOS bytes."""
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def make_clip(path: Path, *, frames: int) -> None:
    """Move the sample photo to and fro before a grey ground."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        photo = np.asarray(picture.convert("RGB").resize((340, 400)))
    with VideoWriter(path) as video:
        for i in range(frames):
            frame = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
            left = round(150 * (1 + np.sin(i / 25)))
            frame[40:440, left : left + 340] = photo
            video.write(frame, i / FPS)


if __name__ == "__main__":
    main()
