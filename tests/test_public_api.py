"""The public names, and the words that command line, Python and examples share."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import mien
from mien.cli.main import app

EXAMPLES = Path(__file__).parents[1] / "examples"
VERBS = {  # verb: (its function, its example)
    "data": ("describe", "data"),
    "train": ("train", "train"),
    "eval": ("evaluate", "evaluate"),
    "predict": ("predict", "predict"),
    "ensemble": ("ensemble", "ensemble"),
    "compare": ("compare", "compare"),
    "report": ("report", "report"),
    "explain": ("explain", "explain"),
    "ablate": ("ablate", "ablate"),
    "study": ("study", "study"),
    "export": ("export", "export"),
    "doctor": ("doctor", "doctor"),
}


@pytest.mark.parametrize("name", mien.__all__)
def test_public_names(name: str) -> None:
    assert getattr(mien, name).__doc__
    assert name in dir(mien)
    assert getattr(mien, name).__name__ == name


def test_type_checkers_see_the_same_names() -> None:
    """The imports under `TYPE_CHECKING` are those that happen when a name is first used."""
    tree = ast.parse(Path(mien.__file__).read_text(encoding="utf-8"))
    seen = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mien.") and node.col_offset == 4:
            seen |= {alias.name: node.module for alias in node.names}
    assert seen == mien._HOMES
    assert sorted(mien.__all__) == sorted(mien._HOMES)


def test_what_is_not_installed_is_there_and_says_what_to_install() -> None:
    code = """
import sys
for name in ("torch", "lightning"):
    sys.modules[name] = None
import mien
assert hasattr(mien, "train") and callable(mien.train) and mien.train.__name__ == "train"
help(mien)
try:
    mien.train("faces.csv", recipe="demo")
except mien.MienError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("MissingExtraError this needs torch: pip install 'mien[train]'")


def test_nothing_is_listed_twice() -> None:
    assert len(set(dir(mien))) == len(dir(mien)) == len(mien.__all__) + 1


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        mien.tarin  # noqa: B018 - reading it is the test


def test_version() -> None:
    assert mien.__version__.count(".") == 2


@pytest.mark.parametrize("name", mien.__all__)
def test_what_comes_third_is_named(name: str) -> None:
    """Functions take at most two arguments by place (docs/design.md)."""
    value = getattr(mien, name)
    if inspect.isfunction(value):
        by_place = [p.name for p in inspect.signature(value).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert len(by_place) <= 2, by_place


def test_every_verb_is_in_the_table() -> None:
    commands = typer.main.get_command(app).commands
    assert {name for name, command in commands.items() if not command.hidden} == {*VERBS, "models"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_function_and_an_example_of_it(verb: str) -> None:
    function, example = VERBS[verb]
    assert function in mien.__all__
    text = (EXAMPLES / f"{example}.py").read_text(encoding="utf-8")
    assert re.search(rf"\bmien\.{function}\(", text)
    assert len(text.splitlines()) <= 25
    assert f"Run: python examples/{example}.py" in text
