"""The page of an audit: what it shows, what it doesn't say where nothing was found, and that nothing is remote."""

import numpy as np
import pytest

from mien.core.data_summary import DuplicatesAcross
from mien.core.label_audit import CopiedFace, DoubtfulFace, LabelAudit
from mien.reporting.label_audit import FACES_SHOWN, audit_page

from .pages import Page

NASTY = '<script>alert("x")</script>'


def doubtful(number: int, **more) -> DoubtfulFace:
    values = {"label": "sad", "probable_label": "happy", "score": 0.1, "reasons": ("label",)}
    return DoubtfulFace(digest=f"0x{number:016x}", id=f"faces/{number}.png", split="train", **(values | more))


def copied(number: int, **more) -> CopiedFace:
    values = {"picture": 1, "kind": "near", "split": "train", "label": "sad"}
    return CopiedFace(digest=f"0x{number:016x}", id=f"faces/{number}.png", **(values | more))


def make_audit(**more) -> LabelAudit:
    values = {"judged": 100, "doubtful": (), "copies": (), "copies_across": (), "synthetic": False}
    values |= {"source": "data/faces.csv", "models": ("fold-0", "fold-1")}
    return LabelAudit(folder="runs/audit/a", fingerprint="f", faces=100, labelled=100, **(values | more))


def page_of(audit: LabelAudit) -> Page:
    pictures = {}
    for face in (*audit.doubtful, *audit.copies):
        pictures[face.digest] = np.full((48, 48), int(face.digest, 16) % 256, np.uint8)
    return Page(audit_page(audit, pictures))


@pytest.fixture
def found() -> LabelAudit:
    suspect = [doubtful(number) for number in range(23)]
    suspect.append(doubtful(50, label="fear", probable_label="surprise", score=0.0))
    none = doubtful(60, reasons=("no face",), score=None, probable_label=None, label=None)
    copies = (copied(70, kind="first"), copied(71, label="fear", split="test"), copied(72, picture=2, kind="first"))
    copies += (copied(73, picture=2, kind="exact", split="test"),)
    across = (DuplicatesAcross(split="test", other="train", faces=2),)
    conflicts = (doubtful(70, reasons=("conflict",), score=0.6), doubtful(71, reasons=("conflict",), score=0.6))
    return make_audit(doubtful=(*suspect, *conflicts, none), copies=copies, copies_across=across, judged=80)


def test_what_was_found_is_shown(found: LabelAudit) -> None:
    page = page_of(found)
    assert "80 of 100 labels were judged" in page.text
    assert "For 24 of them (30.0 %) another label is far more probable" in page.text
    assert "Nobody judged the other 20 labels." in page.text
    assert "probably happy 23 faces" in page.text
    assert f"{23 - FACES_SHOWN} more faces are in audit.csv." in page.text
    assert "test, near" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert alts.count("A face labelled sad, probably happy") == FACES_SHOWN
    assert alts.count("A face labelled fear, probably surprise") == 1
    # The conflict, as a conflict and as a near copy across splits; the exact copy is in copies.csv alone.
    assert [alts.count("A face labelled sad"), alts.count("A face labelled fear")] == [2, 2]
    assert alts.count("A face labelled nothing") == 1


def test_where_nothing_was_found_nothing_is_claimed() -> None:
    page = page_of(make_audit())
    assert page.all("img") == page.all("table") == []
    for words in ("more probable", "Nobody judged", "Synthetic", "has an easy time", "At most one", "misses some"):
        assert words not in page.text
    for words in ("None of these labels is clearly contradicted.", "No two copies have different labels."):
        assert words in page.text
    nobody = page_of(make_audit(judged=0))
    assert "contradicted." not in nobody.text.partition("Probably mislabelled")[0]
    assert "Nobody judged the other 100 labels." in nobody.text
    assert "says nothing about real ones" in page_of(make_audit(synthetic=True)).text


def test_nothing_is_remote_and_names_are_only_text(found: LabelAudit) -> None:
    assert all(image["src"].startswith("data:image/png;base64,") for image in page_of(found).all("img"))
    names = {"id": NASTY, "split": NASTY, "label": NASTY}
    nasty = [DoubtfulFace(digest="0x01", probable_label=NASTY, score=0.1, reasons=("label", "no face"), **names)]
    page = page_of(make_audit(doubtful=tuple(nasty), source=NASTY, models=(NASTY,)))
    assert page.all("script") == page.all("link") == []
    assert NASTY in page.text
