"""Where results may go: never onto an input, among the inputs, onto each other, or unasked onto what is there."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.core.errors import UsageError


def refuse_existing(out: Path | None, *, overwrite: bool) -> None:
    """Raise `UsageError` if a file is there already and may not be overwritten."""
    if out and exists(out) and not overwrite:
        raise UsageError(f"{out}: exists; choose another name or add --overwrite")


def refuse_clashes(inputs: Sequence[str], places: Mapping[str, Path | None]) -> None:
    """Raise `UsageError` if a result, named by its flag, would take the place of an input or of another result."""
    taken = dict.fromkeys(inputs, "the input")
    for flag, path in places.items():
        if path is None:
            continue
        for name, whose in taken.items():
            if _is_same(name, path):
                raise UsageError(f"{flag} {path}: would replace what {whose} names; choose another name")
        taken[str(path)] = flag


def refuse_among_inputs(folder: Path, inputs: Sequence[str]) -> None:
    """Raise `UsageError` if a folder for copies lies in an input, where they would be read, or has one in it."""
    real = folder.resolve()
    for name in inputs:
        given = Path(name).resolve()
        if real.is_relative_to(given) or given.is_relative_to(real):
            raise UsageError(f"--draw {folder}: copies must not lie among the inputs ({name}); choose another folder")


def exists(path: str | Path) -> bool:
    """Whether there is a file or folder; a name that is too long for one, at which `Path.exists` raises, has none."""
    return os.path.exists(path)  # noqa: PTH110


def _is_same(name: str, path: Path) -> bool:
    """Whether two names are of one file; `samefile` knows links, and disks that don't tell cases apart."""
    if exists(name) and exists(path):
        return Path(name).samefile(path)
    return os.path.abspath(name) == os.path.abspath(path)  # noqa: PTH100 - resolves `..`, `Path.absolute` does not
