"""How many threads compute a training, and whether other programs leave them the processor."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

log = logging.getLogger(__name__)

WATCHED_S = 60.0
"""Over so many seconds in a row it is measured how long the threads had to wait for a processor."""

SLOWED = 0.2
"""The share of their working time that threads wait in a run that is clearly slowed."""

THREADS = Path("/proc/self/task")
"""Where Linux lists the threads of this process."""


def resolve_threads(threads: int | None) -> int:
    """Return how many threads compute: PyTorch's own number where none is given.

    That is one for each core that this process may use, or `OMP_NUM_THREADS`; it doesn't depend on what else the
    machine is doing, so equal commands stay equal byte for byte.
    """
    return threads or torch.get_num_threads()


@contextlib.contextmanager
def use_threads(threads: int | None) -> Iterator[None]:
    """Compute with so many threads while the block runs; with None, with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class SlownessCallback(Callback):
    """Warns once if other programs keep the threads of a training waiting for a processor.

    A thread that is ready to compute but isn't running waits, and Linux counts for how long.  On a machine that has
    nothing else to do it is next to nothing, however much of their time the threads sleep.  What merely compares the
    processor time with the clock can't tell sleeping from waiting.
    """

    def __init__(self) -> None:
        self.warned = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._begin()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object) -> None:
        if self.warned or time.monotonic() - self.start_s < WATCHED_S:
            return
        waited = waited_share(self.before, thread_times())
        if waited > SLOWED:
            self.warned = True
            log.warning(
                "other programs keep the %d threads of this training waiting %.0f %% of the time, which slows it by "
                "more than that, since threads also wait for each other; one thread may well be faster: stop the run "
                "(Ctrl+C) and resume it with --threads 1",
                torch.get_num_threads(),
                100 * waited,
            )
        self._begin()

    def _begin(self) -> None:
        self.start_s, self.before = time.monotonic(), thread_times()


def thread_times() -> dict[str, tuple[int, int]]:
    """Return for each thread of this process how long it ran and waited to run (ns); empty where nobody counts it."""
    times = {}
    for thread in THREADS.glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has just ended
            ran, waited, _ = thread.read_text().split()
            times[thread.parent.name] = (int(ran), int(waited))
    return times


def waited_share(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> float:
    """Return which share of their working time (running or waiting to run) threads have waited; 0 if they did nothing.

    >>> waited_share({"1": (100, 0)}, {"1": (250, 0), "2": (100, 50)})
    0.16666666666666666
    """
    ran = waited = 0
    for thread, (ran_ns, waited_ns) in after.items():
        ran_before_ns, waited_before_ns = before.get(thread, (0, 0))
        ran += ran_ns - ran_before_ns
        waited += waited_ns - waited_before_ns
    return waited / (ran + waited) if ran + waited else 0.0
