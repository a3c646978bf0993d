"""The guide: every public name is in the reference, and every link leads to a file."""

import re
from pathlib import Path

import pytest

import mien

DOCS = Path(__file__).parents[1] / "docs"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", mien.__all__)
def test_the_reference_has_every_public_name(name: str) -> None:
    pages = [page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md"))]
    directive = re.compile(rf"^\.\. auto\w+:: mien\.{name}$", re.MULTILINE)
    found = [page for page in pages if directive.search(page)]
    assert len(found) == 1, f"docs/reference names mien.{name} on {len(found)} pages"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = []
    for target in targets:
        if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists():
            missing.append(target)
    assert not missing
