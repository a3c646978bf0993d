"""What a notebook shows: all that the command line prints, escaped, and small."""

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import mien
from mien.core.bundle import Bundle, shipped
from mien.core.faces import FaceSet
from mien.core.notebook import curve, picture
from mien.core.predictions import Predictions
from mien.core.records import Record
from mien.core.runs import Epoch
from mien.core.scores import Scores
from mien.core.summaries import summarise
from mien.core.tables import Figures, Table
from mien.evaluation.metrics import score_predictions

HOSTILE = "<script>alert('x')</script> & \"y\"\u202e"


class Page(HTMLParser):
    """The tags, attributes and texts of a piece of HTML; every tag that is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def html_of(result: Any) -> str:
    html = result._repr_html_()
    assert isinstance(html, str)
    return html


def predictions_of(classes: tuple[str, ...], source: str = "faces.csv", seed: int = 0) -> Predictions:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(classes)), 60).astype(np.float32)
    targets = np.arange(60) % len(classes)
    return Predictions(probabilities, classes, np.arange(60).astype(str), targets=targets, source=source)


def scores_of(classes: tuple[str, ...], source: str = "faces.csv") -> Scores:
    return score_predictions(predictions_of(classes, source))


def faces_of(classes: tuple[str, ...], **changes: Any) -> FaceSet:
    images = np.random.default_rng(0).integers(0, 256, (40, 48, 48), dtype=np.uint8)
    return FaceSet(
        images=images,
        targets=np.arange(40) % len(classes),
        classes=classes,
        splits=np.array(["train", "test"])[np.arange(40) // 20],
        ids=np.arange(40).astype(str),
        **{"source": "faces.csv", **changes},
    )


def results() -> dict[str, Any]:
    return {
        "scores": scores_of(("happy", "sad", "angry")),
        "comparison": mien.compare(predictions_of(("happy", "sad")), predictions_of(("happy", "sad"), seed=1)),
        "models": mien.list_models(),
        "data": mien.describe("synthetic:70"),
        "card": Bundle.open("mien-n").card,
    }


@pytest.mark.parametrize("name", results())
def test_everything_that_is_printed_is_shown(name: str) -> None:
    result = results()[name]
    shown = " ".join(Page(html_of(result)).texts)
    for part in summarise(result):
        if isinstance(part, Table):
            texts = [*part.columns, *(cell for row in part.rows for cell in row)]
        elif isinstance(part, Figures):
            texts = [cell.strip() for row in part.rows for cell in row]
        else:
            texts = [part]
        for text in texts:
            assert text in shown


def test_a_record_that_nobody_reads_as_a_whole_keeps_its_text() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Share(Record):
        share: float

    assert Share(share=0.5)._repr_html_() is None


@pytest.mark.parametrize(
    "result",
    [
        scores_of(("<b>happy</b>", "<i>"), source=HOSTILE),
        faces_of(("<b>happy</b>", "<i>"), source=HOSTILE),
        replace(Bundle.open("mien-n").card, name=HOSTILE, classes=("<b>x</b>", "y"), limits=(HOSTILE,)),
    ],
    ids=["scores", "faces", "card"],
)
def test_what_comes_from_data_is_escaped(result: Any) -> None:
    html = html_of(result)
    page = Page(html)
    assert not {"script", "b", "i"} & set(page.tags)
    assert "\u202e" not in html
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "<script>alert('x')</script> & \"y\"" in " ".join(page.texts)


def test_a_confusion_matrix_is_shaded_by_the_share_of_its_row() -> None:
    scores = scores_of(("happy", "sad", "angry"))
    shades = [float(shade) for shade in re.findall(r"rgba\(74, 127, 208, ([\d.]+)\)", html_of(scores))]
    expected = [0.6 * share for row in scores.confusion.row_shares for share in row]
    assert shades == pytest.approx(expected, abs=0.005)


def test_a_set_of_faces_shows_counts_and_faces() -> None:
    faces = faces_of(("happy", "sad"), synthetic=True)
    page = Page(html_of(replace(faces, targets=np.where(np.arange(40) == 0, -1, faces.targets))))
    assert page.tags.count("img") == 2
    assert "faces.csv: 40 faces (synthetic: drawn, not photographed)" in page.texts
    assert "1 faces have no label" in page.texts
    cells = [text for text in page.texts if text.isdigit()]
    assert cells == ["9", "10", "10", "10"]


def test_many_classes_stay_small() -> None:
    faces = faces_of(tuple(f"class {i}" for i in range(40)))
    assert Page(html_of(faces)).tags.count("img") == 20


@pytest.mark.parametrize("bundle", shipped())
def test_a_bundle_shows_its_card(bundle: str) -> None:
    opened = Bundle.open(bundle)
    assert html_of(opened) == html_of(opened.card) == html_of(mien.load(bundle, threads=1))
    for limit in opened.card.limits:
        assert limit in Page(html_of(opened)).texts


def epoch(number: int, train: float, held_out: float) -> Epoch:
    return Epoch(epoch=number, lr=0.1, train_loss=1, train_accuracy=train, val_loss=1, val_accuracy=held_out)


def test_a_curve_rises_where_accuracy_does() -> None:
    drawn = curve([epoch(1, 0.2, 0.3), epoch(2, 0.5, 0.4), epoch(3, 0.8, 0.6)])
    learned, held_out = re.findall(r'points="([^"]+)"', drawn)
    heights = [[float(point.split(",")[1]) for point in line.split()] for line in (learned, held_out)]
    assert heights[0] == sorted(heights[0], reverse=True)  # y grows downwards
    assert heights[0][0] == 146  # the lowest accuracy of all
    assert heights[0][2] == 10  # the highest
    assert "60.0 % of the held-out faces are right" in drawn
    assert "nan" not in curve([epoch(1, 0.5, 0.5), epoch(2, 0.5, 0.5)])


def test_a_photo_is_shrunk() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    shown = picture(photo, alt="noise", width=640)
    assert 'width="640"' in shown
    assert len(shown) < 500_000
