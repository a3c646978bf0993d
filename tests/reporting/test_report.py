"""The page as a whole: complete, self-contained, well-formed, harmless, the same twice."""

import base64
import contextlib
import io
import json
import re
import shutil
from dataclasses import replace
from itertools import chain
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.files import write_json
from mien.core.runs import RunDir
from mien.reporting.build import report
from mien.reporting.run_files import read_run
from mien.reporting.sections import SECTIONS

from .conftest import said_of, write_run, write_scores
from .explained import ablation_of
from .pages import Page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "{{ 7*7 }}",
    "</style><b>",
    "a&b",
    "it's",
    "x" * 120,
)


def built(run):
    return Page(report(run).read_text(encoding="utf-8"))


def kept_faces(run):
    return [path for name in ("examples.npz", "top_confusions.npz") for path in run.path.glob(f"eval/*/{name}")]


def test_every_section_is_there_and_in_the_contents(page):
    assert [attrs["id"] for attrs in page.all("section")] == [section.anchor for section in SECTIONS]
    targets = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {f"#{section.anchor}" for section in SECTIONS} <= {attrs["href"] for attrs in page.all("a")}
    assert all(attrs["href"][1:] in targets for _, attrs in page.tags if "href" in attrs)
    assert not re.search(
        "no scores yet|no epochs yet|no example|no confusions|not known|are not here", page.text, re.IGNORECASE
    )


