"""mien's page in Chromium, and what a person does first with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .browser import PATIENCE_MS, Opened, opened

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}

IDLE = "() => document.querySelector('#progress').hidden && document.querySelector('#records').hidden === false"


@contextlib.contextmanager
def ready(browser: Any, address: str, **options: Any) -> Iterator[Opened]:
    """Open the page and wait until a network can be used; asserts in the end that nothing was asked for elsewhere."""
    with opened(browser, address, **options) as shown:
        shown.page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
        yield shown
        assert shown.elsewhere == []
        assert shown.complaints == []


def give(page: Any, *files: Path) -> None:
    """Choose files and wait until all were looked at."""
    page.set_input_files("#files", [str(file) for file in files])
    page.wait_for_function(f"{IDLE} && document.querySelectorAll('.waiting').length === 0", timeout=PATIENCE_MS)
    page.wait_for_timeout(600)  # the table is drawn twice a second at most


def saved(page: Any, button: str) -> bytes:
    """Save a file by its button, and return its content."""
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path()).read_bytes()
