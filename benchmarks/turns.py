"""Timing several things side by side: what the benchmarks share."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call."""
    start = clock()
    work()
    return clock() - start


def medians(
    arms: Mapping[Name, Callable[[], object]], *, turns: int, clock: Callable[[], float] = time.perf_counter
) -> dict[Name, float]:
    """Median seconds of a call of each arm, measured in turn; one more turn comes first, to warm up.

    With one thread `time.process_time` leaves out how long other programs kept the processor.
    """
    times: dict[Name, list[float]] = {name: [] for name in arms}
    for turn in range(turns + 1):
        for name, work in arms.items():
            seconds = timed(work, clock)
            if turn:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}
