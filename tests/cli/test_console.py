"""Talk on a terminal and off it, and tables."""

import inspect
import sys

import pytest

from mien.cli import console
from mien.core.talk import Talk

ROW = {
    "epoch": 2,
    "train_loss": 1.5,
    "val_loss": 1.25,
    "val_accuracy": 0.5,
    "lr": 1e-3,
    "train_faces_per_s": 1234.4,
    "seconds": 61.6,
}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(console._settings, "quiet", False)
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize("name", [name for name, _ in inspect.getmembers(Talk, inspect.isfunction)])
def test_everything_is_told(name: str) -> None:
    own, silent = getattr(console.TrainingTalk, name), getattr(Talk, name)
    assert own is not silent
    assert inspect.signature(own) == inspect.signature(silent)


def test_an_epoch_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    console.TrainingTalk().epoch(ROW)
    assert capsys.readouterr() == (
        "",
        "epoch 2: loss 1.5000, validation loss 1.2500, accuracy 50.00%, lr 0.001, 1,234 faces/s, 62 s\n",
    )


def test_the_speed_is_that_of_the_training_at_hand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ablation's runs share one talk."""
    clock = iter([0.0, 0.0, 100.0, 5000.0, 5100.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    talk = console.TrainingTalk()
    for _ in range(2):
        talk.step(epoch=1, epochs=2, step=1, steps=10, batch=60)
        talk.step(epoch=1, epochs=2, step=6, steps=10, batch=60)
        talk.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["epoch 1/2, step 6/10: 3 faces/s, 5 min left at that"] * 2


@pytest.mark.parametrize("hidden_by", [None, "CI", "quiet", "pipe"])
def test_a_bar_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hidden_by: str | None
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: hidden_by != "pipe")
    monkeypatch.setitem(console._settings, "quiet", hidden_by == "quiet")
    if hidden_by == "CI":
        monkeypatch.setenv("CI", "true")
    talk = console.TrainingTalk()
    for step in (1, 2):
        talk.step(epoch=1, epochs=2, step=step, steps=10, batch=64)
    bar = talk.bar
    assert (bar is not None) is (hidden_by is None)
    if bar:
        (task,) = bar.tasks
        assert (task.completed, task.total, task.description) == (2, 20, "epoch 1/2")
        assert not bar.finished
    talk.close()
    assert capsys.readouterr().out == ""
    assert bar is None or not bar.live.is_started


def test_quiet_silences_talk_but_no_complaint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(console._settings, "quiet", True)
    talk = console.TrainingTalk()
    talk.note("a sentence")
    talk.epoch(ROW)
    console.list_bad(ValueError("a.png"))
    assert capsys.readouterr() == ("", "")
    console.complain(ValueError("a reason"))
    assert capsys.readouterr() == ("", "mien: a reason\n")


@pytest.mark.parametrize("columns", [3, 60])
def test_a_table_off_a_terminal_is_never_cut(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    heads = [f"a class called {i}" for i in range(columns)]
    console.print_table(dict.fromkeys(heads, "right"), [[str(1000 + i) for i in range(columns)]])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split("  ") == [f" {heads[0]}", *heads[1:-1], f"{heads[-1]} "]
    assert row.split() == [str(1000 + i) for i in range(columns)]
