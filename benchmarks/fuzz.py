"""Try thousands of broken and hostile files on everything that reads one, and list what did not end as it should.

    python benchmarks/fuzz.py --each 2000

An input may end in a result or in an exception of mien's own tree.  Another exception, a process that dies, more than
10 s of processor time (or a minute on a clock), or more than 1 GiB over what the process had before, is a defect.

Inputs are drawn by Hypothesis (`tests/fuzzing/`) in chunks of 50; a defect is named as TARGET/CHUNK/NUMBER, and
`--only TARGET --chunk CHUNK --number NUMBER` tries that one again in this process.  The whole files that are damaged
come from a study of drawn faces, made first.
"""

import argparse
import multiprocessing
import os
import queue
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fuzzing.originals import Originals
from tests.fuzzing.target import Target, outcome
from tests.fuzzing.targets import all_targets

CHUNK = 50
LONGEST_S, LONGEST_WALL_S = 10.0, 60.0
MOST_BYTES = 1 << 30
POLL_S = 0.05


class Chunk(NamedTuple):
    """So many inputs of one target from one seed; those before `first` were tried before."""

    target: str
    seed: int
    count: int
    first: int = 0


class Result(NamedTuple):
    """How one input ended."""

    number: int
    end: str
    seconds: float = 0.0
    mib: int = 0


def main() -> None:
    """Make the originals, try the inputs, print the figures; exit with 1 if there is a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=2000, help="how many inputs of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one target; all by default")
    parser.add_argument("--chunk", type=int, help="the chunk of that target in which to try one input, here")
    parser.add_argument("--number", type=int, default=0, help="the input's number in it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--originals", type=Path, help="keep the study here, or take the one that is here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-fuzz-") as folder:
        originals = make_originals(args.originals or Path(folder))
        targets = all_targets(originals)
        if args.chunk is not None:
            try_chunk(targets[args.only], Chunk(args.only, args.chunk, args.number + 1, args.number), print)
            return
        chunks = plan(targets if args.only is None else [args.only], args.each, args.seed)
        started = time.monotonic()
        ends, defects, worst = Pool(originals, args.workers).run(chunks)
    report(ends, defects, worst, seconds=time.monotonic() - started)
    sys.exit(bool(defects))


def make_originals(folder: Path) -> Originals:
    """Train, score, explain and export a network on drawn faces, unless that has been done in the folder."""
    from mien.workflows.export import export
    from mien.workflows.study import study

    run, bundle = folder / "run", folder / "bundle"
    if not (bundle / "card.json").is_file():
        options: dict[str, Any] = {"holdout": {"rows": 35}, "epochs": 1, "batch": 32, "device": "cpu"}
        study("synthetic:210", recipe="demo", ablation=None, out=run, overwrite=True, **options)
        export(run, out=bundle, overwrite=True)
    return Originals(run, bundle)


def plan(targets: Iterable[str], each: int, first_seed: int) -> list[Chunk]:
    """Divide the inputs of each target into chunks with a seed of their own; all first chunks come first."""
    chunks = []
    for number in range(-(-each // CHUNK)):
        for name in targets:
            chunks.append(Chunk(name, first_seed * 100_000 + number, min(CHUNK, each - number * CHUNK)))
    return chunks


def try_chunk(target: Target, chunk: Chunk, tell: Any) -> None:
    """Draw the inputs of a chunk and read each in an empty folder."""
    number = -1

    @seed(chunk.seed)
    @settings(
        max_examples=CHUNK,  # what is drawn depends on it
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def each(value: Any) -> None:
        nonlocal number
        number += 1
        if number < chunk.first or number >= chunk.count:
            return
        tell(Result(number, "started"))
        with tempfile.TemporaryDirectory(prefix="mien-fuzz-") as folder:
            before, started = reset_peak(), time.process_time()
            end = ending(target, value, Path(folder))
            seconds, grown = time.process_time() - started, max(0, memory("VmHWM") - before)
        tell(Result(number, end, seconds, grown >> 20))

    each()


def ending(target: Target, value: Any, folder: Path) -> str:
    """Read one input; a defect becomes a line that begins with `defect`."""
    try:
        return outcome(target, value, folder)
    except BaseException as error:
        steps = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(step.filename).name}:{step.lineno}" for step in steps if "mien" in step.filename][-3:]
        return f"defect {type(error).__name__}: {str(error)[:150]!r} at {' > '.join(ours)}"


def memory(key: str, process: int | str = "self") -> int:
    """Return VmRSS or VmHWM of a process in bytes (Linux); 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), 0)


