"""`checked`: a function that names an argument of a wrong type, by its own annotations."""

import functools
import inspect
import numbers
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mien.core.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

NUMBERS: dict[Any, type] = {int: numbers.Integral, float: numbers.Real}
"""What is taken for a number: NumPy's too, and whole ones for floats; but no bool."""


class _AnyInside(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Any


class Unseen(metaclass=_AnyInside):
    """Stands for a name that only type checkers import, a type or a module: anything fits."""


def checked(function: Function) -> Function:
    """Return a function that raises `UsageError` where an argument isn't of the type that its annotation says.

    Elements of sequences and mappings are checked, those of other iterables are not, since they may come only once.  A
    text is no sequence.  The values of `Literal` are left to the function, which names the nearest one.

    >>> @checked
    ... def double(number: int | None) -> int | None:
    ...     return number and 2 * number
    >>> double(3)
    6
    >>> double("3")
    Traceback (most recent call last):
    mien.core.errors.UsageError: number is a str, expected int or None
    """
    return typing.cast("Function", _checked(function))


@functools.cache
def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind_partial(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # whose own message names what is too much
        kinds = annotations(function)
        for name, value in given.items():
            parameter = signature.parameters[name]
            if parameter.kind is parameter.VAR_KEYWORD or name not in kinds:
                continue
            values = value if parameter.kind is parameter.VAR_POSITIONAL else (value,)
            for one in values:
                if one is not parameter.default and not _fits(one, kinds[name]):
                    raise UsageError(f"{name} is {_type_of(one)}, expected {describe_type(kinds[name])}")
        return function(*args, **kwargs)

    return call


@functools.cache
def annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's arguments; `Unseen` where only type checkers import it."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=unknown)
        except NameError as error:
            if error.name is None or error.name in unknown:
                raise
            unknown[error.name] = Unseen


def describe_type(kind: Any) -> str:
    """Name a type for people.

    >>> describe_type(str | Path | None), describe_type(Sequence[int])
    ('str, Path or None', 'Sequence of int')
    """
    parts = _alternatives(kind)
    if len(parts) > 1:
        names = list(dict.fromkeys(describe_type(part) for part in parts))
        return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    [kind] = parts
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is type(None):
        return "None"
    if origin is typing.Literal:
        return " or ".join(repr(value) for value in inner)
    if origin is None:
        return getattr(kind, "__name__", str(kind))
    name = getattr(origin, "__name__", str(origin))
    if name == "ndarray":
        return "array"
    if name == "IO":
        return "a file opened in binary mode"
    if name in ("Callable", "PathLike"):
        return name
    return f"{name} of {describe_type(inner[0])}" if inner else name


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, as far as that can be seen without using it up."""
    if kind in (Any, Unseen) or isinstance(kind, TypeVar):
        return True
    parts = _alternatives(kind)
    if len(parts) > 1:
        return any(_fits(value, part) for part in parts)
    [kind] = parts
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return type(value) in {type(choice) for choice in inner}
    if origin is not None:
        return _fits_generic(value, origin, inner)
    if kind in NUMBERS:
        return isinstance(value, NUMBERS[kind]) and not _is_bool(value)
    if kind is bool:
        return _is_bool(value)
    if kind is Path:
        return isinstance(value, os.PathLike)
    if getattr(kind, "_is_protocol", False):
        return all(hasattr(value, name) for name in vars(kind) if not name.startswith("_") or name == "__call__")
    return isinstance(value, kind) if isinstance(kind, type) else True


def _fits_generic(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    if origin is typing.IO:
        return hasattr(value, "read")
    if not isinstance(value, origin):
        return False
    if isinstance(value, str | bytes):
        return not issubclass(origin, Iterable)
    if issubclass(origin, Mapping):
        return all(_fits(key, inner[0]) and _fits(each, inner[1]) for key, each in value.items())
    if issubclass(origin, tuple) and inner[-1] is not Ellipsis:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if issubclass(origin, Sequence):
        return all(_fits(each, inner[0]) for each in value)
    return True


def _alternatives(kind: Any) -> tuple[Any, ...]:
    kind = _meaning(kind)
    if typing.get_origin(kind) is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts: list[Any] = []
        for part in typing.get_args(kind):
            parts.extend(_alternatives(part))
        return tuple(parts)
    return (kind,)


def _meaning(kind: Any) -> Any:
    """Return what a name stands for that was declared with `type`, as NumPy's `NDArray` is from Python 3.12 on."""
    alias = typing.get_origin(kind) or kind
    if not hasattr(alias, "__value__"):
        return kind
    inner = typing.get_args(kind)
    if inner:
        return _meaning(alias.__value__[inner])
    return _meaning(alias.__value__)


def _is_bool(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_")  # NumPy has one of its own


def _type_of(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    inside = ""
    if isinstance(value, list | tuple) and value:
        inside = f" of {' and '.join(sorted({type(each).__name__ for each in value}))}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{inside}"
