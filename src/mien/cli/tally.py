"""What `mien predict` says while it works, and of the inputs that it could not read."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.cli import console
from mien.core.errors import DataError
from mien.runtime.record import Seen
from mien.runtime.sources import is_video
from mien.verbs.predict import is_table


class Tally:
    """Counts pictures and faces, says them now and then and at the end, and keeps count of what could not be read.

    Args:
        inputs: files and folders.
        skip_bad: whether it is fine that some can't be read.
    """

    def __init__(self, inputs: Sequence[str], *, skip_bad: bool) -> None:
        self.skip_bad, self.many = skip_bad, len(inputs) > 1 or Path(inputs[0]).is_dir()
        self.pictures = self.faces = self.without = self.bad = 0
        self.began_s = self.said_s = time.monotonic()
        self.source = inputs[0]
        self.word = "frames" if is_video(self.source) and not self.many else "pictures"

    @property
    def on_bad(self) -> Callable[[DataError], None] | None:
        """Told of what can't be read; None, which stops at once, for a single file."""
        return self._count_bad if self.many or self.skip_bad else None

    def write(self, seen: Seen) -> None:
        """Count a picture."""
        self.pictures += 1
        self.faces += len(seen.faces)
        self.without += not seen.faces
        now = time.monotonic()
        if now - self.said_s > console.EVERY_S:
            self.said_s = now
            console.say(f"{self._counts()}, {self.pictures / (now - self.began_s):,.0f} {self.word}/s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Say what was done; raise `DataError` if some could not be read, and that is not fine."""
        if kind:
            return
        if self.pictures > 1 and not is_table(self.source):
            console.say(self._counts())
        elif self.without:
            console.say(f"{self.source}: no face found")
        if self.bad and not self.skip_bad:
            raise DataError(
                f"{self.bad:,} could not be read (named above), all else is done; --skip-bad makes that exit code 0"
            )

    def _count_bad(self, error: DataError) -> None:
        self.bad += 1
        console.list_bad(error)

    def _counts(self) -> str:
        without = f", {self.without:,} without a face" if self.without else ""
        return f"{self.pictures:,} {self.word}, {self.faces:,} faces{without}"
