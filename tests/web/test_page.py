"""`html_page` and `export_page`: one file, safe whatever a card holds, that asks for nothing when it is opened."""

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.core.bundle import Bundle
from mien.core.card import Card
from mien.core.errors import UsageError
from mien.workflows import page
from mien.workflows.page import html_page

from . import stand_in
from .browser import PATIENCE_MS, opened
from .conftest import HOSTILE


class Parts(HTMLParser):
    """The elements of a page that hold files, and everything else that is a tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[tuple[str, str | None, bytes]] = []
        self.tags: list[str] = []
        self.held: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attributes)
        self.held = values if values.get("type") == "application/gzip;base64" else None

    def handle_data(self, data: str) -> None:
        if self.held is not None and data.strip():
            content = gzip.decompress(base64.b64decode(data))
            self.files.append((str(self.held["data-name"]), self.held.get("data-network"), content))


@pytest.fixture(autouse=True)
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = stand_in.write(tmp_path / "web")
    monkeypatch.setattr(page, "WEB", folder)
    return folder


def test_what_it_holds(hostile: Bundle) -> None:
    bundles = [Bundle.open("mien-n"), hostile, replace(hostile, card=hostile.card)]
    parts = Parts(html_page(bundles))
    assert [(name, network) for name, network, _ in parts.files] == [
        *((name, None) for name in ("wasm", "yunet", "worker", "licences")),
        *(("card", "mien-n"), ("graph", "mien-n")),
        *(("card", HOSTILE), ("graph", HOSTILE)),  # once, though given twice
    ]
    files = {(name, network): content for name, network, content in parts.files}
    for bundle in bundles:
        assert Card.from_dict(json.loads(files["card", bundle.card.name]), source="page") == bundle.card
        assert files["graph", bundle.card.name] == bundle.read_model()
    worker = files["worker", None].decode()
    assert worker.startswith(f'"use strict";\n\n// worker/worker.mjs\n{stand_in.WORKER}globalThis.ort = ')
    assert not re.search(r"import\.meta|\bexport\b", worker)  # WebKit refuses modules of a page from a disk
    licences = files["licences", None].decode()
    for text in ("Apache License", "Copyright (c) Microsoft Corporation", "Shiqi Yu", "protobuf"):
        assert text in licences
    assert set(parts.tags) == {"html", "head", "meta", "title", "style", "body", "output", "script"}


def test_the_same_networks_give_the_same_bytes() -> None:
    assert html_page([Bundle.open("mien-n")]) == html_page([Bundle.open("mien-n")])


def test_the_policy_has_no_address() -> None:
    [policy] = re.findall(r'Security-Policy" content="([^"]+)"', html_page([Bundle.open("mien-n")]))
    said = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert said["default-src"] == said["base-uri"] == said["form-action"] == "'none'"
    assert "connect-src" not in said  # so `default-src` holds for it
    sources = {source for rule in said.values() for source in rule.split()}
    kinds = {source for source in sources if not source.startswith("'sha256-")}
    assert kinds == {"'none'", "blob:", "data:", "'wasm-unsafe-eval'"}


@pytest.mark.parametrize("hole", ["<!-- style -->", "<!-- files -->", "<!-- script -->"])
def test_a_skeleton_without_a_place(web: Path, hole: str) -> None:
    (web / "page.html").write_text(stand_in.HTML.replace(hole, ""))
    with pytest.raises(ValueError, match=r"page\.html: expected <!-- style -->"):
        html_page([])


def test_it_runs_in_a_browser_and_says_what_python_says(browser: Any, hostile: Bundle, tmp_path: Path) -> None:
    networks = [Bundle.open("mien-n"), Bundle.open("mien-s"), hostile]
    (tmp_path / "page.html").write_text(html_page(networks), encoding="utf-8")
    faces = (np.arange(2304) % 251).astype(np.uint8).reshape(1, 48, 48)
    with opened(browser, (tmp_path / "page.html").as_uri()) as shown:
        shown.page.wait_for_function("() => window.said", timeout=PATIENCE_MS)
        answer = shown.page.evaluate("window.said")
        assert "error" not in answer
        assert [each["name"] for each in answer["said"]] == [bundle.card.name for bundle in networks]
        for each, bundle in zip(answer["said"], networks, strict=True):
            assert Card.from_dict(each["card"], source="page") == bundle.card
            assert each["probabilities"] == pytest.approx(mien.load(bundle, threads=1)(faces)[0].tolist(), abs=1e-4)
        assert answer["sent"] == "refused"  # what the stand-in tried to fetch
        assert shown.elsewhere == []
        assert all("Content Security Policy" in text for text in shown.complaints)


def test_export_page_writes_beside_and_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mien.export_page("mien-n", tmp_path / "new/page.html")
    assert path.read_text(encoding="utf-8") == html_page([Bundle.open("mien-n")])
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
    with pytest.raises(UsageError, match=r"page\.html: exists; choose another name or add --overwrite"):
        mien.export_page("mien-n", path)
    mien.export_page("mien-s", path, overwrite=True)
    before = path.read_bytes()
    assert b'data-network="mien-s"' in before
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(mien.MienError, match="No space left on device"):
        mien.export_page("mien-n", path, overwrite=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["page", "page.txt", "card.json", "model.onnx"])
def test_only_a_page_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(UsageError, match=r"browsers open what ends in \.html; add that to the name"):
        mien.export_page("mien-n", tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_text() == "old"


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    with pytest.raises(UsageError, match=r"a\.html: a folder; expected the name of the new file"):
        mien.export_page("mien-n", tmp_path / "a.html", overwrite=True)
