"""The page in Firefox says what `mien predict` says; the other tests of the page are in Chromium."""

import json
import time
from pathlib import Path

import pytest
from PIL import Image

import mien

from .browser import PATIENCE_MS
from .firefox import firefox
from .pages import IDLE
from .parity import MOST_DP, compare


@pytest.mark.long
@pytest.mark.parametrize("portrait", ["skimage/data/astronaut.png"], indirect=True)
def test_pictures(portrait: Path, tmp_path: Path) -> None:
    photo = Image.open(portrait).convert("RGB")
    pictures = {"plain.jpg": photo, "lying.jpg": photo.rotate(90), "none.png": Image.new("RGB", (300, 200), "grey")}
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    good = [tmp_path / name for name in pictures]
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good[0].read_bytes()[:-2000])
    page = mien.export_page("mien-s", tmp_path / "page.html")
    with firefox(tmp_path / "firefox") as browser:
        browser.ask("WebDriver:Navigate", url=page.as_uri())
        browser.wait_for("document.body.dataset.ready")
        browser.choose("#files", [*good, cut])
        browser.wait_for(f"({IDLE})() && document.querySelectorAll('.waiting').length === 0")
        browser.run("document.querySelector('#json').click()")
        saved = browser.downloads / "faces.json"
        end = time.monotonic() + PATIENCE_MS / 1000
        while not (saved.exists() and saved.read_text().endswith("}\n")):
            assert time.monotonic() < end, "nothing was saved"
            time.sleep(0.2)
    *records, last = json.loads(saved.read_text(encoding="utf-8"))["faces"]
    found = compare(records, mien.predict(good, mien.load("mien-s", threads=1)).records())
    assert (found.faces, found.labels, found.other) == (2, 0, {})
    assert found.dp <= MOST_DP
    assert last["reason"] == "cut.jpg: damaged picture; get the file again or leave it out"
