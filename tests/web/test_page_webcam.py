"""The page in Chromium with a webcam."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .browser import PATIENCE_MS, write_camera
from .browser import browser as started
from .pages import DESKTOP, ready, saved

pytestmark = [
    pytest.mark.long,  # Chromium starts, and computes on one core
    pytest.mark.parametrize("portrait", ["skimage/data/astronaut.png"], indirect=True),
]


@pytest.fixture(scope="module")
def browser(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium with a webcam that sees the portrait move a little."""
    photo = Image.open(portrait).convert("RGB").resize((480, 480))
    frames = []
    for k in range(20):
        frame = Image.new("RGB", (640, 480), (70, 74, 80))
        frame.paste(photo, (80 + 2 * abs(10 - k), 0))
        frames.append(np.asarray(frame))
    camera = write_camera(tmp_path_factory.mktemp("camera") / "camera.mjpeg", frames)
    with started(camera) as chromium:
        yield chromium


def explain(page: Any) -> None:
    """Ask why until the map is there: on a busy machine the face may meanwhile be taken for another one."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while page.locator(".pair").count() == 0:
        assert time.monotonic() < end, "no map of a face"
        if page.locator(".why button:enabled").count() > 0:
            page.click(".why button")
        page.wait_for_timeout(500)


def test_live_boxes_timeline_records_and_the_last_frame(browser: Any, address: str) -> None:
    with ready(browser, address, **DESKTOP) as shown:
        page = shown.page
        page.click("#camera")
        page.wait_for_selector(".face", timeout=PATIENCE_MS)
        page.wait_for_function("() => document.querySelectorAll('#rows tr').length >= 5", timeout=PATIENCE_MS)
        assert "frames a second" in page.text_content("#caption")
        assert page.locator("#frame.mirrored").count() == 1
        assert page.locator(".box").count() == 1
        page.click("#options-button")
        page.uncheck("#mirror")
        assert page.locator("#frame.mirrored").count() == 0
        explain(page)
        page.select_option("#network", "mien-n")
        page.wait_for_function("() => document.querySelectorAll('.open .bars li').length === 7", timeout=PATIENCE_MS)
        page.wait_for_function("() => document.querySelectorAll('#rows tr').length >= 3", timeout=PATIENCE_MS)
        page.click("#camera")
        page.wait_for_function("() => document.querySelector('#caption').textContent.endsWith('off')")
        assert page.locator("#still:visible").count() == page.locator(".box").count() == 1
        assert page.evaluate("() => document.querySelector('#video').srcObject") is None
        assert page.get_attribute("#chart", "aria-label").startswith("Expressions over 0:")
        records = json.loads(saved(page, "#json"))["faces"]
        assert [record["frame"] for record in records] == list(range(len(records)))
        assert {record["source"] for record in records} == {"live"}
        times = [record["time_s"] for record in records]
        assert times == sorted(set(times))


def test_another_network_after_the_camera_was_stopped(browser: Any, address: str) -> None:
    """Even where the browser never says that a camera has another frame, as WebKitGTK doesn't."""
    never = "HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;"
    with ready(browser, address, before=never, **DESKTOP) as shown:
        page = shown.page
        page.click("#camera")
        page.wait_for_selector(".face", timeout=60_000)
        page.click("#camera")
        page.wait_for_function("() => document.querySelector('#caption').textContent.endsWith('off')")
        page.select_option("#network", "mien-n")
        page.wait_for_function("() => document.querySelector('#card-name').textContent === 'mien-n'", timeout=30_000)
