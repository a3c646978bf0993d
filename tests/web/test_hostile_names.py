"""Names out of a card are text on the page, whatever stands in them."""

from pathlib import Path
from typing import Any

import mien
from mien.core.bundle import Bundle

from .browser import opened
from .conftest import HOSTILE
from .parity import compare, look_at, portraits


def test_a_network_whose_names_are_markup(browser: Any, hostile: Bundle, tmp_path: Path) -> None:
    """It has fp32 alone, too."""
    photo = portraits()[1]
    page = mien.export_page(hostile, tmp_path / "page.html")
    dialogs = []
    with opened(browser, page.as_uri()) as shown:
        shown.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        records = look_at(shown, [photo], timeout_s=60)
        words = shown.page.inner_text("body")
        assert shown.page.locator("img:not(#picture)").count() == shown.page.locator("#strip img").count()
        assert (dialogs, shown.complaints, shown.elsewhere) == ([], [], [])
    assert HOSTILE in words
    assert f"{HOSTILE} 3" in words  # a class
    found = compare(records, mien.predict(photo, mien.load(hostile, threads=1)).records())
    assert (found.labels, found.other, found.faces) == (0, {}, 1)
    assert found.dp <= 5e-4
