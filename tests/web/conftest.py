"""One Chromium and one page for the tests of a file."""

from collections.abc import Iterator
from typing import Any

import pytest

from mien.core.bundle import Bundle
from mien.workflows.page import html_page

from .browser import browser as started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a camera; skips where there is none."""
    with started() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page with two networks, as a file."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(html_page([Bundle.open("mien-s-ferplus"), Bundle.open("mien-n")]), encoding="utf-8")
    return path.as_uri()
