"""What `mien predict` tells while it works, and of the inputs that could not be read."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from mien.cli import console
from mien.core.errors import DataError
from mien.core.progress import Progress
from mien.runtime.results import PictureResult
from mien.runtime.sources import is_video
from mien.workflows.stream import is_table


class Tally:
    """Counts pictures and faces, tells the counts now and then and at the end, and names what could not be read.

    Args:
        inputs: files, folders and patterns.
        skip_bad: whether it is fine that some can't be read.
    """

    def __init__(self, inputs: Sequence[str], *, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self.source = inputs[0]
        self.unit = "picture"
        if len(inputs) == 1 and is_video(self.source):
            self.unit = "frame"
        self.pictures = self.faces = self.without_face = self.unreadable = 0
        self.reason: str | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, result: PictureResult) -> None:
        """Count a picture, or name it where it can't be read."""
        if result.error is not None:
            self.unreadable += 1
            if self.skip_bad:
                console.log.warning("left out: %s", result.error)
            else:
                console.complain(DataError(result.error))
            return
        self.pictures += 1
        self.faces += len(result.faces)
        if not result.faces:
            self.without_face += 1
            self.reason = result.reason
        task = f"{_plural(self.faces, 'face')} found"
        console.progress(Progress(task, done=self.pictures, total=None, unit=f"{self.unit}s"))

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Sum up; raise `DataError` if some could not be read, and that is not fine."""
        console.progress.hide()
        if kind:
            return
        if not is_table(self.source):
            if self.pictures > 1:
                console.log.info("%s", self._counts())
            elif self.without_face:
                console.log.info("%s: %s", self.source, self.reason)
        if self.unreadable and not self.skip_bad:
            raise DataError(
                f"{self.unreadable:,} could not be read (named above), all else is done; "
                "--skip-bad makes that exit code 0"
            )

    def _counts(self) -> str:
        counts = f"{_plural(self.pictures, self.unit)}, {_plural(self.faces, 'face')}"
        if self.without_face:
            counts += f", {self.without_face:,} without a face"
        if self.unreadable:
            counts += f", {self.unreadable:,} unreadable"
        return counts


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
