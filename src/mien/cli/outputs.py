"""Where classified faces go: a file that grows as they come, or stdout."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mien.cli import console
from mien.cli.places import exists, refuse_existing
from mien.core.errors import UsageError, nearest
from mien.core.files import storage_errors
from mien.core.lock import locked
from mien.runtime.result_files import FORMATS, PARQUET, Writer, format_of, open_writer
from mien.runtime.results import PictureResult
from mien.runtime.sources import PICTURE_SUFFIXES, is_video

if TYPE_CHECKING:
    from mien.core.model_id import ModelId

LOCK_CHARACTERS = 50
"""So much of a file's name is in that of its lock, which must not be too long for a name."""


@contextmanager
def only_writer(out: Path | None) -> Iterator[None]:
    """Keep other commands from writing the same file while the block runs.

    Raises:
        UsageError: another one is writing it.
        StorageError: its folder can't be written.
    """
    if out is None or (exists(out) and not out.is_file()):  # stdout, or a device
        yield
        return
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.parent, name=f".{out.name[-LOCK_CHARACTERS:]}.lock", what=out):
        yield


class Output:
    """A context that writes faces; the file is opened with the first of them, or at the end if there are none.

    Args:
        format_: one of `FORMATS`, or `parquet`; None goes by the file's ending.
        model: which network classifies.
        labels: the C class names.
        warnings: what the network was not made for.
        out: the file; None is stdout.
        overwrite: allow the file to exist.
        keep: how many bytes of the file stay, what comes is appended; None begins anew.

    Raises:
        UsageError: no such format, Parquet without a file, a file for pictures, or the file exists.
    """

    def __init__(
        self,
        format_: str | None,
        *,
        model: "ModelId",
        labels: Sequence[str],
        warnings: Sequence[str] = (),
        out: Path | None,
        overwrite: bool,
        keep: int | None = None,
    ) -> None:
        if out and (out.suffix.lower() in PICTURE_SUFFIXES or is_video(out)):
            raise UsageError(f"-o {out}: takes records, no pictures; choose a name such as faces.csv, or --draw {out}")
        if format_ is not None:
            self.format = format_
        elif out:
            self.format = format_of(out)
        else:
            self.format = "table"
        if self.format not in (*FORMATS, PARQUET):
            raise UsageError(f"no format '{self.format}', {nearest(self.format, (*FORMATS, PARQUET))}")
        if self.format == PARQUET and out is None:
            raise UsageError("Parquet needs a file; name it with -o faces.parquet")
        if keep is None:
            refuse_existing(out, overwrite=overwrite)
        self.model, self.labels, self.warnings = model, labels, warnings
        self.out, self.keep = out, keep
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, result: PictureResult) -> None:
        """Append the records of a picture."""
        if self.out is None and (result.faces or self._writer is None):
            console.progress.hide()  # else the rows would be printed behind it
        with self._errors():
            self._open().write(result)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None or self._writer:
            with self._errors():
                self._open().close()
        if self.out and self._writer:
            console.log.info("written: %s", self.out.absolute())

    def _errors(self) -> AbstractContextManager[None]:
        return storage_errors(self.out) if self.out else nullcontext()

    def _open(self) -> Writer:
        if self._writer is not None:
            return self._writer
        if self.out:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            if self.keep is not None and self.out.exists():
                os.truncate(self.out, self.keep)
        self._writer = open_writer(
            self.out or sys.stdout,
            self.format,
            model=self.model,
            classes=self.labels,
            warnings=self.warnings,
            append=self.keep is not None,
        )
        return self._writer
