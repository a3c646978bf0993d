"""One Chromium for the tests of a file."""

from collections.abc import Iterator
from typing import Any

import pytest

from .browser import browser as started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a camera; skips where there is none."""
    with started() as chromium:
        yield chromium
