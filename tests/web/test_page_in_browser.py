"""The page in Chromium: what a person does with it, by mouse and by keyboard, and what must never happen."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.core.images import decode_colour

from .browser import PATIENCE_MS, opened
from .pages import DESKTOP, IDLE, PHONE, give, ready, saved

pytestmark = pytest.mark.long  # Chromium starts, and computes on one core

NAME = "mien-s-ferplus"
"""The network that the page begins with."""

DP, BOX_PX = 5e-4, 0.011
"""How far probabilities and boxes, which are rounded to 0.01 pixels, may be from Python's."""

ONE_PHOTO = pytest.mark.parametrize("portrait", ["skimage/data/astronaut.png"], indirect=True)


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, ready, on a desktop."""
    with ready(browser, address, **DESKTOP) as shown:
        yield shown.page


@pytest.fixture
def pictures(portrait: Path, tmp_path: Path) -> dict[str, Path]:
    """One face, two, none, a face cut out, a damaged file."""
    photo = decode_colour(portrait)
    found = {"one": shutil.copyfile(portrait, tmp_path / f"one{portrait.suffix}")}
    drawn = {
        "two": np.concatenate([photo, photo[:, ::-1]], axis=1),
        "none": np.full((200, 300, 3), 120, np.uint8),
        "crop": np.asarray(Image.fromarray(photo).resize((48, 48))),
    }
    for name, pixels in drawn.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        found[name] = tmp_path / f"{name}.png"
    found["damaged"] = tmp_path / "damaged.jpg"
    found["damaged"].write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return found


def test_a_picture_gives_box_bars_row_and_the_files_of_mien_predict(
    page: Any, pictures: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [pictures[name] for name in ("one", "two", "none", "crop", "damaged")]
    give(page, *files)
    monkeypatch.chdir(tmp_path)  # sources are names then, as in the page
    results = mien.predict([file.name for file in files], NAME, skip_bad=True)
    results.save("expected.csv")
    results.save("expected.json")

    rows = list(csv.reader(saved(page, "#csv").decode().splitlines()))
    expected = list(csv.reader((tmp_path / "expected.csv").read_text("utf-8").splitlines()))
    assert rows[0] == expected[0]
    require_close(rows[1:], expected[1:], rows[0])
    found, wanted = json.loads(saved(page, "#json")), json.loads((tmp_path / "expected.json").read_text("utf-8"))
    assert {**found, "faces": []} == {**wanted, "faces": []}
    assert [list(record) for record in found["faces"]] == [list(record) for record in wanted["faces"]]

    [face] = results[0].faces
    assert page.text_content(".face .label") == face.label
    assert float(page.text_content(".face .head .value")) == pytest.approx(face.probability, abs=0.011)
    assert page.locator(".bars li").count() == len(results.classes)
    assert page.text_content(".caption") == f"{face.label} {page.text_content('.face .head .value')}"
    assert page.locator("#rows tr").count() == len(expected) - 1
    marked, shown = page.locator(".box").bounding_box(), page.locator("#picture").bounding_box()
    assert face.box is not None
    scale = shown["width"] / results[0].pixels.shape[1]
    assert marked["x"] - shown["x"] == pytest.approx(face.box.x * scale, abs=1)
    assert marked["height"] == pytest.approx(face.box.height * scale, abs=1)


def require_close(rows: list[list[str]], expected: list[list[str]], names: list[str]) -> None:
    """Texts are the same, numbers are near."""
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for name, value, other in zip(names, row, wanted, strict=True):
            where = f"{row[1]} {name}"
            if name == "reason":
                assert bool(value) == bool(other), where  # a damaged file's differs
            elif other and name.startswith(("p_", "prob", "box_")):
                assert float(value) == pytest.approx(float(other), abs=BOX_PX if name[0] == "b" else DP), where
            else:
                assert value == other, where


@ONE_PHOTO
def test_what_is_said_of_each_kind_of_picture(page: Any, pictures: dict[str, Path]) -> None:
    give(page, *pictures.values())
    said = {}
    for k, name in enumerate(pictures, 1):
        page.click(f"#picture-{k}")
        said[name] = page.inner_text(".work")
    assert "No face found" in said["none"]
    assert "too small to search" in said["crop"]
    assert "This file can’t be read" in said["damaged"]
    assert "Face 2" in said["two"]
    assert page.text_content("#rows-note") == "5 pictures, 4 faces, 1 without a face, 1 unreadable."


@ONE_PHOTO
def test_why_shows_a_map_and_what_it_means(page: Any, pictures: dict[str, Path]) -> None:
    give(page, pictures["one"])
    page.click(".why button")
    page.wait_for_selector(".pair")
    bare, covered = page.locator(".pair canvas").evaluate_all("all => all.map((one) => one.toDataURL())")
    assert bare != covered
    assert "not whether it is right" in page.inner_text(".map")


@ONE_PHOTO
def test_options_and_networks_look_at_everything_anew(page: Any, pictures: dict[str, Path]) -> None:
    give(page, pictures["two"], pictures["none"])
    page.click("#options-button")
    page.check("#largest")
    page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 2", timeout=PATIENCE_MS)
    page.fill("#min-px", "5000")
    page.wait_for_function(
        "() => document.querySelector('#verdict').innerText.includes('min_px 5000')", timeout=PATIENCE_MS
    )
    page.fill("#min-px", "0")
    page.uncheck("#largest")
    page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 3", timeout=PATIENCE_MS)
    page.select_option("#network", "mien-n")
    page.wait_for_function("() => document.querySelectorAll('.open .bars li').length === 7", timeout=PATIENCE_MS)
    assert page.text_content("#card-name") == "mien-n"
    page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 3", timeout=PATIENCE_MS)
    head = json.loads(saved(page, "#json"))
    assert head["model"]["name"] == "mien-n"
    assert head["classes"] == list(mien.load("mien-n").classes)


def test_options_are_forgotten_with_the_page(page: Any) -> None:
    """Browsers fill in forms of a page that they open again, and nobody sees what hidden options leave out."""
    page.click("#options-button")
    page.check("#largest")
    page.fill("#min-px", "50")
    page.goto("about:blank")
    page.go_back()
    page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
    assert (page.is_checked("#largest"), page.input_value("#min-px")) == (False, "0")


@ONE_PHOTO
def test_clear_forgets(page: Any, pictures: dict[str, Path]) -> None:
    give(page, pictures["two"], pictures["one"])
    page.click("#clear")
    assert page.locator(".thumb, .face, #rows tr, .box").count() == 0
    assert page.get_attribute("#picture", "src") is None
    assert page.get_attribute("body", "data-view") == "empty"
    give(page, pictures["one"])
    assert page.locator(".face").count() == 1


@ONE_PHOTO
def test_many_pictures_show_how_far_they_are_and_can_be_stopped(page: Any, portrait: Path, tmp_path: Path) -> None:
    photo = Image.open(portrait).convert("RGB").resize((160, 160))
    files = []
    for k in range(60):
        files.append(tmp_path / f"{k}.png")
        photo.save(files[-1])
    page.set_input_files("#files", [str(file) for file in files])
    page.wait_for_function("() => document.querySelector('#bar').value >= 3", timeout=PATIENCE_MS)
    assert "of 60 pictures" in page.text_content("#progress-text")
    page.click("#stop")
    page.wait_for_selector("#progress", state="hidden")
    left = page.locator(".thumb").count()
    assert 3 <= left < 60
    page.wait_for_timeout(1_000)
    assert page.locator("#rows tr").count() == page.locator(".thumb").count() == left


@ONE_PHOTO
def test_by_keyboard_alone(page: Any, pictures: dict[str, Path]) -> None:
    def to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                "() => { const at = document.activeElement; const style = getComputedStyle(at);"
                " return { is: at.id || at.className, outline: style.outlineStyle }; }"
            )
            assert seen["outline"] != "none", f"{seen['is']} does not show that it has the focus"
            if seen["is"] == wanted:
                return
        raise AssertionError(f"{wanted} can't be reached")

    to("network")
    with page.expect_file_chooser() as chooser:
        to("choose")
        page.keyboard.press("Enter")
    chooser.value.set_files([str(pictures[name]) for name in ("two", "one", "none")])
    page.wait_for_function(IDLE, timeout=PATIENCE_MS)
    to("options-button")
    page.keyboard.press("Enter")
    to("largest")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelectorAll('.face').length === 1", timeout=PATIENCE_MS)
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelectorAll('.face').length === 2", timeout=PATIENCE_MS)
    page.wait_for_function(IDLE, timeout=PATIENCE_MS)  # the button that stops it goes away then, and the focus with it
    to("picture-1")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#picture-2", "aria-selected") == "true"
    page.keyboard.press("End")
    page.wait_for_function(
        "() => document.querySelector('#verdict').innerText.includes('No face found')", timeout=PATIENCE_MS
    )
    page.keyboard.press("Home")
    to("head")
    to("plain")
    page.keyboard.press("Enter")
    page.wait_for_selector(".pair")
    to("head")  # the second face
    page.keyboard.press("Enter")
    assert page.get_attribute(".face:nth-child(2) .head", "aria-expanded") == "true"
    to("csv")


@ONE_PHOTO
def test_results_are_spoken(page: Any, pictures: dict[str, Path]) -> None:
    give(page, pictures["two"])
    assert page.get_attribute("#spoken", "role") == "status"
    face = mien.predict(pictures["two"], NAME)[0].faces[0]
    assert page.text_content("#spoken").startswith(f"two.png: 2 faces: {face.label} ")


@ONE_PHOTO
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everything_is_named_and_can_be_read(
    browser: Any, address: str, pictures: dict[str, Path], scheme: str, size: dict[str, Any]
) -> None:
    with ready(browser, address, color_scheme=scheme, **size) as shown:
        require_accessible(shown.page)
        give(shown.page, *pictures.values())
        shown.page.click("#options-button")
        shown.page.click("#picture-1")
        shown.page.click(".why button")
        shown.page.wait_for_selector(".pair")
        require_accessible(shown.page)


def require_accessible(page: Any) -> None:
    """Names, order of headings, contrast, room for fingers, and nothing that hangs over the side."""
    found = page.evaluate(CHECKS)
    assert found == {"nameless": [], "headings": [], "twice": [], "pale": [], "small": [], "overhang": 0}


CHECKS = r"""() => {
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const all = [...document.querySelectorAll('body *')].filter(seen);
  const nameOf = (one) => (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.alt
    || document.getElementById(one.getAttribute('aria-labelledby'))?.textContent || one.textContent).trim();
  const nameless = all.filter((one) => one.matches(
    'a, button, input, select, img, progress, video, summary, [role=img], [role=region], [role=option], [role=listbox]',
  ))    .filter((one) => !nameOf(one)).map((one) => one.outerHTML.slice(0, 80));

  const headings = [];
  let level = 0;
  for (const one of document.querySelectorAll('h1, h2, h3, h4')) {
    if (!one.checkVisibility()) continue;
    const next = Number(one.tagName[1]);
    if (next > level + 1) headings.push(one.textContent);
    level = next;
  }
  const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
  const twice = ids.filter((id, k) => ids.indexOf(id) !== k);

  const levels = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const { rgb, a } = levels(getComputedStyle(at).backgroundColor);
      if (a > 0) return rgb;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const one of all) {
    const ownText = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!ownText || one.disabled || getComputedStyle(one).clipPath !== 'none') continue;
    const pair = [luminance(levels(getComputedStyle(one).color).rgb), luminance(behind(one))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 4.5) pale.push(`${one.className || one.tagName}: ${contrast.toFixed(2)}`);
  }
  const small = all.filter((one) => one.matches('button, select, input:not([type=checkbox]), summary, .thumb'))
    .filter((one) => one.getBoundingClientRect().height < 24 || one.getBoundingClientRect().width < 24)
    .map((one) => one.outerHTML.slice(0, 80));
  const root = document.documentElement;
  return { nameless, headings, twice, pale, small, overhang: Math.max(0, root.scrollWidth - root.clientWidth) };
}"""


def test_headings_of_empty_columns_are_not_broken(browser: Any, address: str, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "none.png")
    with ready(browser, address, **PHONE) as shown:
        give(shown.page, tmp_path / "none.png")
        for heading in shown.page.locator("#records th[scope=col]").all():
            assert heading.bounding_box()["height"] < 40, heading.text_content()


@pytest.mark.parametrize("permissions", [[], ["camera"]], ids=["refused", "none there"])
def test_no_camera(browser: Any, address: str, permissions: list[str]) -> None:
    with ready(browser, address, permissions=permissions) as shown:
        shown.page.click("#camera")
        shown.page.wait_for_selector("#notice h2:has-text('The webcam is off')")
        assert "then try again" in shown.page.inner_text("#notice")
        assert shown.page.is_enabled("#camera")


NOISE = """const changed = `
  const { prototype } = OffscreenCanvasRenderingContext2D;
  const { getImageData } = prototype;
  prototype.getImageData = function (...where) {
    const seen = getImageData.apply(this, where);
    seen.data.forEach((level, at) => { seen.data[at] = level + (Math.random() - 0.5) * 2 * MOST; });
    return seen;
  };`;