def test_ids_are_unique(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_page_is_self_contained(page):
    assert "<script" not in page.source.lower()
    assert not re.search(r"https?://|@import|url\((?!#)", page.source)
    assert not [name for name, _ in page.tags if name in {"link", "iframe", "object", "embed", "script", "form"}]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on") or key == "srcset"]
    assert all(attrs["src"].startswith("data:image/png;base64,") for _, attrs in page.tags if "src" in attrs)
    assert len(page.source.encode()) < 15e6


def test_every_picture_decodes_and_says_what_it_shows(page, written):
    pictures = page.all("img")
    faces = sum(attrs["alt"].startswith("A face labelled") for attrs in pictures)
    assert faces == sum(len(np.load(path)["rows"]) for path in kept_faces(written))
    for attrs in pictures:
        assert re.search(r"[Ff]ace|[Ff]ilter|[Aa]ttribute|[Mm]asked|channel|saliency|occlusion", attrs["alt"])
        assert int(attrs["width"]) >= 32
        with Image.open(io.BytesIO(base64.b64decode(attrs["src"].partition(",")[2]))) as picture:
            picture.load()
            assert picture.mode in ("L", "P")
            assert picture.size in ((48, 48), (21, 21))


def test_the_faces_shown_are_the_files(page, written):
    wanted = {image.tobytes() for path in kept_faces(written) for image in np.load(path)["images"]}
    shown = {
        np.asarray(Image.open(io.BytesIO(base64.b64decode(attrs["src"].partition(",")[2])))).tobytes()
        for attrs in page.all("img")
        if attrs["alt"].startswith("A face labelled")
    }
    assert shown == wanted


def test_charts_parse_and_follow_the_theme(page):
    charts = re.findall(r"<svg.*?</svg>", page.source, re.DOTALL)
    assert len(charts) == 3 + 2 + 2 + 1 + 2  # training, reliability, risk, ablation, deletion and insertion
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert len(root.get("aria-label")) > 40
        colours = set(re.findall(r"(?:fill|stroke): ?([^;\"]+)", chart))
        assert all(colour == "none" or colour.startswith("var(--") for colour in colours), colours


@pytest.mark.parametrize("split", ["test", "private-test"])
def test_confusion_numbers_are_those_of_metrics_json(page, written, split):
    start = f'<table class="matrix"[^>]*aria-label="Confusion matrix of {split}">'
    table = re.search(f"{start}.*?</table>", page.source, re.DOTALL)
    cells = re.findall(r"<td[^>]*>([\d,]+)<small>(\d+)\u00a0%</small>", table[0])
    stored = json.loads((written.path / "eval" / split / "metrics.json").read_text())["confusion"]
    assert [int(faces.replace(",", "")) for faces, _ in cells] == list(chain(*stored["counts"]))
    assert [int(share) for _, share in cells] == [int(f"{share * 100:.0f}") for share in chain(*stored["row_shares"])]


def test_hostile_names_are_harmless(tmp_path):
    run = write_run(tmp_path / "run", classes=HOSTILE, source="/data/<script>x</script>/<b>.csv")
    page = built(run)
    assert "<script" not in page.source.lower()
    assert not [attrs for attrs in page.all("img") if not attrs["src"].startswith("data:")]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert page.source.lower().count("</style") == 1
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text


def test_hostile_names_of_faces_splits_and_levels_are_harmless(tmp_path):
    """Levels are drawn by Matplotlib, which would take dollars for formulae."""
    bad = "<script>alert('$\\\\frac{$')</script>"
    run = write_run(tmp_path / "run")
    folder = run.path / "eval" / "<img src=x onerror=alert(1)>"
    said = said_of(("a", "b", "c"), faces=90, seed=4, synthetic=False)
    write_scores(
        folder, replace(said, ids=np.array([bad] * 90), source=bad, vote_names=tuple(f"{bad}{i}" for i in range(10)))
    )
    table = ablation_of()
    text = json.dumps(table.to_dict()).replace("per-pixel", json.dumps(bad)[1:-1]).replace("augmentation", "$a$ <b>")
    (run.path / "ablation/ablation.json").write_text(text)
    for name, change in (
        ("status.json", {"state": bad, "reason": bad, "updated": bad}),
        ("model.json", {"model": bad}),
    ):
        write_json(run.path / name, run.read_json(name) | change)
    config = run.read_json("config.json")
    write_json(run.path / "config.json", config | {"command": [bad], "versions": {bad: bad}, "git_commit": bad})
    page = built(run)
    assert "<script" not in page.source.lower()
    assert "<img src=x" not in page.source
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert {attrs["title"] for attrs in page.all("figure") if bad in attrs.get("title", "")} == {f"face {bad}"}
    drawn = [svg for svg in re.findall("<svg.*?</svg>", page.source, re.DOTALL) if "alert" in svg]
    assert len(drawn) == 1
    assert bad in "".join(ElementTree.fromstring(drawn[0]).itertext())


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "data", []),
        ("config.json", "data", {"source": 3, "training": [], "classes": 3}),
        ("config.json", "config", "text"),
        ("config.json", "command", 3),
        ("data.json", "splits", {"train": None}),
        ("data.json", "duplicates", {"within": 3, "across": [None]}),
        ("status.json", "state", []),
        ("model_info.json", "parameters", "many"),
        ("eval/test/metrics.json", "per_class", [{}]),
        ("eval/test/metrics.json", "accuracy", None),
        ("eval/test/metrics.json", "faces", 0),
        ("eval/test/metrics.json", "confusion", {"counts": [[1]], "row_shares": []}),
        ("eval/test/metrics.json", "ece_bins", []),
        ("eval/test/metrics.json", "risk_coverage", [{"coverage": 0.1, "risk": 0.1, "threshold": 0}]),
        ("explain/attribution.json", "classes", 3),
        ("explain/attribution.json", "methods", None),
        ("explain/attribution.json", "comparison", {"methods": {}}),
        ("explain/filters.json", "filters", "six"),
        ("ablation/ablation.json", "arms", [{"levels": []}]),
        ("ablation/ablation.json", "factors", 3),
    ],
)
def test_a_value_of_another_kind_is_a_data_error(run, name, key, value):
    (run.path / "report.html").write_text("the page before")
    write_json(run.path / name, json.loads((run.path / name).read_text()) | {key: value})
    with pytest.raises(DataError, match="damaged"):
        report(run)
    assert (run.path / "report.html").read_text() == "the page before"