def processor_s(process: int) -> float:
    """Return the processor time of a process in seconds (Linux); 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reset_peak() -> int:
    """Forget the peak of this process's memory; return what it has now."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def work(originals: Originals, orders: Connection, results: Connection) -> None:
    """Try chunks until there are none; whatever native code writes to stderr is dropped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter("ignore")
    targets = all_targets(originals)
    while (chunk := orders.recv()) is not None:
        try_chunk(targets[chunk.target], chunk, results.send)
        results.send(None)


class Worker:
    """A process that tries chunks, and how far it is."""

    def __init__(self, originals: Originals) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self.orders = context.Pipe(duplex=False)
        self.results, ours = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(originals, theirs, ours), daemon=True)
        self.process.start()
        theirs.close()
        ours.close()
        self.chunk: Chunk | None = None
        self.number, self.since, self.used_s, self.base = -1, 0.0, 0.0, 0

    def give(self, chunk: Chunk) -> None:
        """Hand out a chunk."""
        self.chunk, self.number = chunk, -1
        self.orders.send(chunk)

    def overdue(self) -> str | None:
        """Say what is wrong with the input that is being read; None if nothing is."""
        if self.number < 0:
            return None
        used_s = processor_s(self.process.pid or 0) - self.used_s
        if used_s > LONGEST_S or time.monotonic() - self.since > LONGEST_WALL_S:
            return f"defect hang: {used_s:.0f} s of processor time"
        if memory("VmRSS", self.process.pid or 0) - self.base > MOST_BYTES:
            return "defect memory: more than 1 GiB"
        return None

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()


class Pool:
    """Workers, the chunks that are left, and what was found."""

    def __init__(self, originals: Originals, workers: int) -> None:
        self.originals = originals
        self.workers = [Worker(originals) for _ in range(workers)]
        self.left: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.defects: list[str] = []
        self.worst: dict[str, tuple[float, str]] = {}

    def run(self, chunks: list[Chunk]) -> tuple[Counter[tuple[str, str]], list[str], dict[str, tuple[float, str]]]:
        """Try all chunks."""
        for chunk in chunks:
            self.left.put(chunk)
        for place in range(len(self.workers)):
            self._next(place)
        while any(worker.chunk for worker in self.workers):
            wait([worker.results for worker in self.workers if worker.chunk], timeout=POLL_S)
            for place, worker in enumerate(self.workers):
                if worker.chunk:
                    self._listen(place, worker)
        for worker in self.workers:
            worker.stop()
        return self.ends, self.defects, self.worst

    def _next(self, place: int) -> None:
        worker = self.workers[place]
        worker.chunk = None
        if not self.left.empty():
            worker.give(self.left.get())

    def _listen(self, place: int, worker: Worker) -> None:
        try:
            while worker.results.poll():
                if (result := worker.results.recv()) is None:
                    self._next(place)
                    return
                self._note(worker, result)
        except (EOFError, OSError):
            worker.process.join()
            self._replace(place, worker, f"defect crash: exit code {worker.process.exitcode}")
            return
        if fault := worker.overdue():
            self._replace(place, worker, fault)

    def _note(self, worker: Worker, result: Result) -> None:
        if result.end == "started":
            worker.number, worker.since = result.number, time.monotonic()
            worker.used_s = processor_s(worker.process.pid or 0)
            worker.base = memory("VmRSS", worker.process.pid or 0)
            return
        worker.number = -1
        end = result.end
        if not end.startswith("defect") and result.mib >= MOST_BYTES >> 20:
            end = f"defect memory: {result.mib} MiB"
        self._count(worker, result.number, end)
        chunk = worker.chunk
        assert chunk is not None
        for kind, value in (("seconds", result.seconds), ("MiB", float(result.mib))):
            if value > self.worst.get(kind, (0.0, ""))[0]:
                self.worst[kind] = (value, f"{chunk.target}/{chunk.seed}/{result.number}")

    def _count(self, worker: Worker, number: int, end: str) -> None:
        chunk = worker.chunk
        assert chunk is not None
        self.ends[chunk.target, end.partition(" ")[0]] += 1
        if end.startswith("defect"):
            self.defects.append(f"{chunk.target}/{chunk.seed}/{number}: {end}")
            print(self.defects[-1], flush=True)

    def _replace(self, place: int, worker: Worker, fault: str) -> None:
        """Start another worker, which goes on after the input that this one did not survive."""
        chunk, number = worker.chunk, worker.number
        assert chunk is not None
        worker.stop()
        if number < 0:
            raise RuntimeError(f"{chunk.target}: no inputs can be drawn from seed {chunk.seed}")
        self._count(worker, number, fault)
        self.workers[place] = Worker(self.originals)
        if number + 1 < chunk.count:
            self.workers[place].give(chunk._replace(first=number + 1))
        else:
            self._next(place)


def report(
    ends: Counter[tuple[str, str]], defects: list[str], worst: dict[str, tuple[float, str]], *, seconds: float
) -> None:
    """Print how many inputs of each target ended how."""
    print(f"\n{ends.total():,} inputs in {seconds:,.0f} s; {len(defects)} defects")
    for target in dict.fromkeys(name for name, _ in ends):
        found = ", ".join(f"{end} {count:,}" for (name, end), count in ends.most_common() if name == target)
        print(f"  {target:16} {sum(count for (name, _), count in ends.items() if name == target):6,}: {found}")
    for kind, (value, where) in worst.items():
        print(f"  most {kind}: {value:,.1f} ({where})")


if __name__ == "__main__":
    main()
