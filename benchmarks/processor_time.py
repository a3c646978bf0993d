"""A pytest plugin that writes the processor time of every test, with its fixtures and child processes, to a file.

On a busy machine the seconds that `pytest --durations` shows say little; these hardly depend on what else is running.

    export PYTHONPATH=benchmarks
    TIMES=times.tsv pytest -n 2 --dist loadfile -m 'not long' -p processor_time
    sort -rn times.tsv | head -40
"""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

TIMES = Path(os.environ.get("TIMES", "times.tsv"))


def spent_s() -> float:
    """Processor time of this process and of its children that have ended, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write a line for each test: seconds, tab, name."""
    before_s = spent_s()
    yield
    with TIMES.open("a", encoding="utf-8") as file:
        file.write(f"{spent_s() - before_s:.2f}\t{item.nodeid}\n")
