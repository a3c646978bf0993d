import threading
import time
from collections.abc import Iterator

import pytest

from mien.runtime.prefetch import prefetch


def counted(count: int, drawn: list[int]) -> Iterator[int]:
    try:
        for i in range(count):
            drawn.append(i)
            yield i
    finally:
        drawn.append(-1)


def settled(drawn: list[int], *, count: int) -> list[int]:
    """What has been drawn once `count` have been, and a moment for one too many has passed."""
    give_up_s = time.monotonic() + 60
    while len(drawn) < count and time.monotonic() < give_up_s:
        time.sleep(0.01)
    time.sleep(0.2)
    return list(drawn)


def test_it_works_ahead_but_not_far() -> None:
    drawn: list[int] = []
    items = prefetch(counted(100, drawn), by=3)
    assert next(items) == 0
    assert settled(drawn, count=5) == [0, 1, 2, 3, 4]  # one taken, three ready, one in the thread's hand
    assert list(items) == list(range(1, 100))
    assert drawn[-1] == -1


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("three")

    items = prefetch(broken(), by=5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="three"):
        next(items)


def test_closing_ends_the_thread_and_closes_the_items() -> None:
    before = threading.active_count()
    drawn: list[int] = []
    items = prefetch(prefetch(counted(10**9, drawn), by=2), by=2)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert drawn[-1] == -1
    assert threading.active_count() == before


def test_nothing_runs_before_the_first_is_wanted() -> None:
    drawn: list[int] = []
    prefetch(counted(3, drawn), by=2)
    assert settled(drawn, count=0) == []
