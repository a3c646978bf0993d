"""Processes of this machine that work on parts; they end when this process does, however it ends."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from ctypes import c_bool
from typing import Any

WATCH_S = 0.5
"""How often a worker looks whether it is still wanted."""


class Workers(Executor):
    """Worker processes that are started anew when one of them dies.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        # Not forked: a copy of a process with threads may wait for ever for what one of them held.
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.RawValue(c_bool, False)  # an event would wait for those that died
        self._pool = self._start()

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        """Have a worker call a function."""
        return self._pool.submit(function, *arguments, **named)

    def restart(self) -> None:
        """Start new processes after one died, which ends all of them."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes at once; what is being worked on is lost."""
        self._stop.value = True
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.count, mp_context=self._context, initializer=_begin, initargs=(self._stop,))


def _begin(stop: c_bool) -> None:
    """Prepare a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C goes to all processes; the parent tells the workers
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()


def _end_with_parent(stop: c_bool) -> None:
    """End this process as soon as it is told to or its parent has died."""
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive() and not stop.value:
        time.sleep(WATCH_S)
    os._exit(1)
