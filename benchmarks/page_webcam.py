"""Frames a second and memory of the page with a webcam: Chromium with a fake one of 640×480.

    python benchmarks/page_webcam.py --minutes 10

The frames are those of `benchmarks/webcam.py`, so a face is in nearly each.  Memory is that of the process in which
the page and its worker run (Pss: what it shares counts in part), from Linux' /proc: what is its own, and what is shared
with other processes of the browser, where Chromium without a GPU keeps hundreds of drawn frames.  That fills in the
first two minutes; what is printed begins then.  JavaScript's garbage is collected before each look.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from webcam import make_frames

import mien

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.web.browser import browser, opened, write_camera

SAMPLE_S = 10
WARM_S = 120
COLLECTS = ("--js-flags=--expose-gc",)
COUNT_FRAMES = """
window.frames_seen = [];
window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', ({ data }) => {
      if (data.result && data.result.records) {
        window.frames_seen.push([data.result.ms, data.result.records.filter((record) => record.label !== null).length]);
      }
    });
  }
};
"""


def main() -> None:
    """Print a line each minute, and one at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--network", default="mien-s-ferplus")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        camera = write_camera(Path(folder) / "camera.mjpeg", make_frames(100, width=640, height=480))
        page = mien.export_page(args.network, Path(folder) / "page.html")
        with browser(camera, more=COLLECTS) as chromium, opened(chromium, page.as_uri(), before=COUNT_FRAMES) as shown:
            print(f"Chromium {chromium.version}, {args.network}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            measure(shown.page, seconds=60 * args.minutes)
            if shown.elsewhere or shown.complaints:
                raise SystemExit(f"the page asked for {shown.elsewhere} and complained of {shown.complaints}")


def measure(page: Any, *, seconds: float) -> None:
    """Turn on the webcam, and print what is seen and how much memory it takes."""
    page.wait_for_function("() => document.body.dataset.ready === 'true'", timeout=120_000)
    page.click("#camera")
    page.wait_for_function("() => window.frames_seen.length > 0", timeout=60_000)
    page.wait_for_timeout(1000 * WARM_S)
    begun, begun_s = page.evaluate("() => window.frames_seen.length"), time.perf_counter()
    samples = [collected_mib(page)]
    print(f"after {WARM_S} s: {begun / WARM_S:.1f} frames/s, {described(samples)}", flush=True)
    for sample in range(1, round(seconds / SAMPLE_S) + 1):
        page.wait_for_timeout(1000 * SAMPLE_S)
        samples.append(collected_mib(page))
        if sample % 6 == 0:
            print(f"minute {sample // 6}: {described(samples[-1:])}, load {os.getloadavg()[0]:.1f}", flush=True)
    seconds = time.perf_counter() - begun_s
    frames = page.evaluate("(begun) => window.frames_seen.slice(begun)", begun)
    times = sorted(ms for ms, _ in frames)
    with_face = sum(faces > 0 for _, faces in frames)
    least, median, most = (times[len(times) * part // 100] for part in (5, 50, 95))
    print(
        f"{len(frames)} frames, {len(frames) / seconds:.1f} a second, a face in {with_face / len(frames):.1%}; the "
        f"worker takes {median:.0f} ms each (median; the quickest 5 % at most {least:.0f}, 95 % at most {most:.0f})"
    )
    tenth = max(1, len(samples) // 10)
    print(f"memory in the first tenth: {described(samples[:tenth])}; in the last: {described(samples[-tenth:])}")


def described(samples: list[tuple[float, float]]) -> str:
    """Say the mean of some samples."""
    own, shared = (statistics.mean(values) for values in zip(*samples, strict=True))
    return f"{own:.0f} MiB its own, {shared:.0f} shared"


def collected_mib(page: Any) -> tuple[float, float]:
    """Collect garbage in the page and its worker, and return `renderer_mib`."""
    for where in (page, *page.workers):
        where.evaluate("() => gc()")
    page.wait_for_timeout(500)
    return renderer_mib()


def renderer_mib() -> tuple[float, float]:
    """Memory of the renderers below this process: their own, and what they share."""
    parents, renderers = {}, []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                if "--type=renderer" in (process / "cmdline").read_text():
                    renderers.append(int(process.name))
            except OSError:
                continue  # it has ended
    own, shared = 0, 0
    for pid in renderers:
        above = pid
        while above not in (0, os.getpid()):
            above = parents.get(above, 0)
        if above:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_File:")):
                    own += int(line.split()[1])
                if line.startswith("Pss_Shmem:"):
                    shared += int(line.split()[1])
    return own / 1024, shared / 1024


if __name__ == "__main__":
    main()
