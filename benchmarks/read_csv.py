"""How fast and in how much memory mien reads `fer2013.csv`, beside pandas with one `numpy.fromstring` a row.

    python benchmarks/read_csv.py fer2013.csv

Each reader runs in a process of its own, so that its peak memory is its own; they take turns. Imports are not timed.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

GOAL_SPEED = 3.0
GOAL_MEMORY = 2.5


def mien(path: Path) -> tuple[float, int]:
    """Read with mien; return seconds, and the sum of all pixels to compare."""
    from mien.data.csv_tables import read_csv as read

    start_s = time.perf_counter()
    images = read(path).images
    return time.perf_counter() - start_s, int(images.sum())


def pandas(path: Path) -> tuple[float, int]:
    """Read as notebooks do; return seconds, and the sum of all pixels to compare."""
    import numpy as np
    import pandas as pd

    start_s = time.perf_counter()
    pixels = pd.read_csv(path)["pixels"]
    images = np.stack([np.fromstring(text, dtype=np.uint8, sep=" ") for text in pixels]).reshape(-1, 48, 48)
    return time.perf_counter() - start_s, int(images.sum())


READERS = {"mien": mien, "pandas": pandas}


def measure(name: str, path: Path) -> dict[str, float]:
    """Run one reader in a new process."""
    command = [sys.executable, __file__, str(path), "--only", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def run_here(name: str, path: Path) -> None:
    """Run one reader in this process and print its numbers."""
    time_s, checksum = READERS[name](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    threads = len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").is_dir() else None
    print(
        json.dumps({"time_s": time_s, "checksum": checksum, "peak_bytes": usage.ru_maxrss * 1024, "threads": threads})
    )


def main() -> None:
    """Compare the readers, or run one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=READERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        run_here(args.only, args.path)
        return
    rounds = [{name: measure(name, args.path) for name in READERS} for _ in range(args.repeat)]
    if len({result["checksum"] for turn in rounds for result in turn.values()}) != 1:
        sys.exit("the readers do not agree on the pixels")
    size = args.path.stat().st_size
    print(
        f"{args.path}: {size / 1e6:.0f} MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"medians of {args.repeat}"
    )
    time_s, peak = {}, {}
    for name in READERS:
        time_s[name] = statistics.median(turn[name]["time_s"] for turn in rounds)
        peak[name] = statistics.median(turn[name]["peak_bytes"] for turn in rounds)
        print(
            f"{name:8}{time_s[name]:8.2f} s  peak {peak[name] / 1e6:6.0f} MB = {peak[name] / size:.2f} × the file  "
            f"{rounds[0][name]['threads']} thread(s)  each: {[round(turn[name]['time_s'], 2) for turn in rounds]}"
        )
    speed, memory = time_s["pandas"] / time_s["mien"], peak["mien"] / size
    print(
        f"mien is {speed:.2f} times as fast (goal {GOAL_SPEED}), "
        f"peak memory {memory:.2f} × the file (goal {GOAL_MEMORY})"
    )


if __name__ == "__main__":
    main()
