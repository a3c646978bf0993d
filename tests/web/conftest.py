"""One Chromium and one page for the tests of a file."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.core.bundle import CARD, Bundle
from mien.workflows.page import html_page

from .browser import browser as started

HOSTILE = """</script><img src=x onerror="alert('1')"> & Grüße 笑顔 \N{GRINNING FACE} `${1}` <!--"""
"""A name with all that could end an element, an attribute or a string."""


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


@pytest.fixture
def hostile(tmp_path: Path) -> Bundle:
    """mien-n, exported in fp32 alone, with markup in its name and its classes."""
    folder = shutil.copytree(Bundle.open("mien-n").path, tmp_path / "hostile")
    (folder / "model.int8.onnx").unlink()
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["name"] = HOSTILE
    card["classes"] = [f"{HOSTILE} {i}" for i in range(7)]
    card["training"]["data"]["shares"] = dict.fromkeys(card["classes"], 1 / 7)
    card["limits"].append(HOSTILE)
    del card["files"]["int8"]
    del card["flip"]["int8"]
    card["precision"] = {"default": "fp32", "reason": HOSTILE}
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    return Bundle.open(folder)
