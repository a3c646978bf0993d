"""Names from data in a bundle's page."""

import json
from pathlib import Path

import pytest

from mien.core.bundle import weights
from mien.exporting.card_page import card_page

BAD = "<script>alert(1)</script>|[x](http://evil.example)"


def test_names_are_escaped() -> None:
    card = json.loads((weights() / "mien-n/card.json").read_text(encoding="utf-8"))
    card |= {"labels": [BAD, "sad"], "name": BAD, "limits": [BAD]}
    card["training"] |= {"recipe": BAD}
    card["training"]["data"] |= {"source": BAD}
    for precision in card["files"]:
        card["scores"][precision]["per_class"][0]["name"] = BAD
    page = card_page(card)
    assert page.count("&lt;script&gt;") == 6
    assert "<script" not in page
    assert "[x]" not in page
    assert "script&gt;|" not in page


@pytest.mark.parametrize(
    ("teachers", "share", "said"),
    [
        (["a", "b"], 1.0, "with the recipe mien-n, taught by 2 trained networks instead of the labels. "),
        (["a"], 0.7, "with the recipe mien-n, taught by a trained network (70 %) and the labels. "),
        ([], 1.0, "with the recipe mien-n. "),
    ],
)
def test_a_student_says_so(teachers: list[str], share: float, said: str) -> None:
    card = json.loads((weights() / "mien-n/card.json").read_text(encoding="utf-8"))
    card["training"]["config"] |= {"teachers": teachers, "distillation": {"share": share, "views": 0}}
    assert said in card_page(card)


def test_what_ships_is_as_it_was() -> None:
    for folder in (path for path in Path(weights()).iterdir() if (path / "card.json").is_file()):
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        assert (folder / "CARD.md").read_text(encoding="utf-8") == card_page(card)
