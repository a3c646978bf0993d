"""Pages as Chromium opens them, with what they asked for and complained of."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
PATIENCE_MS = 120_000
"""How long is waited for what shows up at once on a machine that isn't busy."""

OWN = ("file:", "blob:", "data:")
"""How addresses begin that lie in the machine, or in the page itself."""


@dataclass
class Opened:
    """A page that is open.

    Attributes:
        page: Playwright's.
        requests: the address of everything that the page and its workers asked for.
        complaints: what stands in the console as a warning or an error, and what was thrown and not caught.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def elsewhere(self) -> list[str]:
        """What was asked for outside of the page's own file and what it made itself."""
        return [url for url in self.requests if not url.startswith(OWN)]


def playwright_or_skip() -> Any:
    """Start Playwright; skips where it or Chromium is missing."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt install chromium")
    return pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright").sync_playwright()


@contextlib.contextmanager
def browser(camera: Path | None = None, *, more: Sequence[str] = ()) -> Iterator[Any]:
    """Start Chromium.

    Args:
        camera: a Motion JPEG file that it takes for a webcam, which every page may use without asking; None has none.
        more: flags.
    """
    flags = [*FLAGS, *more]
    if camera is not None:
        flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        flags.append(f"--use-file-for-fake-video-capture={camera}")
    with playwright_or_skip() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@contextlib.contextmanager
def opened(browser: Any, address: str, *, before: str | None = None, **options: Any) -> Iterator[Opened]:
    """Open an address in a browser's context of its own.

    Args:
        browser: what `browser` gave.
        address: where the page lies.
        before: a script that runs before the page's own.
        options: Playwright's, of the context.
    """
    context = browser.new_context(**options)
    if before is not None:
        context.add_init_script(before)
    page = context.new_page()
    shown = Opened(page)
    context.on("request", lambda request: shown.requests.append(request.url))
    page.on("pageerror", lambda error: shown.complaints.append(str(error)))

    def hear(message: Any) -> None:
        if message.type in ("warning", "error"):
            shown.complaints.append(f"{message.type}: {message.text}")

    page.on("console", hear)
    page.goto(address)
    yield shown
    context.close()


def write_camera(path: Path, frames: list[NDArray[np.uint8]]) -> Path:
    """Write RGB frames of one size as Motion JPEG, which Chromium plays over and over as a webcam."""
    with path.open("wb") as file:
        for frame in frames:
            Image.fromarray(frame).save(file, "JPEG", quality=92)
    return path
