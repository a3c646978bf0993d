"""One stage of a pipeline in a thread of its own, which works a bounded number of items ahead."""

from collections.abc import Generator, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.1
"""How long a thread waits before it checks whether its items are still wanted (seconds)."""


class _End:
    """The last thing in the queue: why the items ended."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterator[T], *, by: int) -> Generator[T, None, None]:
    """Yield items that a thread takes from an iterator ahead of time.

    At most `by` finished items wait, so memory is bounded.  What the iterator raises is raised here, after the items
    before it.  When the generator is closed, the iterator is closed too.

    >>> list(prefetch(iter("abc"), by=2))
    ['a', 'b', 'c']
    """
    ready: Queue[T | _End] = Queue(by)
    unwanted = Event()
    thread = Thread(target=_draw, args=(items, ready, unwanted), daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        unwanted.set()
        thread.join()


def _draw(items: Iterator[T], ready: "Queue[T | _End]", unwanted: Event) -> None:
    end = _End()
    try:
        for item in items:
            if not _put(item, ready, unwanted):
                break
    except BaseException as error:  # whatever it is, it is raised where the items are used
        end = _End(error)
    finally:
        close = getattr(items, "close", None)
        if close:
            close()
        _put(end, ready, unwanted)


def _put(item: T | _End, ready: "Queue[T | _End]", unwanted: Event) -> bool:
    """Wait for a free place; return False when the item is not wanted any more."""
    while not unwanted.is_set():
        try:
            ready.put(item, timeout=POLL_S)
        except Full:
            continue
        return True
    return False
