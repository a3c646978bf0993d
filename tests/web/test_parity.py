"""The page, given files as a user gives them, says what `mien predict` says; `benchmarks/page_parity.py` tries more."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import mien
from mien.core.faces import FaceSet

from .browser import opened
from .parity import MOST_DP, compare, enlarged_faces, look_at, photos, portraits

pytestmark = pytest.mark.long


def require_the_same(browser: Any, files: dict[str, bytes], network: str, folder: Path) -> None:
    paths = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    page = mien.export_page(network, folder / "page.html")
    with opened(browser, page.as_uri()) as shown:
        records = look_at(shown, paths, timeout_s=300)
        assert (shown.complaints, shown.elsewhere) == ([], [])
    found = compare(records, mien.predict(paths, mien.load(network, threads=1)).records())
    assert (found.pictures, found.labels, found.other) == (len(paths), 0, {})
    assert found.faces > len(paths) / 2
    assert found.dp <= MOST_DP


def test_photographs(browser: Any, tmp_path: Path) -> None:
    if find_spec("matplotlib") is None or find_spec("skimage") is None:
        pytest.skip("no photographs: matplotlib or scikit-image is not installed")
    require_the_same(browser, photos(portraits()[:1]), "mien-s", tmp_path)


def test_real_faces(browser: Any, real: FaceSet, tmp_path: Path) -> None:
    require_the_same(browser, enlarged_faces(real.split("test"), count=40), "mien-s-ferplus", tmp_path)
