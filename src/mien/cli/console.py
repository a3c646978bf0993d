"""Talk goes to stderr, results to stdout; bars only on a terminal, else a line now and then."""

import json
import logging
import os
import sys
import time
from typing import Any

from mien.core.talk import Talk

UNLIMITED = 100_000
"""Off a terminal, a table is as wide as it needs to be (columns)."""

EVERY_S = 30.0
"""Off a terminal, progress is said this often (seconds)."""

LIVE_S = 0.1
"""On a terminal, it is shown this often."""

_settings = {"quiet": False, "verbose": False}


def set_quiet(value: bool) -> bool:
    """Typer callback of `--quiet`."""
    _settings["quiet"] = value
    return value


def set_verbose(value: bool) -> bool:
    """Typer callback of `--verbose`."""
    _settings["verbose"] = value
    return value


def verbose() -> bool:
    """Whether the user asked for tracebacks."""
    return _settings["verbose"]


def say(text: str) -> None:
    """Tell a person something, unless quiet."""
    if not _settings["quiet"]:
        print(text, file=sys.stderr, flush=True)


class LogHandler(logging.Handler):
    """Shows what mien logs on stderr, as it is; `--quiet` leaves errors alone."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        if record.levelno >= logging.ERROR or not _settings["quiet"]:
            print(self.format(record), file=sys.stderr, flush=True)


def show_logs() -> None:
    """Let all that mien logs from INFO up be shown; once is enough."""
    logger = logging.getLogger("mien")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, LogHandler) for handler in logger.handlers):
        logger.addHandler(LogHandler())


def complain(error: Exception) -> None:
    """Tell an error, always."""
    print(f"mien: {error}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a result as one JSON object."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: dict[str, str], rows: list[list[str]]) -> None:
    """Print a result as a table; `columns` are heads to `left` or `right`."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for head, justify in columns.items():
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*row)
    wide = None if sys.stdout.isatty() else UNLIMITED
    Console(width=wide, markup=False, emoji=False, highlight=False).print(table)


def list_bad(error: Exception) -> None:
    """Name an input that is left out."""
    say(f"left out: {error}")


class Progress:
    """Shows how far something of unknown length is: one line that changes on a terminal, else one every half minute."""

    def __init__(self) -> None:
        self.said_s = time.monotonic()
        self.shown = False

    def show(self, text: str) -> None:
        """Take the present state, as often as it changes."""
        now, live = time.monotonic(), _is_live()
        if now - self.said_s < (LIVE_S if live else EVERY_S):
            return
        self.said_s = now
        if live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self.shown = True
        else:
            say(text)

    def close(self) -> None:
        """Take the line off the screen; the next state shows it again."""
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self.shown = False


def _is_live() -> bool:
    """Whether a line may change: somebody looks at it."""
    return sys.stderr.isatty() and not _settings["quiet"] and "CI" not in os.environ


class TrainingTalk(Talk):
    """Shows how training goes: a bar with faces/s and time left on a terminal, else a line every half minute."""

    def __init__(self) -> None:
        self.quiet = _settings["quiet"]  # a process of its own has no settings, but this talk
        self.bar: Any = None
        self.task: Any = None
        self.first: tuple[int, float] | None = None
        self.said_s = time.monotonic()

    def note(self, text: str) -> None:
        """Take a sentence."""
        if not self.quiet:
            say(text)

    def step(self, *, epoch: int, epochs: int, step: int, steps: int, batch: int) -> None:
        """Take one finished optimizer step; `epoch` counts from 1."""
        done, now = (epoch - 1) * steps + step, time.monotonic()
        if self.first is None:
            self.first = (done, now)
            self._start_bar()
            return
        speed = (done - self.first[0]) * batch / max(now - self.first[1], 1e-9)
        if self.bar:
            self.bar.update(
                self.task,
                description=f"epoch {epoch}/{epochs}",
                total=epochs * steps,
                completed=done,
                speed=f"{speed:,.0f}",
            )
        elif now - self.said_s > EVERY_S:
            self.said_s = now
            left_min = (epochs * steps - done) * batch / speed / 60
            self.note(
                f"epoch {epoch}/{epochs}, step {step}/{steps}: {speed:,.0f} faces/s, {left_min:,.0f} min left at that"
            )

    def epoch(self, row: dict[str, float]) -> None:
        """Take one finished epoch's row of `metrics.csv` and `timing.csv`."""
        self.note(
            f"epoch {row['epoch']}: loss {row['train_loss']:.4f}, validation loss {row['val_loss']:.4f}, "
            f"accuracy {row['val_accuracy']:.2%}, lr {row['lr']:.2g}, {row['train_faces_per_s']:,.0f} faces/s, "
            f"{row['seconds']:.0f} s"
        )

    def close(self) -> None:
        """Take the bar off the screen; the next step is another training's first."""
        if self.bar:
            self.bar.stop()
        self.bar, self.first = None, None

    def _start_bar(self) -> None:
        if self.quiet or not _is_live():
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[speed]} faces/s,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("training", total=None, speed="")
        self.bar.start()
