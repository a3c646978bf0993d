"""What is fuzzed and what counts as a good end."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from mien.core.errors import MienError

LONGEST_MESSAGE = 3000
"""Characters; a message that quotes a file at length is as bad as none."""


class Target(NamedTuple):
    """One thing that is tried: strategy of its inputs, and what to do with one in an empty folder."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any, Path], object]


def outcome(target: Target, value: Any, folder: Path) -> str:
    """Read one input; say `result`, or the name of our exception.

    Raises:
        AssertionError: the exception's message is empty, endless, or would move the cursor of a terminal.
        Exception: any other exception than ours, which is a defect.
    """
    try:
        target.read(value, folder)
    except MienError as error:
        message = str(error)
        assert 0 < len(message) <= LONGEST_MESSAGE, f"message of {len(message):,} characters: {message[:200]!r}"
        assert not re.search(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]", message), f"control characters in {message[:300]!r}"
        return type(error).__name__
    return "result"
