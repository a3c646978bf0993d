import re

import pytest

from mien.core import errors

CODES = {
    "MienError": 1,
    "StorageError": 1,
    "Diverged": 1,
    "UsageError": 2,
    "ConfigError": 2,
    "DataError": 3,
    "GateError": 4,
    "MissingExtraError": 5,
    "Interrupted": 130,
}


def test_every_error_has_its_exit_code() -> None:
    found = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.MienError)
    }
    assert found == CODES


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_the_tree_in_the_docstring(name: str, code: int) -> None:
    assert re.search(rf"\b{name} +{code} ", errors.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("ConfigError", "UsageError"),
        *((name, "MienError") for name in CODES if name not in ("ConfigError", "MienError")),
    ],
)
def test_what_catches_what(name: str, parent: str) -> None:
    assert getattr(errors, name).__bases__ == (getattr(errors, parent),)


@pytest.mark.parametrize(
    ("name", "choices", "expected"),
    [
        ("optimzer", "optimizer epochs batch", "did you mean optimizer?"),
        ("epoch", "optimizer epochs batch", "did you mean epochs?"),
        ("xyz", "optimizer epochs batch", "known: batch, epochs, optimizer"),
        ("mien", "mien-s mien-n course_cnn", "did you mean mien-s or mien-n?"),
        ("aaaa", "aaab aaac aaad aaae", "did you mean aaae or aaad or aaac?"),
        ("", "b a", "known: a, b"),
        ("zz", "a b c d e f g h i j k l m n", "known: a, b, c, d, e, f, g, h, i, j, k, l and 2 more"),
    ],
)
def test_nearest(name: str, choices: str, expected: str) -> None:
    assert errors.nearest(name, choices.split()) == expected


def test_a_message_can_be_shown() -> None:
    assert str(errors.DataError("a\x1b[31m\n\ud800\u202e.csv: no")) == "a\\x1b[31m\\n\\ud800\\u202e.csv: no"
    long = str(errors.UsageError("begin" + "x" * 10**6 + "end"))
    assert len(long) < 2100
    assert long.startswith("beginx")
    assert long.endswith("xend")


def test_nearest_takes_a_count_and_any_iterable() -> None:
    assert errors.nearest("aaaa", iter(["aaab", "aaac"]), count=1) == "did you mean aaac?"
