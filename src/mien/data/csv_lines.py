"""The lines of CSV files: separated by commas, semicolons or tabs, with any line ends, in UTF-8."""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from mien.core.errors import DataError

HEADER_BYTES = 4096
LINE_BYTES = 1 << 20
"""A line of a face has about 9,000 bytes; one that does not end is not read into memory whole."""


class Dialect(NamedTuple):
    """How a file is written: its header's bytes, what separates fields, and what ends lines."""

    header: bytes
    separator: bytes
    end: bytes


def _dialect(path: Path) -> Dialect:
    try:
        with path.open("rb") as file:
            first = file.readline(HEADER_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({getattr(error, 'strerror', error)})") from None
    end = b"\n"
    if b"\r" in first.rstrip(b"\r\n"):  # as old Macs ended lines
        first, end = first.partition(b"\r")[0], b"\r"
    separator = b","
    for other in (b";", b"\t"):
        if separator not in first and other in first:
            separator = other
    return Dialect(first, separator, end)


def read_header(path: Path, *, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Read the column names of a CSV file, without the blanks around them; those that are `known` in its own spelling.

    Raises:
        DataError: no such file, empty, or not UTF-8 text.
    """
    dialect = _dialect(path)
    if not dialect.header.strip():
        raise DataError(f"{path}: empty, expected a header line with the column names")
    if b"\0" in dialect.header:
        raise _not_utf8(path, 1)
    try:
        text = dialect.header.decode("utf-8-sig").rstrip("\r\n")
        names = next(csv.reader([text], delimiter=dialect.separator.decode()))
    except (UnicodeDecodeError, csv.Error):
        raise _not_utf8(path, 1) from None
    spelled = {name.casefold(): name for name in known}
    return tuple(spelled.get(name.strip().casefold(), name.strip()) for name in names)


def _not_utf8(path: Path, line: int) -> DataError:
    expected = ", expected a header line with the column names" if line == 1 else ""
    return DataError(f"{path}, line {line}: not UTF-8 text{expected}; save the file as CSV in UTF-8")


def read_lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield every line after the header that is not blank: its 1-based number and its fields, one a column.

    Raises:
        DataError: a line with more or fewer fields than `columns`, or that is not UTF-8.
    """
    dialect = _dialect(path)
    with path.open("rb", buffering=1 << 20) as file:
        lines = _split(file, dialect.end)
        next(lines)
        for number, line in enumerate(lines, 2):
            if len(line) > LINE_BYTES:
                raise DataError(f"{path}, line {number}: more than {LINE_BYTES:,} bytes; is this a table of faces?")
            if not line.isascii():
                _require_utf8(line, path, number)
            if b'"' in line:
                fields = _quoted(line, dialect.separator, where=f"{path}, line {number}")
            else:
                fields = _fields(line, dialect.separator)
            if len(fields) == len(columns):
                yield number, fields
            elif line.strip():
                raise DataError(
                    f"{path}, line {number}: {len(fields)} columns, expected {len(columns)} "
                    f"({','.join(columns)}); is the file cut off?"
                )


def _split(file: IO[bytes], end: bytes) -> Iterator[bytes]:
    """Yield the lines of a file; of a line that is too long only its beginning."""
    if end == b"\n":
        yield from iter(partial(file.readline, LINE_BYTES + 1), b"")
        return
    rest = b""
    while chunk := file.read(LINE_BYTES):
        *lines, rest = (rest + chunk).split(end)
        yield from lines
        if len(rest) > LINE_BYTES:
            break
    if rest:
        yield rest


def _require_utf8(line: bytes, path: Path, number: int) -> None:
    try:
        line.decode()
    except UnicodeDecodeError:
        raise _not_utf8(path, number) from None


def _fields(line: bytes, separator: bytes) -> list[bytes]:
    """Do what `line.split(separator)` does, three times as fast where fields are long; no line end."""
    fields, start = [], 0
    while (end := line.find(separator, start)) >= 0:
        fields.append(line[start:end])
        start = end + 1
    fields.append(line[start:].rstrip(b"\r\n"))
    return fields


def _quoted(line: bytes, separator: bytes, *, where: str) -> list[bytes]:
    text = line.decode("latin-1").rstrip("\r\n")
    try:
        return [field.encode("latin-1") for field in next(csv.reader([text], delimiter=separator.decode()))]
    except csv.Error as error:
        raise DataError(f"{where}: quotes that are no CSV ({error})") from None


def check_columns(path: Path, header: tuple[str, ...], *, needs: tuple[str, ...]) -> None:
    """Raise `DataError` if a column is missing or there twice."""
    for name in needs:
        if header.count(name) != 1:
            problem = "no" if name not in header else f"{header.count(name)} times the"
            raise DataError(
                f"{path}, line 1: {problem} column '{name}'; "
                f"found {','.join(header)}, expected {','.join(needs)} in any order"
            )
