"""Words and progress on a terminal and off it, and tables."""

import logging
import sys
from collections.abc import Iterator

import pytest

from mien.cli import console
from mien.core.progress import Progress

log = logging.getLogger("mien.training.callbacks")


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[console.ProgressLine]:
    """A progress line of its own, in front of which the log is printed."""
    line = console.ProgressLine()
    monkeypatch.setattr(console, "progress", line)
    monkeypatch.delenv("CI", raising=False)
    console.show_logs()
    yield line
    console.set_quiet(False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as the only item; a test changes it."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def faces(done: int, *, total: int | None = 1000) -> Progress:
    return Progress("epoch 1/2", done=done, total=total, unit="faces")


def test_off_a_terminal_progress_is_a_line_now_and_then(
    line: console.ProgressLine, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    line.last_s = 0.0
    for second in range(0, 100, 10):
        clock[0] = second
        line(faces(100 + second))
    assert capsys.readouterr().err.splitlines() == [
        f"epoch 1/2 {bar:20} {percent} %, 1 faces/s, {left} min left"
        for bar, percent, left in (("██▋", 13, 14), ("███▎", 16, 14), ("███▊", 19, 14))
    ]


def test_the_speed_is_that_of_the_work_at_hand(
    line: console.ProgressLine, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """An ablation's runs share one line."""
    for start in (0.0, 5000.0):
        clock[0] = start
        line(faces(60))
        clock[0] = start + 100
        line(faces(360))
        line(faces(1000))
    assert capsys.readouterr().err.count("3 faces/s, 4 min left") == 2


def test_what_has_no_end_is_counted(
    line: console.ProgressLine, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    line(faces(1, total=None))
    clock[0] = 40.0
    line(faces(81, total=None))
    assert capsys.readouterr().err == "epoch 1/2: 81 faces, 2 faces/s\n"


@pytest.mark.parametrize("hidden_by", [None, "CI", "quiet", "pipe"])
def test_a_line_that_changes_on_a_terminal_only(
    line: console.ProgressLine,
    clock: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hidden_by: str | None,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: hidden_by != "pipe", raising=False)
    console.set_quiet(hidden_by == "quiet")
    if hidden_by == "CI":
        monkeypatch.setenv("CI", "true")
    for second in (0, 1, 2):
        clock[0] = second
        line(faces(100 * (second + 1)))
    err = capsys.readouterr().err
    if hidden_by:
        assert err == ""
        return
    assert [part.rstrip() for part in err.split("\r\x1b[K")[1:]] == [
        "epoch 1/2 ████                 20 %, 100 faces/s, 8 s left",
        "epoch 1/2 ██████               30 %, 100 faces/s, 7 s left",
    ]
    log.info("a sentence")
    assert capsys.readouterr().err == "\r\x1b[Ka sentence\n"
    line(faces(1000))
    assert capsys.readouterr().err == ""


def test_quiet_silences_words_but_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    console.set_quiet(True)
    log.info("a sentence")
    log.warning("left out: a.png")
    assert capsys.readouterr() == ("", "")
    log.error("an error")
    console.complain(ValueError("a reason"))
    assert capsys.readouterr() == ("", "an error\nmien: a reason\n")


def test_words_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_logs()
    log.info("a sentence")
    assert capsys.readouterr() == ("", "a sentence\n")


@pytest.mark.parametrize("columns", [3, 60])
def test_a_table_off_a_terminal_is_never_cut(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    heads = [f"a class called {i}" for i in range(columns)]
    console.print_table(dict.fromkeys(heads, "right"), [[str(1000 + i) for i in range(columns)]])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split("  ") == [f" {heads[0]}", *heads[1:-1], f"{heads[-1]} "]
    assert row.split() == [str(1000 + i) for i in range(columns)]


def test_a_log_line_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    root, other = logging.getLogger(), logging.StreamHandler(sys.stderr)
    root.addHandler(other)
    try:
        console.show_logs()
        console.log.info("scoring")
    finally:
        root.removeHandler(other)
    assert capsys.readouterr().err == "scoring\n"
