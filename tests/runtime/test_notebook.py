"""What a notebook shows of faces, pictures and results."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.runtime.notebook import MOST_FACES, MOST_ROWS
from mien.runtime.results import PictureResult


@pytest.fixture(scope="module")
def model() -> mien.Model:
    return mien.load("mien-n", threads=1)


def test_a_photo_shows_itself_and_the_probabilities(model: mien.Model, portrait: Path) -> None:
    results = model.predict(portrait)
    html = results[0]._repr_html_()
    assert html is not None
    assert results._repr_html_() == html
    assert html.count("data:image/jpeg") == 1
    assert html.count("data:image/png") == len(results.faces) == 1
    face = results.faces[0]
    for name, share in face.probabilities.items():
        assert f"{name}<" in html
        assert f">{share:.3f}<" in html
    assert f"<b>{face.label}</b>" in html
    assert face._repr_html_().count("data:image/png") == 1


def test_a_picture_without_a_face_says_why(model: mien.Model) -> None:
    html = model.predict(np.zeros((300, 400, 3), np.uint8))[0]._repr_html_()
    assert html is not None
    assert "<p>no face found</p>" in html
    assert html.count("data:image") == 1


def test_a_picture_that_can_not_be_read_shows_its_text(model: mien.Model, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    results = model.predict([broken], skip_bad=True)
    assert results[0]._repr_html_() is None
    assert results._repr_html_() is None


def test_a_crowd_is_a_table(model: mien.Model) -> None:
    result = model.predict("synthetic:7")[0]
    crowd = PictureResult("crowd.jpg", result.faces * (MOST_FACES + 1), _pixels=np.zeros((200, 200, 3), np.uint8))
    html = crowd._repr_html_()
    assert html is not None
    assert html.count("<tr>") == MOST_FACES + 2
    crowd = replace(crowd, faces=result.faces * (MOST_ROWS + 5))
    assert "… and 5 more rows" in (crowd._repr_html_() or "")


def test_results_are_a_table_of_faces(model: mien.Model, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    results = model.predict([np.zeros((300, 400, 3), np.uint8), tmp_path / "broken.png"], skip_bad=True)
    html = results._repr_html_()
    assert html is not None
    assert "1 picture, 0 faces, 1 unreadable; mien-n" in html
    assert "no face found" in html
    assert "broken.png" in html
    many = model.predict(f"synthetic:{7 * MOST_ROWS}")
    html = many._repr_html_()
    assert html is not None
    assert html.count("<tr>") == MOST_ROWS + 1
    assert f"… and {6 * MOST_ROWS} more rows" in html
    assert len(html) < 200_000


def test_names_of_files_and_classes_are_escaped(model: mien.Model) -> None:
    face = model.predict("synthetic:7").faces[0]
    hostile = replace(face, source="<script>", face="<i>", probabilities={"<b>happy</b>": 0.75, "sad": 0.25}, box=None)
    result = PictureResult("<script>", (hostile,), _pixels=np.zeros((48, 48, 3), np.uint8))
    html = result._repr_html_()
    assert html is not None
    assert "<script>" not in html
    assert "<b>happy" not in html
    assert "<b>&lt;b&gt;happy&lt;/b&gt;</b>" in html


def test_a_plot_may_explain(model: mien.Model, portrait: Path, tmp_path: Path) -> None:
    result = model.predict(portrait)[0]
    plain, explained = result.plot(), result.plot(explain=model)
    assert explained.height > plain.height
    result.save(tmp_path / "explained.png", explain=model)
    assert (tmp_path / "explained.png").stat().st_size > 0
    without = model.predict(np.zeros((300, 400, 3), np.uint8))[0]
    assert without.plot(explain=model).size == (400, 300)