def test_two_builds_give_the_same_bytes(run, tmp_path):
    first = report(run).read_bytes()
    (tmp_path / "other").mkdir()
    copy = RunDir(shutil.copytree(run.path, tmp_path / "other" / run.path.name))
    assert report(run).read_bytes() == first == report(copy).read_bytes()


def test_the_page_lies_in_the_run_folder_and_nothing_else_does(run):
    before = sorted(run.path.rglob("*"))
    assert report(run) == report(str(run.path)) == run.path / "report.html"
    assert sorted({*before, run.path / "report.html"}) == sorted(run.path.rglob("*"))


@pytest.mark.parametrize("synthetic", [False, True])
def test_synthetic_faces_are_called_so(tmp_path, synthetic):
    page = built(write_run(tmp_path / "run", synthetic=synthetic))
    assert ("Synthetic faces: says nothing about real ones." in page.text) is synthetic


def test_many_classes_have_no_matrix_but_a_page(tmp_path):
    run = write_run(tmp_path / "run", classes=[f"person {number}" for number in range(50)], faces=500)
    page = built(run)
    assert "A matrix of 50 classes can't be read on a page" in page.text
    assert not re.search('class="matrix', page.source)


def test_two_classes_have_a_page(tmp_path):
    page = built(write_run(tmp_path / "run", classes=("smile", "frown"), faces=40))
    assert "Top-2" not in page.text
    assert "smile" in page.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json: damaged"),
        ("metrics.csv", "epoch,lr\n1,fast\n", "metrics.csv: damaged"),
        ("eval/test/predictions.npz", "no archive", "predictions.npz: damaged"),
        ("eval/test/examples.npz", "no archive", "examples.npz: damaged"),
        ("eval/test/top_confusions.npz", "no archive", "top_confusions.npz: damaged"),
        ("eval/test/metrics.json", '{"schema_version": 99}', "written by a newer mien (schema_version 99)"),
        ("eval/test/metrics.json", "{}", "missing required field `source`"),
        (
            "model_info.json",
            '{"name": "x", "parameters": 1, "macs": 1}',
            "model_info.json: damaged, or not a file of this kind (object missing required field `trainable`)",
        ),
    ],
)
def test_a_damaged_file_is_named_and_the_old_page_kept(run, name, content, message):
    page = report(run).read_bytes()
    (run.path / name).write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        report(run)
    assert (run.path / "report.html").read_bytes() == page


@pytest.mark.parametrize("name", ["examples.npz", "top_confusions.npz"])
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"rows": np.array([600])}, "rows 600 to 600, expected 0 to 599"),
        ({"rows": np.array([1.5])}, r"rows are float64 (1,), expected int64 (K,)"),
        ({"rows": np.array([[1]])}, r"rows are int64 (1, 1), expected int64 (K,)"),
        ({"rows": np.array([1, 2])}, "faces uint8 (1, 48, 48) for 2 rows"),
        ({"places": np.array([1])}, "it holds images, places"),
    ],
)
def test_faces_that_are_no_rows_of_the_predictions_are_refused(run, name, arrays, message):
    np.savez(run.path / "eval/test" / name, images=np.zeros((1, 48, 48), np.uint8), **arrays)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        report(run)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["examples.npz", "top_confusions.npz"])
def test_any_damaged_byte_of_the_faces_is_a_data_error(run, name):
    """zlib, zipfile and numpy each raise their own kinds."""
    path = run.path / "eval/test" / name
    few_levels = np.random.default_rng(0).integers(0, 9, (6, 48, 48)).astype(np.uint8)  # compresses, as faces do
    np.savez_compressed(path, rows=np.arange(6), images=few_levels)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with contextlib.suppress(DataError):
            read_run(run)
            continue
        refused += 1
    assert refused > 40


def test_faces_without_labels_are_counted_apart(run):
    said = said_of(("a", "b", "c"), faces=90, seed=4, synthetic=False)
    said.targets[::3] = -1
    write_scores(run.path / "eval/test", said)
    assert "60 faces, 30 more without a label" in built(run).text
