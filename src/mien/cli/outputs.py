"""Where classified faces go: a file that grows as they come, or stdout.

What is written stays, whatever happens next: Ctrl+C, a broken video or `kill -9` (a Parquet file then lacks its end).
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from mien.cli import console
from mien.cli.formats import FORMATS, Format, columns, flat
from mien.cli.places import refuse_existing
from mien.core.errors import UsageError, nearest
from mien.core.files import storage_errors
from mien.runtime.results import Face, PictureResult
from mien.runtime.sources import PICTURE_SUFFIXES, is_video

PARQUET = "parquet"
SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".csv": "csv", ".parquet": PARQUET}
"""The format of an output file by its suffix; any other is a table."""

ROWS = 10_000
"""Faces in a Parquet file's row group."""


class Writer(Protocol):
    """Writes faces in one format."""

    def write(self, faces: Sequence[Face]) -> None:
        """Append faces."""

    def close(self) -> None:
        """Write what ends the format."""


class Output:
    """A context that writes faces; the file is opened with the first of them, or at the end if there are none.

    Args:
        format_: one of `FORMATS`, or `parquet`; None goes by the file's suffix.
        labels: the C class names.
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
        labels: Sequence[str],
        out: Path | None,
        overwrite: bool,
        keep: int | None = None,
    ) -> None:
        self.keep = keep
        self.format = format_ or (SUFFIXES.get(out.suffix.lower(), "table") if out else "table")
        if self.format not in (*FORMATS, PARQUET):
            raise UsageError(f"no format '{self.format}', {nearest(self.format, (*FORMATS, PARQUET))}")
        if self.format == PARQUET and out is None:
            raise UsageError("Parquet needs a file; name it with -o faces.parquet")
        if out and (out.suffix.lower() in PICTURE_SUFFIXES or is_video(out)):
            raise UsageError(f"-o {out}: takes records, no pictures; choose a name such as faces.csv, or --draw {out}")
        if keep is None:
            refuse_existing(out, overwrite=overwrite)
        self.labels, self.out = labels, out
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, seen: PictureResult) -> None:
        """Append the faces of a picture."""
        with self._errors():
            self._open().write(seen.faces)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None or self._writer:
            with self._errors():
                self._open().close()
        if self.out and self._writer:
            console.log.info("written: %s", self.out.absolute())

    def _errors(self) -> AbstractContextManager[None]:
        return storage_errors(self.out) if self.out else nullcontext()

    def _open(self) -> Writer:
        if self._writer is None:
            if self.out:
                self.out.parent.mkdir(parents=True, exist_ok=True)
            if self.format == PARQUET and self.out:
                self._writer = _Parquet(self.out, self.labels)
            else:
                file = self._open_text(self.out) if self.out else sys.stdout
                self._writer = _Text(file, FORMATS[self.format], self.labels)
        return self._writer

    def _open_text(self, path: Path) -> TextIO:
        if self.keep is not None and path.exists():
            os.truncate(path, self.keep)
        return path.open("w" if self.keep is None else "a", encoding="utf-8")


class _Text:
    def __init__(self, file: TextIO, format_: Format, labels: Sequence[str]) -> None:
        self.file, self.format = file, format_
        self.between = ""
        self.file.write(format_.head(labels))

    def write(self, faces: Sequence[Face]) -> None:
        for face in faces:
            self.file.write(self.between + self.format.line(face))
            self.between = self.format.between
        self.file.flush()

    def close(self) -> None:
        self.file.write(self.format.tail)
        self.file.flush()
        if self.file is not sys.stdout:
            self.file.close()


class _Parquet:
    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        import pyarrow
        from pyarrow import parquet

        kinds = {"schema_version": pyarrow.int32(), "frame": pyarrow.int64()}
        kinds |= dict.fromkeys(("source", "face", "label"), pyarrow.string())
        self.schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in columns(labels)])
        self.table = pyarrow.Table.from_pylist
        self.writer = parquet.ParquetWriter(path, self.schema)
        self.rows: list[dict[str, Any]] = []

    def write(self, faces: Sequence[Face]) -> None:
        self.rows += [flat(face) for face in faces]
        if len(self.rows) >= ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self.writer.close()

    def _flush(self) -> None:
        self.writer.write_table(self.table(self.rows, self.schema))
        self.rows = []
