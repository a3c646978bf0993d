import inspect

import pytest

from mien.core.talk import Talk

CALLS = {
    "note": lambda talk: talk.note("a sentence"),
    "step": lambda talk: talk.step(epoch=1, epochs=2, step=3, steps=4, batch=5),
    "epoch": lambda talk: talk.epoch({"epoch": 1.0}),
    "close": lambda talk: talk.close(),
}


def test_every_method_is_called_here() -> None:
    assert {name for name, _ in inspect.getmembers(Talk, inspect.isfunction)} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_library_is_silent(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    CALLS[name](Talk())
    assert capsys.readouterr() == ("", "")
