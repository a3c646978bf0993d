"""The page's own modules: they can be joined into one file, and each is part of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mien.core.bundle import Bundle
from mien.workflows.javascript import join
from mien.workflows.page import WEB, html_page

SIDES = {"page": WEB / "page/page.mjs", "worker": WEB / "worker/worker.mjs"}


@pytest.mark.parametrize("side", SIDES)
def test_they_keep_the_rules_and_each_is_reached(side: str) -> None:
    joined = join(SIDES[side], classic=side == "worker")
    reached = re.findall(r"^// ((?:page|worker|shared)/.+\.mjs)$", joined, re.MULTILINE)
    assert {name for name in reached if name.startswith(f"{side}/")} == {
        path.relative_to(WEB).as_posix() for path in (WEB / side).rglob("*.mjs")
    }


def test_the_worker_reads_no_files_and_imports_nothing() -> None:
    """WebKit, and so Safari, allows the worker of a page from a disk neither."""
    code = re.sub(r"/\*.*?\*/", "", join(SIDES["worker"], classic=True), flags=re.DOTALL)
    assert not re.search(r"\b(import|Blob|arrayBuffer|createImageBitmap|FileReader\w*)\b", code)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node: apt install nodejs")
@pytest.mark.parametrize("side", SIDES)
def test_what_they_give_together_is_javascript(side: str, tmp_path: Path) -> None:
    classic = side == "worker"
    path = tmp_path / ("joined.cjs" if classic else "joined.mjs")
    path.write_text(join(SIDES[side], classic=classic), encoding="utf-8")
    done = subprocess.run(["node", "--check", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_keeps_to_its_policy() -> None:
    """Of style and script only what the policy names by its hash is run; an attribute with either would do nothing."""
    page = html_page([Bundle.open("mien-n")])
    skeleton = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"""<[^>]*\s(style|on\w+)\s*=""", skeleton)
    assert not re.search(r"""\b(src|href|action)\s*=\s*["']?(?:https?:)?//""", skeleton)
