"""Results go to stdout; words, errors and the progress line go to stderr."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mien.core.progress import Progress
from mien.core.text import escape_controls, percentage

if TYPE_CHECKING:
    from mien.core.tables import Part, Side

UNLIMITED = 100_000
"""Off a terminal, a table is as wide as it needs to be (columns)."""

EVERY_S = 30.0
"""Off a terminal, progress is a line this often (seconds)."""

LIVE_S = 0.1
"""On a terminal, the line changes this often."""

BAR = 20
"""Characters of a full bar."""

LIBRARY = logging.getLogger("mien")

log = logging.getLogger(__name__)

_settings = {"verbose": False}


class _Handler(logging.Handler):
    """Prints what the library logs to stderr, above the progress line."""

    def emit(self, record: logging.LogRecord) -> None:
        progress.hide()
        print(escape_controls(record.getMessage()), file=sys.stderr, flush=True)


def show_logs() -> None:
    """Print what the library logs, from now on; a second call changes nothing."""
    LIBRARY.addHandler(_handler)
    LIBRARY.propagate = False  # ONNX Runtime gives the root logger a handler, which would print all again
    set_quiet(False)


def set_quiet(value: bool) -> bool:
    """Typer callback of `--quiet`: only errors are printed."""
    if value:
        LIBRARY.setLevel(logging.ERROR)
    else:
        LIBRARY.setLevel(logging.INFO)
    return value


def set_verbose(value: bool) -> bool:
    """Typer callback of `--verbose`."""
    _settings["verbose"] = value
    return value


def verbose() -> bool:
    """Whether the user asked for tracebacks."""
    return _settings["verbose"]


def complain(error: Exception) -> None:
    """Print an error, always."""
    progress.hide()
    print(f"mien: {error}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a result as one JSON object."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_summary(parts: "Iterable[Part]") -> None:
    """Print what a person reads of a result."""
    from mien.core.tables import Figures

    for part in parts:
        if isinstance(part, str):
            print(part)
        elif isinstance(part, Figures):
            for name, value, note in part.rows:
                print(f"{name:<18} {value:>8}   {note}".rstrip())
        else:
            print_table(part.columns, part.rows)


def print_table(columns: "Mapping[str, Side]", rows: "Sequence[Sequence[str]]") -> None:
    """Print a result as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for head, justify in columns.items():
        table.add_column(head, justify=justify)
    for row in rows:
        table.add_row(*row)
    wide = None if sys.stdout.isatty() else UNLIMITED
    terminal = Console(width=wide, markup=False, emoji=False, highlight=False)
    # Blanks between columns go before letters of names do.
    needed = terminal.measure(table, options=terminal.options.update(max_width=UNLIMITED)).maximum
    table.collapse_padding = needed > terminal.width
    terminal.print(table)


class ProgressLine:
    """Shows how far long work is: one line that changes on a terminal, else a line every half minute.

    It is a callback for every `progress` parameter of the library.
    """

    def __init__(self) -> None:
        self.task: tuple[int | None, str] | None = None
        self.first = (0, 0.0)
        self.last_s = time.monotonic()
        self.visible = False

    def __call__(self, now: Progress) -> None:
        """Take the present state, as often as it changes."""
        time_s = time.monotonic()
        task = (now.total, now.unit)
        if task != self.task or now.done < self.first[0]:  # another piece of work
            self.task, self.first, self.last_s = task, (now.done, time_s), time_s
            return
        if now.done == now.total:
            self.task = None
            self.hide()
            return
        speed = (now.done - self.first[0]) / max(time_s - self.first[1], 1e-9)
        self.show(_describe(now, speed))

    def show(self, text: str) -> None:
        """Take the present state in words, as often as it changes."""
        live, time_s = _is_live(), time.monotonic()
        if time_s - self.last_s < (LIVE_S if live else EVERY_S):
            return
        self.last_s = time_s
        if live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self.visible = True
        else:
            log.info("%s", text)

    def hide(self) -> None:
        """Take the line off the screen; the next state shows it again."""
        if self.visible:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self.visible = False


progress = ProgressLine()
"""The one progress line of the command line."""

_handler = _Handler()


def _is_live() -> bool:
    """Whether a line may change: somebody looks at it."""
    return sys.stderr.isatty() and LIBRARY.isEnabledFor(logging.INFO) and "CI" not in os.environ


def _describe(now: Progress, speed: float) -> str:
    """Put a state of work into words.

    >>> _describe(Progress("epoch 2/3", done=500, total=1500, unit="faces"), speed=20.0)
    'epoch 2/3 ██████▋              33 %, 20 faces/s, 50 s left'
    """
    if not now.total:
        return f"{now.task}: {now.done:,} {now.unit}, {speed:,.0f} {now.unit}/s"
    text = f"{now.task} {_bar(now.done / now.total)} {percentage(now.done / now.total, 0)}, {speed:,.0f} {now.unit}/s"
    if speed > 0:
        text += f", {format_duration((now.total - now.done) / speed)} left"
    return text


def _bar(share: float) -> str:
    eighths = round(share * BAR * 8)
    bar = "█" * (eighths // 8)
    if eighths % 8:
        bar += "▏▎▍▌▋▊▉"[eighths % 8 - 1]
    return bar.ljust(BAR)


def format_duration(seconds: float) -> str:
    """Write a time with as many digits as an estimate has.

    >>> format_duration(50.2), format_duration(300), format_duration(9000)
    ('50 s', '5 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
