"""`SCHEMA_VERSION`: one number for the names and meanings in all files that mien writes, and the check of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.core.errors import DataError

SCHEMA_VERSION = 3
"""Goes up when a name that is stored in a run, a bundle or a record changes its spelling or its meaning."""

OLDEST = 2
"""Runs and bundles of this version are read too: 3 changed the records of faces alone."""

WRITTEN_BY = {1: "mien 0.1"}
"""Which mien wrote the files of each `schema_version`."""


def check_schema(values: Mapping[str, Any], where: str | Path, *, again: str, oldest: int = OLDEST) -> None:
    """Refuse what another version of mien has written; files without a `schema_version` are left to their readers.

    Args:
        values: the content of a JSON file.
        where: the run, bundle or file, for the message.
        again: what makes it with this mien, for the message: `"train it again"`.
        oldest: the oldest version that can be read.

    Raises:
        DataError: another `schema_version`; the message names the mien that wrote it.

    >>> check_schema({"schema_version": 99}, "runs/train/a", again="train it again")
    Traceback (most recent call last):
    mien.core.errors.DataError: runs/train/a: written by a newer mien (schema_version 99) ...
    """
    version = values.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int):
        raise DataError(f"{where}: damaged (schema_version {version!r}, expected {SCHEMA_VERSION})")
    if version > SCHEMA_VERSION:
        raise DataError(
            f"{where}: written by a newer mien (schema_version {version}), and this one reads {SCHEMA_VERSION}; "
            "install the newer one"
        )
    if version < oldest:
        writer = WRITTEN_BY.get(version, "an older mien")
        raise DataError(
            f"{where}: written by {writer} (schema_version {version}), and this one reads {SCHEMA_VERSION}; "
            f"{again}, or use {writer}"
        )
