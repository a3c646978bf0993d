"""The page as a browser shows it; skipped where no Chromium is installed."""

import shutil

import pytest

from mien.reporting.build import report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WIDE, NARROW = {"width": 1240, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def shown(browser, written):
    """The loaded page; all that it asked for and complained of is in `asked` and `complaints`."""
    page = browser.new_page(viewport=WIDE)
    page.asked, page.complaints = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.address = report(written).as_uri()
    page.goto(page.address)
    yield page
    page.close()


def test_nothing_is_asked_for_and_every_picture_is_there(shown):
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    widths = shown.evaluate("Array.from(document.images, each => each.complete ? each.naturalWidth : 0)")
    assert len(widths) > 100
    assert min(widths) > 0
    assert [url for url in shown.asked if not url.startswith("data:")] == [shown.address]
    assert shown.complaints == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "phone"])
def test_nothing_sticks_out_of_the_page(shown, viewport):
    shown.set_viewport_size(viewport)
    assert shown.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_light_dark_and_paper(shown):
    def paper_and_ink(**media):
        shown.emulate_media(**media)
        style = "getComputedStyle(document.documentElement)"
        return shown.evaluate(f"['--paper', '--ink'].map(name => {style}.getPropertyValue(name).trim())")

    light, dark = paper_and_ink(color_scheme="light"), paper_and_ink(color_scheme="dark")
    assert light != dark
    assert paper_and_ink(color_scheme="dark", media="print") == light
    assert len(shown.pdf()) > 100_000
