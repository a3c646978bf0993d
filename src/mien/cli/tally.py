"""What `mien predict` says while it works, and of the inputs that it could not read."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.cli import console
from mien.core.errors import DataError
from mien.runtime.results import PictureResult
from mien.runtime.sources import is_video
from mien.workflows.predict import is_table


class Tally:
    """Counts pictures and faces, says them now and then and at the end, and keeps count of what could not be read.

    Args:
        inputs: files and folders.
        skip_bad: whether it is fine that some can't be read.
    """

    def __init__(self, inputs: Sequence[str], *, skip_bad: bool) -> None:
        self.skip_bad, self.many = skip_bad, len(inputs) > 1 or Path(inputs[0]).is_dir()
        self.pictures = self.faces = self.without = self.bad = 0
        self.began_s = time.monotonic()
        self.source = inputs[0]
        self.word = "frame" if is_video(self.source) and not self.many else "picture"

    @property
    def on_bad(self) -> Callable[[DataError], None] | None:
        """Told of what can't be read; None, which stops at once, for a single file."""
        return self._count_bad if self.many or self.skip_bad else None

    def write(self, seen: PictureResult) -> None:
        """Count a picture."""
        self.pictures += 1
        self.faces += len(seen.faces)
        self.without += not seen.faces
        speed = self.pictures / max(time.monotonic() - self.began_s, 1e-9)
        console.progress.show(f"{self._counts()}, {speed:,.0f} {self.word}s/s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Say what was done; raise `DataError` if some could not be read, and that is not fine."""
        console.progress.hide()
        if kind:
            return
        if not is_table(self.source):
            self._sum_up()
        if self.bad and not self.skip_bad:
            raise DataError(
                f"{self.bad:,} could not be read (named above), all else is done; --skip-bad makes that exit code 0"
            )

    def _sum_up(self) -> None:
        if self.pictures > 1:
            console.log.info("%s", self._counts())
        elif self.without:
            console.log.info("%s: no face found", self.source)

    def _count_bad(self, error: DataError) -> None:
        self.bad += 1
        console.progress.hide()
        if self.skip_bad:
            console.log.warning("left out: %s", error)
        else:
            console.complain(error)

    def _counts(self) -> str:
        without = f", {self.without:,} without a face" if self.without else ""
        return f"{_plural(self.pictures, self.word)}, {_plural(self.faces, 'face')}{without}"


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
