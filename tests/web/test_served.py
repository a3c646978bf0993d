"""The page as `mien serve` answers it: with its headers, and with a token that it doesn't have."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .browser import PATIENCE_MS, opened
from .pages import DESKTOP, give

pytestmark = pytest.mark.long  # Chromium starts, and computes on one core


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a service that wants a token."""
    code = (
        "import os; os.environ['MIEN_TOKEN'] = 's3cret'; from mien.cli.main import run; run(['serve', '--port', '0'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("portrait", ["skimage/data/astronaut.png"], indirect=True)
def test_it_works_and_asks_for_nothing_but_itself(browser: Any, served: str, portrait: Path) -> None:
    with opened(browser, served, **DESKTOP) as shown:
        shown.page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
        give(shown.page, portrait)
        assert "happy" in shown.page.inner_text("#records")
        assert shown.complaints == []
        asked = {url for url in shown.requests if not url.startswith(("blob:", "data:"))}
        assert asked <= {f"{served}/", f"{served}/favicon.ico"}
    with urllib.request.urlopen(served, timeout=60) as answer:
        names = re.findall('data-name="card" data-network="(.*?)"', answer.read().decode())
    assert names == ["mien-s", "mien-n", "mien-s-ferplus"]  # the one that is served first, and each once
