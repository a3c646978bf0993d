"""Where results may go: never onto an input, among the inputs, onto each other, or unasked onto what is there."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.core.errors import UsageError


def refuse_existing(out: Path | None, *, overwrite: bool) -> None:
    """Raise `UsageError` if a file is there already and may not be overwritten."""
    if out and out.exists() and not overwrite:
        raise UsageError(f"{out}: exists; choose another name or add --overwrite")


def refuse_clashes(inputs: Sequence[str], places: Mapping[str, Path | None]) -> None:
    """Raise `UsageError` if a result, named by its flag, would take the place of an input or of another result."""
    taken = {os.path.realpath(name): "the input" for name in inputs}
    for flag, path in places.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise UsageError(f"{flag} {path}: would replace what {taken[real]} names; choose another name")
        taken[real] = flag


def refuse_among_inputs(folder: Path, inputs: Sequence[str]) -> None:
    """Raise `UsageError` if a folder for copies lies in an input, where they would be read, or has one in it."""
    real = Path(os.path.realpath(folder))
    for name in inputs:
        given = Path(os.path.realpath(name))
        if real.is_relative_to(given) or given.is_relative_to(real):
            raise UsageError(f"--draw {folder}: copies must not lie among the inputs ({name}); choose another folder")
