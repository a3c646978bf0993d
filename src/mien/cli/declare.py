"""How a flag of the command line is declared: one with a value, a switch, a number, a place to write, an argument."""

import math
from typing import Any

import typer

from mien.core.errors import UsageError
from mien.core.files import refuse_address

TRAINING, DATA, COMPUTING, OUTPUT = "Training", "Data", "Computing", "Output"
"""The groups that a help page shows its flags in; what belongs to one verb alone stands under "Options"."""

WHERE = "Where the results go instead."


def option(*names: str, help: str, group: str | None = None, **more: Any) -> Any:  # noqa: A002 - Typer's own name
    """A flag with a value."""
    return typer.Option(*names, help=help, rich_help_panel=group, show_default=False, **more)


def switch(*names: str, help: str, group: str | None = None, **more: Any) -> Any:  # noqa: A002 - Typer's own name
    """A flag without a value."""
    return option(*names, help=help, group=group, metavar="", **more)


def _check_number(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse nan, which lies within any range; raises `UsageError`."""
    if value is not None and math.isnan(value):
        raise UsageError(f"{param.opts[0]} {value}: expected a number")
    return value


def number(*names: str, help: str, group: str | None = None, **more: Any) -> Any:  # noqa: A002 - Typer's own name
    """A flag whose value has decimals."""
    return option(*names, help=help, group=group, callback=_check_number, **more)


def _check_place(place: Any) -> Any:
    """Refuse an address for a file or folder that is to be written; raises `UsageError`."""
    if place is not None:
        refuse_address(place, to_write=True)
    return place


def place(*names: str, help: str, group: str | None = None, **more: Any) -> Any:  # noqa: A002 - Typer's own name
    """A flag that names a file or folder to write."""
    return option(*names, help=help, group=group, callback=_check_place, **more)


def argument(metavar: str, *, help: str) -> Any:  # noqa: A002 - Typer's own name
    """What stands without a flag."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)
