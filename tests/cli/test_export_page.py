"""`mien export --html`: which of page and bundle is written, and where."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.web import stand_in

from mien.core.bundle import Bundle
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.workflows import page

from .conftest import Mien


@pytest.fixture(autouse=True)
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "WEB", stand_in.write(tmp_path / "web"))


def test_a_network_that_ships(mien: Mien, tmp_path: Path) -> None:
    done = mien("export", "mien-n", "--html", "page.html")
    size = (tmp_path / "page.html").stat().st_size
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{tmp_path / 'page.html'}: {size / 1e6:.1f} MB\n"
    assert not (tmp_path / "runs").exists()
    again = mien("export", "mien-n", "--html", "page.html")
    assert (again.code, again.out) == (2, "")
    assert "page.html: exists; choose another name or add --overwrite" in again.err
    told = json.loads(mien("export", "mien-n", "--html", "page.html", "--overwrite", "--json").out)
    assert told == {
        "schema_version": SCHEMA_VERSION,
        "page": {"path": str(tmp_path / "page.html"), "bytes": size},
    }


@pytest.mark.long
def test_a_bundle_and_a_run_that_has_one(mien: Mien, exported: Bundle, studied: RunDir, tmp_path: Path) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "run")
    assert mien("export", exported.path, "--html", "a.html").code == 0
    assert mien("export", copy, "--html", "b.html").code == 0
    assert (copy / "bundle/card.json").is_file()  # as `mien.load` makes it
    assert not (tmp_path / "runs").exists()
    names = [f'data-network="{name}"' for name in (exported.card.name, Bundle.open(copy / "bundle").card.name)]
    for file, name in zip(("a.html", "b.html"), names, strict=True):
        assert name in (tmp_path / file).read_text(encoding="utf-8")


@pytest.mark.long
def test_with_a_flag_of_the_bundle_both_are_written(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    done = mien("export", studied.path, "--html", "page.html", "-o", "bundle", "--only", "fp32", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert told["path"] == str(tmp_path / "bundle")
    assert set(told["card"]["files"]) == {"fp32"}
    assert told["page"]["bytes"] == (tmp_path / "page.html").stat().st_size
    assert not (studied.path / "bundle").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mien-n --html page.html -o there", "mien-n is a bundle already, and --out would make one of a run; give"),
        ("mien-n --html page.html --only fp32 --max-risk 0.1", "and --only, --max-risk would make one of a run"),
        ("mien-n --html page", "/page: browsers open what ends in .html; add that to the name"),
        ("mien-n --html .", ": browsers open what ends in .html"),
        ("latest --html a.html -o a.html", "--html a.html: would replace what --out names"),
    ],
)
def test_what_is_refused_before_anything_is_made(mien: Mien, tmp_path: Path, line: str, message: str) -> None:
    before = sorted(tmp_path.iterdir())
    done = mien("export", *line.split())
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_no_such_model(mien: Mien, tmp_path: Path) -> None:
    done = mien("export", "mien-x", "--html", "page.html")
    assert (done.code, done.out) == (3, "")
    assert "mien-x: no bundle" in done.err
    assert not (tmp_path / "page.html").exists()


def test_a_bundle_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'lightning', 'onnx'), None)\n"
        f"from pathlib import Path; from mien.workflows import page; page.WEB = Path({str(tmp_path / 'web')!r})\n"
        "from mien.cli.main import run; sys.exit(run(['export', 'mien-n', '--html', 'page.html']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "page.html").exists()