globalThis.Blob = class extends Blob {
  constructor(parts, options) { super(options?.type === 'text/javascript' ? [changed, ...parts] : parts, options); }
};
"""
"""What some browsers do to pixels that a page reads, so that it can't tell who is there."""


@pytest.mark.parametrize("most", [1, 255])
def test_pixels_that_the_browser_changes(browser: Any, address: str, most: int) -> None:
    with opened(browser, address, before=NOISE.replace("MOST", str(most))) as shown:
        trouble = shown.page.locator("#trouble")
        shown.page.locator("body[data-ready]").or_(trouble).first.wait_for(timeout=PATIENCE_MS)
        hides = "This page can’t work in this browser. It hides the pixels of pictures"
        assert trouble.inner_text().startswith(hides) == (most == 255)
        assert trouble.is_visible() == (most == 255)


@ONE_PHOTO
def test_dropped_and_pasted(page: Any, pictures: dict[str, Path]) -> None:
    content = list(pictures["one"].read_bytes())
    for kind in ("drop", "paste"):
        page.evaluate(
            """([kind, content]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(content)], `${kind}.jpg`, { type: 'image/jpeg' }));
              const both = { dataTransfer: data, clipboardData: data, bubbles: true, cancelable: true };
              const event = kind === 'drop' ? new DragEvent(kind, both) : new ClipboardEvent(kind, both);
              document.querySelector('#stage').dispatchEvent(event);
            }""",
            [kind, content],
        )
        page.wait_for_selector(f"#caption:has-text('{kind}.jpg, ')", timeout=PATIENCE_MS)
    assert page.locator(".thumb").count() == 2


@ONE_PHOTO
def test_pictures_leave_the_memory(page: Any, pictures: dict[str, Path]) -> None:
    page.evaluate(
        """() => {
          globalThis.kept = new Set();
          const { createObjectURL, revokeObjectURL } = URL;
          URL.createObjectURL = (blob) => { const url = createObjectURL(blob); kept.add(url); return url; };
          URL.revokeObjectURL = (url) => { kept.delete(url); revokeObjectURL(url); };
        }"""
    )
    give(page, pictures["one"], pictures["two"], pictures["none"])
    for k in (1, 2, 3, 1, 2, 3):
        page.click(f"#picture-{k}")
    assert page.evaluate("() => kept.size") == 1  # the one that is shown
    page.click("#clear")
    assert page.evaluate("() => kept.size") == 0
