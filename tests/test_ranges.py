"""Every number in recipes and flags has a finite range; what lies outside is refused in one clear line."""

import math
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mien.cli.main import app
from mien.cli.main import run as mien
from mien.core.errors import ConfigError
from mien.training.config import RECIPE_BYTES, TrainConfig, merge, nest, read_recipe, read_settings, resolve

ODD = (1e38, 1e300, 1e-320, -1e38, math.nan, math.inf, -math.inf, 10**19, 2**63, 10**400, "")


def numbers(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the recipe that is a number, with its declaration."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation]
        if get_origin(field.annotation) in (Union, types.UnionType):
            kinds = list(get_args(field.annotation))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from numbers(kind, f"{path}{name}.")
            elif kind in (int, float):
                yield f"{path}{name}", field


NUMBERS = dict(numbers(TrainConfig))


def limits(field: FieldInfo) -> dict[str, float]:
    found = {}
    for rule in field.metadata:
        for name in ("gt", "ge", "lt", "le"):
            if hasattr(rule, name):
                found[name] = getattr(rule, name)
    return found


def is_whole(field: FieldInfo) -> bool:
    return field.annotation is int or int in get_args(field.annotation)


def is_inside(value: Any, field: FieldInfo) -> bool:
    if isinstance(value, str) or not -1e30 < value < 1e30:
        return False
    found = limits(field)
    if is_whole(field) and value != int(value):
        return False
    above = value >= found["ge"] if "ge" in found else value > found["gt"]
    below = value <= found["le"] if "le" in found else value < found["lt"]
    return above and below


def config_with(key: str, value: Any) -> TrainConfig:
    settings = merge({"data": "x", "batch": 2048}, nest(key, value))  # a large batch may have many devices
    return resolve(read_recipe("demo"), settings)


def test_all_numbers_are_walked() -> None:
    assert NUMBERS.keys() > {"epochs", "threads", "optimizer.lr", "augment.zoom", "holdout.rows", "distillation.share"}


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_the_recipe(key: str) -> None:
    field = NUMBERS[key]
    found = limits(field)
    assert len(found) == 2, f"{key}: expected a lower and an upper limit, found {found}"
    step = 1 if is_whole(field) else 1e-3
    for value in (*found.values(), *(low - step for low in found.values()), *(high + step for high in found.values())):
        check(key, value)
    for value in ODD:
        check(key, value)


def check(key: str, value: Any) -> None:
    if isinstance(value, float) and is_whole(NUMBERS[key]) and abs(value) < 2**53:
        value = int(value) if value == int(value) else value
    if not is_inside(value, NUMBERS[key]):
        with pytest.raises(ConfigError, match=rf"^demo: '{key}' is .{{1,250}}$"):
            config_with(key, value)
        return
    found: Any = config_with(key, value)
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value


VERBS = {
    "train": "train none.csv --recipe demo",
    "study": "study none.csv --recipe demo",
    "ablate": "ablate none.csv --recipe demo --factors normalisation",
    "eval": "eval none",
    "explain": "explain none",
    "export": "export none",
    "predict": "predict none.mp4",
    "serve": "serve --model none",
}
TEXTS = {"ablate": ("--seeds",), "explain": ("--count",)}
"""Flags whose numbers are read from text by the verb itself."""


def flags() -> list[tuple[str, str]]:
    """All verbs with all their flags that are numbers."""
    found = []
    for verb, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for option in command.params:
            if option.type_descriptor.annotation in (int, float):
                found.append((verb, option.opts[0]))
    for verb, names in TEXTS.items():
        found += [(verb, name) for name in names]
    return [(verb, name) for verb, name in found if verb not in ("evaluate", "val")]


@pytest.mark.parametrize(("verb", "flag"), flags())
def test_a_flag_that_is_a_number(verb: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in range gets as far as the data, which don't exist."""
    for value in (-1e38, 1e38, 1e300, math.nan, math.inf, -math.inf, 10**20, 10**400, "9" * 5000, ""):
        assert mien([*VERBS[verb].split(), f"{flag}={value}"]) == 2, (verb, flag, str(value)[:20])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert len(said) < 2500
    for value in (10**19, 2**63, 1e-320, "x", "1,", "1e", "0x1"):
        assert mien([*VERBS[verb].split(), f"{flag}={value}"]) in (2, 3), (verb, flag, value)
        assert "Traceback" not in capsys.readouterr().err


def test_flags_are_walked() -> None:
    assert set(flags()) >= {("train", "--lr"), ("predict", "--fps"), ("explain", "--share"), ("eval", "--min-accuracy")}
    assert {verb for verb, _ in flags()} == VERBS.keys()


def test_a_setting_that_no_recipe_has() -> None:
    with pytest.raises(ConfigError, match=rf"^--set a\.a.*…: more than {RECIPE_BYTES:,} characters"):
        read_settings([".".join(["a"] * 100_000) + "=1"])
