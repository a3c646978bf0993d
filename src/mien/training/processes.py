"""What the other processes of a training on several devices log, report and raise, brought to the first process."""

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self

from torch.multiprocessing.spawn import ProcessRaisedException

from mien.core import errors
from mien.core.errors import MienError
from mien.core.progress import OnProgress, Progress

log = logging.getLogger(__name__)

LIBRARY = logging.getLogger("mien")


class Relay:
    """A progress callback that other processes may call, too: each call reaches the process that made it.

    Used as a context manager around the training.  Pickling it into another process also sends there what is logged
    by mien back to this one, whose handlers and levels are those that the user has chosen.
    """

    def __init__(self, progress: OnProgress | None) -> None:
        self.progress = progress
        self.queue = get_context("spawn").SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self.reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.queue.put(None)
        self.reader.join()

    def __call__(self, progress: Progress) -> None:
        self.queue.put(progress)

    def __getstate__(self) -> dict[str, Any]:
        return {"queue": self.queue, "level": LIBRARY.getEffectiveLevel()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.queue = state["queue"]
        LIBRARY.setLevel(state["level"])
        LIBRARY.propagate = False
        LIBRARY.addHandler(_Sender(self.queue))

    def _read(self) -> None:
        while (message := self.queue.get()) is not None:
            try:
                if isinstance(message, Progress):
                    if self.progress:
                        self.progress(message)
                else:
                    name, level, text = message
                    logging.getLogger(name).log(level, "%s", text)
            except Exception:  # a reader that ends would leave the others waiting for it
                log.exception("the progress callback failed; it is not called again")
                self.progress = None


class _Sender(logging.Handler):
    def __init__(self, queue: Any) -> None:
        super().__init__()
        self.queue = queue

    def emit(self, record: logging.LogRecord) -> None:
        self.queue.put((record.name, record.levelno, record.getMessage()))


@contextlib.contextmanager
def errors_of_processes() -> Iterator[None]:
    """Raise what one of several processes has raised, if it is mien's own; torch hands on its traceback as text."""
    try:
        yield
    except ProcessRaisedException as error:
        found = re.findall(rf"^{re.escape(MienError.__module__)}\.(\w+): (.*)", str(error), flags=re.MULTILINE)
        if not found:
            raise
        name, message = found[-1]
        raise getattr(errors, name)(message) from None
