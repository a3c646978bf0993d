from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mien.cli import console
from mien.cli.main import run


class Done(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str


Mien = Callable[..., Done]


@pytest.fixture
def mien(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mien:
    """Run a command line in an empty folder, as a script would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(console._settings, "verbose", False)
    monkeypatch.setattr(console.progress, "task", None)  # of the command line before

    def call(*arguments: object) -> Done:
        code = run([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return call
