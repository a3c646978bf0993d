"""The page's modules under Node against Python: files of records, colours, maps over faces, and the timeline."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.bundle import Bundle
from mien.core.model_id import ModelId
from mien.runtime.annotate import BLACK, COLOURS, colours, luminance, overlay
from mien.runtime.geometry import Box
from mien.runtime.result_files import open_writer
from mien.runtime.results import Face, PictureResult
from mien.runtime.timeline import Timeline

from .node import HERE, NO_NODE, NODE

pytestmark = pytest.mark.skipif(NODE is None, reason=NO_NODE)
IMAGE = np.zeros((48, 48), np.uint8)
CLASSES = ("10", "2", "=smile", "fâché", 'so "so", or not', "__proto__")
SOURCES = (
    *("photo.jpg", "=1+1.jpg", "-7", "-7.jpg", "+.5e3", "@home.png", 'a,"b".jpg', "two\nlines.png", "a\rb", "\t.jpg"),
    *("笑顔 \N{GRINNING FACE}.jpg", "a\\b\x01\x7f\u2028.png", " .jpg", "'.jpg", ""),
)


def ask(kind: str, **question: Any) -> Any:
    """Ask the page's modules."""
    done = subprocess.run(
        [str(NODE), str(HERE / "page_answers.mjs")],
        input=json.dumps({"kind": kind, **question}).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def results() -> list[PictureResult]:
    """Pictures, frames and crops with all that a record can have, under hostile names."""
    rng = np.random.default_rng(0)
    found = []
    for k, source in enumerate(SOURCES):
        p = rng.dirichlet(np.full(len(CLASSES), 0.02))  # most are nearly 0, one is nearly 1
        box = Box(*(rng.uniform(-20, 4000, 4) if k % 2 else rng.integers(0, 500, 4).astype(float)))
        time = {"frame": k, "time_s": k / 3} if k % 3 == 0 else {}
        face = Face(
            source,
            str(k + 1),
            dict(zip(CLASSES, p.tolist(), strict=True)),
            box,
            IMAGE,
            rotated=90 * (k % 4),
            quality=("dark", "tiny")[: k % 3],
            **time,
        )
        found.append(PictureResult(source, (face,), **time))
        found.append(PictureResult(source, reason="found but not wanted: 2 (min_confidence 0.9)", **time))
        found.append(PictureResult(source, error=f"{source}: damaged picture, get the file again"))
    whole = Face("crop.png", "1", dict.fromkeys(CLASSES, 1 / len(CLASSES)), Box(0.0, 0.0, 48, 40), IMAGE, crop="given")
    return [*found, PictureResult("crop.png", (whole,))]


@pytest.mark.parametrize("format_", ["csv", "json"])
@pytest.mark.parametrize("pictures", [results(), results()[:1], []], ids=["many", "one", "none"])
def test_files_have_the_bytes_of_mien_predict(format_: str, pictures: list[PictureResult], tmp_path: Path) -> None:
    card = Bundle.open("mien-n").card
    model = ModelId(name='"n" 笑', version=card.versions["mien"], sha256="0" * 64)
    warnings = ("n learned from drawn faces alone: its labels say nothing of real ones",)
    path = tmp_path / f"faces.{format_}"
    writer = open_writer(path, format_, model=model, classes=CLASSES, warnings=warnings)
    for picture in pictures:
        writer.write(picture)
    writer.close()
    records = [record for picture in pictures for record in picture.records()]
    head = {"model": model.to_dict(), "classes": CLASSES, "warnings": warnings}
    assert ask(format_, records=records, head=head).encode() == path.read_bytes()


def test_numbers_are_written_as_python_does() -> None:
    rng = np.random.default_rng(0)
    values = [0.0, 1.0, -0.0, 1e-6, 1e-5, 2.8e-05, 1e-4, 0.1, 123456.0, 1e15, 1e16, 1.5e16, 1e22, 5e-324, 0.1 + 0.2]
    values += (10 ** rng.uniform(-8, 20, 300)).tolist()
    values += rng.uniform(0, 1, 300).round(6).tolist()
    assert ask("floats", values=values) == [repr(value) for value in values]


@pytest.mark.parametrize(
    "names",
    [
        ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
        ("happy", "bored"),
        ("angry", "anger", "x"),
        tuple(f"class {i}" for i in range(20)),
        ("10", "2", "happy", "__proto__"),
    ],
)
def test_colours_are_those_of_annotated_pictures(names: tuple[str, ...]) -> None:
    expected = colours(names)
    assert {name: tuple(colour) for name, colour in ask("colours", names=names)} == expected


def test_text_stands_out_on_each_colour() -> None:
    inks = ask("ink", colours=list(COLOURS.values()))
    for colour, ink in zip(COLOURS.values(), inks, strict=True):
        one, other = luminance(colour), luminance(BLACK) if ink == "#000" else 1.0
        contrast = (max(one, other) + 0.05) / (min(one, other) + 0.05)
        assert contrast >= 4.5, colour


def test_maps_lie_over_faces_as_in_python() -> None:
    levels = np.array([(grey, heat) for grey in range(0, 256, 5) for heat in range(256)], np.uint8)
    drawn = np.array(ask("overlay", pixels=levels.tolist()))
    expected = overlay(levels[None, :, 0], levels[None, :, 1])[0].astype(int)
    assert np.abs(drawn - expected).max() <= 1  # halves may be rounded to the other side
    assert (drawn == expected).mean() > 0.99


@pytest.mark.parametrize("length_s", [0.5, 100.0, 1000.0])
def test_the_timeline_adds_up_as_in_python(length_s: float) -> None:
    rng = np.random.default_rng(1)
    labels = ("a", "b", "c")
    timeline = Timeline(labels)
    frames = []
    for time_s in np.sort(rng.uniform(0, length_s, 200)).tolist():
        rows = rng.dirichlet(np.ones(3), rng.integers(0, 3)).tolist()
        faces = []
        for k, row in enumerate(rows):
            p = dict(zip(labels, row, strict=True))
            faces.append(Face("live", str(k), p, None, IMAGE, time_s=time_s))
        timeline.add(PictureResult("live", tuple(faces), time_s=time_s))
        frames.append((time_s, rows))
    answer = ask("timeline", classes=3, frames=frames)
    edges, means = timeline.edges_s(), timeline.means()
    assert answer["binS"] == timeline.bin_s
    assert [(one["startS"], one["endS"]) for one in answer["bins"]] == list(
        zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )
    for one, row in zip(answer["bins"], means, strict=True):
        if one["means"] is None:
            assert np.isnan(row).all()
        else:
            assert one["means"] == pytest.approx(row.tolist())
    everything = np.array([row for _, rows in frames for row in rows])
    assert answer["means"] == pytest.approx(everything.mean(axis=0).tolist())


@pytest.mark.parametrize("file", [path.name for path in sorted(HERE.glob("*.test.mjs"))])
def test_what_python_has_not(file: str) -> None:
    done = subprocess.run([str(NODE), "--test", str(HERE / file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
