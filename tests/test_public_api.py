"""The public names, and the words that command line, Python and examples share."""

import ast
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import mien
from mien.cli.main import app
from mien.core.arguments import annotations
from mien.core.errors import UsageError

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
    assert {name for name, command in commands.items() if not command.hidden} == {*VERBS, "models", "serve"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_function_and_an_example_of_it(verb: str) -> None:
    function, example = VERBS[verb]
    assert function in mien.__all__
    text = (EXAMPLES / f"{example}.py").read_text(encoding="utf-8")
    assert re.search(rf"\bmien\.{function}\(", text)
    assert len(text.splitlines()) <= 25
    assert f"Run: python examples/{example}.py" in text


class Foreign:
    """Of no type that anything takes."""


def methods() -> Iterator[tuple[type, str]]:
    for name in mien.__all__:
        public = getattr(mien, name)
        if isinstance(public, type):
            for method, value in vars(public).items():
                if inspect.isfunction(getattr(value, "__func__", value)) and not method.startswith("_"):
                    yield public, method


FUNCTIONS = [name for name in mien.__all__ if not isinstance(getattr(mien, name), type)]
ARGUMENTS = [(name, argument) for name in FUNCTIONS for argument in annotations(getattr(mien, name).__wrapped__)]
METHODS = [(*one, argument) for one in methods() for argument in inspect.signature(getattr(*one)).parameters]


def refuse(function: Callable[..., object], argument: str, *given: object) -> None:
    """Call a function with one argument of a wrong type."""
    for wrong in (Foreign(), 3.5j):
        with pytest.raises(UsageError, match=rf"^{argument} is an? (Foreign|complex), expected "):
            function(*given, **{argument: wrong})


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_an_argument_of_a_wrong_type_is_named(name: str, argument: str) -> None:
    function = getattr(mien, name)
    kind = annotations(function.__wrapped__)[argument]
    if argument in ("return", "settings"):  # a recipe's keys are checked by name and value
        return
    assert kind is not Any
    if argument == "others":  # of `compare`: after two that fit
        for wrong in (Foreign(), 3.5j):
            with pytest.raises(UsageError, match=r"^others is an? (Foreign|complex), expected "):
                function("a", "b", "c", wrong)
        return
    refuse(function, argument)


@pytest.mark.parametrize(("owner", "method", "argument"), METHODS)
def test_a_methods_argument_of_a_wrong_type_is_named(owner: type, method: str, argument: str) -> None:
    function = getattr(owner, method)
    given = () if inspect.ismethod(function) else (owner.__new__(owner),)
    is_self = given and argument == next(iter(inspect.signature(function).parameters))
    if is_self or argument == "options" or (owner is mien.PictureResult and method == "of"):
        return
    refuse(function, argument, *given)


def test_what_is_of_the_right_type_is_taken(tmp_path: Path) -> None:
    """NumPy's numbers, whole numbers for floats, paths of any kind, and generators, which are not used up."""
    black = np.zeros((60, 60, 3), np.uint8)
    results = mien.predict((black for _ in range(3)), "mien-n", min_px=np.int64(20), min_confidence=1, fps=None)
    assert [result.reason for result in results] == ["no face found"] * 3
    Image.fromarray(black).save(tmp_path / "a.png")
    assert len(mien.predict(tmp_path.glob("*.png"), "mien-n")) == 1
    assert pickle.loads(pickle.dumps(mien.predict)) is mien.predict
    assert inspect.signature(mien.predict).parameters["every"].default == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mien.annotate([[0]], []), "pixels is a list of list, expected array"),
        (
            lambda: mien.annotate(np.zeros((9, 9, 3), np.uint8), [1, 2]),
            "faces is a list of int, expected Sequence of Face",
        ),
        (lambda: mien.describe(3), "data is an int, expected str, Path or FaceSet"),
        (lambda: mien.describe("a.csv", classes="angry,happy"), "classes is a str, expected Sequence of str or None"),
        (lambda: mien.predict("a.jpg", every=True), "every is a bool, expected int"),
        (lambda: mien.predict("a.jpg", largest="yes"), "largest is a str, expected bool"),
        (lambda: mien.load(threads="2"), "threads is a str, expected int or None"),
        (lambda: mien.find_faces("a.jpg", detector="yunet"), "detector is a str, expected Detector"),
        (lambda: mien.load("mien-n", threads=1).predict("a.jpg", every="2"), "every is a str, expected int"),
    ],
)
def test_wrong_types_that_people_give(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value) == message
