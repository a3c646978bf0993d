"""What a large Parquet file costs: `describe`, `predict`, the same in parts, and a training on some of its faces.

Each runs in a process of its own, parts in two more.

    python benchmarks/scale.py --faces 100000 1000000 --folder /var/tmp/scale

The faces are drawn ones with noise of their own, so that no two are equal.  For each size it prints the time and the
peak of the memory (`ru_maxrss`) of the processes: what grows with the file shows between the sizes.
"""

import argparse
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from PIL import Image

from mien.synthetic.faces import draw_faces

DRAWN = 5000
PIECE = 10_000
"""Faces in a row group."""

SAMPLE = 50_000
"""Faces that are trained on: memory holds them all."""


def main() -> None:
    """Print a line a size and command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, required=True, help="for the files, about 2 kB a face; they stay")
    args = parser.parse_args()
    for count in args.faces:
        path = write(args.folder / f"faces{count}.parquet", count)
        report(f"describe, {count:,} faces", count, "data", "describe", path, "--json")
        out = args.folder / "out.csv"
        report(f"predict, {count:,} faces", count, "predict", path, "--model", "mien-n", "-o", out, "--overwrite")
        with out.open() as lines:
            assert sum(1 for _ in lines) == count + 1
        parts = args.folder / f"parts{count}"
        job = ("predict", path, "--model", "mien-n", "--workers", "2", "-o", f"{parts}/")
        report(f"predict in parts by 2 workers, {count:,} faces", count, *job)
        assert pyarrow.dataset.dataset(parts).count_rows() == count
    path, run = write(args.folder / f"faces{SAMPLE}.parquet", SAMPLE), args.folder / "run"
    line = ("train", path, "--recipe", "mien-n", "--epochs", "1", "-o", run, "--overwrite")
    report(f"train an epoch, {SAMPLE:,} faces", SAMPLE, *line)


def write(path: Path, count: int) -> Path:
    """Write drawn faces with noise, unless the file is there."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn, generator = draw_faces(DRAWN)[0], np.random.default_rng(0)
    schema = pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("emotion", pa.int64())])
    partial = path.with_suffix(".part")
    with pq.ParquetWriter(partial, schema) as writer:
        for start in range(0, count, PIECE):
            rows = generator.integers(0, DRAWN, min(PIECE, count - start))
            noise = generator.integers(0, 8, (len(rows), 48, 48), dtype=np.uint8)
            images = [{"bytes": png(image), "path": None} for image in drawn.images[rows] // 8 * 7 + noise]
            writer.write_table(pa.table({"image": images, "emotion": drawn.targets[rows]}, schema))
    partial.rename(path)
    return path


def png(image: np.ndarray) -> bytes:
    """Encode a face."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def report(what: str, faces: int, *arguments: str | Path) -> None:
    """Run a command and print its time and the most memory that any of the processes has taken so far."""
    command = [sys.executable, "-c", "from mien.cli.main import main; main()", *map(str, arguments), "--quiet"]
    start_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{what}: exit {process.returncode}")
    seconds = time.perf_counter() - start_s
    peak_mib = used.ru_maxrss / 1024
    print(
        f"{what}: {seconds:,.0f} s ({used.ru_utime + used.ru_stime:,.0f} s of processor time), "
        f"{faces / seconds:,.0f} faces/s, peak {peak_mib:,.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
