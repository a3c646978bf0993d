"""`Desk`: the threads that answer, and the requests that wait for one."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from mien.serving.refusal import Refusal, busy


class Desk:
    """Runs the work of requests in a few threads; some more may wait, and all others are refused.

    Args:
        threads: how many compute at once.
        queue: how many may wait.
        timeout_s: how long a request waits for its answer.
    """

    def __init__(self, *, threads: int, queue: int, timeout_s: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mien")
        self._threads, self._places, self._timeout_s = threads, threads + queue, timeout_s
        self._taken = 0
        self._lock = threading.Lock()  # of the number, which the threads count down

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return max(0, self._taken - self._threads)

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        return self._taken >= self._places

    def require_place(self) -> None:
        """Raise `Refusal` where one more request would be too much."""
        if self.is_full:
            raise busy(f"busy: {self._taken} requests are being answered or wait; try again in a second")

    async def run(self, work: Callable[..., bytes]) -> bytes:
        """Return what `work(deadline_s=…)` returns in one of the threads.

        A place is free again when the work has ended, not when its client has been told that it took too long.

        Raises:
            Refusal: no place, or no answer in time.
        """
        self.require_place()
        with self._lock:
            self._taken += 1
        task = self._pool.submit(partial(work, deadline_s=time.monotonic() + self._timeout_s))
        task.add_done_callback(self._leave)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(task)
        except TimeoutError:
            raise Refusal(504, f"no answer within {self._timeout_s:g} s; send a smaller picture") from None

    def _leave(self, _task: "Future[bytes]") -> None:
        with self._lock:
            self._taken -= 1
