"""`mien predict`: every format, tables, folders, what goes wrong, and where it all goes."""

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from mien.core.bundle import Bundle
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.runtime.geometry import Box
from mien.runtime.result_files import FORMATS
from mien.runtime.results import Face, Picture, PictureResult

from .conftest import Mien

BLANK = np.zeros((48, 48), np.uint8)
ONE = Face("a.jpg", "1", {"smile": 0.75, "frown, a bit": 0.25}, Box(3.0, 4.5, 20.126, 30.0), BLANK)
ONE = replace(ONE, crop="assumed", quality=("dark", "tiny"))
TWO = Face("b/ü.mp4", "12", {"smile": 0.125, "frown, a bit": 0.875}, None, BLANK, None, 3, 0.12)
SEEN = [
    PictureResult.of(Picture("a.jpg", np.zeros((60, 60, 3), np.uint8)), (ONE,)),
    PictureResult.of(Picture("none.jpg", np.zeros((60, 60, 3), np.uint8)), ()),
    PictureResult.of(Picture("b/ü.mp4", np.zeros((60, 60, 3), np.uint8), 3, 0.12), (TWO,)),
]

GOLDEN = {
    "table": "  face  expression    probability  box (x y width height)  source\n"
    "     1  smile               0.750  3 4 20 30               a.jpg\n"
    "    12  frown, a bit        0.875                          b/ü.mp4 0.120 s\n",
    "csv": "schema_version,source,frame,time_s,face,box_x,box_y,box_width,box_height,label,probability,rotated,"
    'crop,quality,reason,p_smile,"p_frown, a bit"\n'
    "3,a.jpg,,,1,3.0,4.5,20.13,30.0,smile,0.75,0,assumed,dark tiny,,0.75,0.25\n"
    "3,none.jpg,,,,,,,,,,,,,no face found,,\n"
    '3,b/ü.mp4,3,0.12,12,,,,,"frown, a bit",0.875,0,,,,0.125,0.875\n',
    "submission": "id,label\n1,0\n12,1\n",
    "jsonl": '{"schema_version": 3, "source": "a.jpg", "frame": null, "time_s": null, "face": "1", "box": '
    '[3.0, 4.5, 20.13, 30.0], "label": "smile", "probability": 0.75, "probabilities": {"smile": 0.75, '
    '"frown, a bit": 0.25}, "rotated": 0, "crop": "assumed", "quality": ["dark", "tiny"], "reason": null}\n'
    '{"schema_version": 3, '
    '"source": "none.jpg", "frame": null, "time_s": null, "face": null, "box": null, "label": null, "probability": '
    'null, "probabilities": null, "rotated": null, "crop": null, "quality": [], "reason": "no face found"}\n'
    '{"schema_version": 3, '
    '"source": "b/ü.mp4", "frame": 3, "time_s": 0.12, "face": "12", '
    '"box": null, "label": "frown, a bit", "probability": 0.875, "probabilities": {"smile": 0.125, '
    '"frown, a bit": 0.875}, "rotated": 0, "crop": null, "quality": [], "reason": null}\n',
}
GOLDEN["tsv"] = GOLDEN["csv"].replace('"frown, a bit"', "frown; a bit").replace('"p_frown, a bit"', "p_frown; a bit")
GOLDEN["tsv"] = GOLDEN["tsv"].replace(",", "\t").replace(";", ",")
GOLDEN["json"] = (
    '{"schema_version": 3, "model": {"name": "two", "version": "0.1.0", "sha256": "ab12"}, "classes": ["smile", '
    '"frown, a bit"], "warnings": ["two learned little"], "faces": [\n'
    + ",\n".join(GOLDEN["jsonl"].splitlines())
    + "\n]}\n"
)
COUNTS = "3 pictures, 2 faces, 1 without a face\n"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let every input be seen as `SEEN`."""
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics/a.jpg").touch()

    class Two:
        classes = ("smile", "frown, a bit")
        id = ModelId(name="two", version="0.1.0", sha256="ab12")
        warnings = ("two learned little",)

    monkeypatch.setattr("mien.workflows.stream.stream_results", lambda *_, **__: (result for result in SEEN))
    monkeypatch.setattr("mien.workflows.predict.load", lambda *_, **__: Two())
    monkeypatch.setattr("mien.data.formats.stream_faces", lambda *_, **__: iter(()))


@pytest.mark.parametrize("name", FORMATS)
def test_golden_formats(mien: Mien, seen: None, tmp_path: Path, name: str) -> None:
    source, counts = ("test.csv", "") if name == "submission" else ("pics", COUNTS)
    assert mien("predict", source, "--format", name) == (0, GOLDEN[name], counts)
    path = tmp_path / "deep" / "out.txt"
    done = mien("predict", source, "--format", name, "-o", "deep/out.txt")
    assert done == (0, "", f"written: {path}\n{counts}")
    assert path.read_text(encoding="utf-8") == GOLDEN[name]


def test_json_is_json(mien: Mien, seen: None) -> None:
    value = json.loads(mien("predict", "pics", "--json").out)
    assert value["faces"] == [json.loads(line) for line in GOLDEN["jsonl"].splitlines()]


def test_parquet_is_the_csv(mien: Mien, seen: None, tmp_path: Path) -> None:
    assert mien("predict", "pics", "-o", "out.parquet").code == 0
    table = parquet.read_table(tmp_path / "out.parquet")
    rows = list(csv.DictReader(io.StringIO(GOLDEN["csv"])))
    assert table.column_names == list(rows[0])
    for name, kind in {"frame": int, "time_s": float, "face": str, "box_x": float, "p_smile": float}.items():
        assert table[name].to_pylist() == [kind(row[name]) if row[name] else None for row in rows]
    refused = mien("predict", "pics", "--format", "parquet")
    assert (refused.code, refused.out) == (2, "")
    assert "-o faces.parquet" in refused.err


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "tsv", "txt"])
def test_the_name_says_the_format(mien: Mien, seen: None, tmp_path: Path, suffix: str) -> None:
    assert mien("predict", "pics", "-o", f"out.{suffix}").code == 0
    expected = GOLDEN["table" if suffix == "txt" else suffix]
    assert (tmp_path / f"out.{suffix}").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_names_of_stdout_follow_the_format(mien: Mien, seen: None, name: str) -> None:
    assert mien("predict", "pics", "-o", name).out == GOLDEN["table"]
    assert mien("predict", "pics", "-o", name, "--format", "csv").out == GOLDEN["csv"]
    assert mien("predict", "pics", "-o", name, "--json").out == GOLDEN["json"]


def test_splits_of_a_table(mien: Mien, exported: Bundle) -> None:
    line = ("predict", "synthetic:70", "--model", exported.path, "--format", "jsonl")

    def count(*more: str) -> int:
        return len(mien(*line, *more).out.splitlines())

    assert (count(), count("--split", "train"), count("--split", "test,train")) == (70, 49, 63)
    done = mien(*line, "--split", "exam", "-o", "out.csv")
    assert (done.code, done.out) == (3, "")
    assert "no faces in split 'exam'; it has test (14), train (49), validation (7)" in done.err
    assert not Path("out.csv").exists()
    Image.new("L", (60, 60)).save("photo.png")
    assert mien("predict", "photo.png", "--split", "test").code == 2


def test_a_table_gives_the_numbers_of_the_evaluation(mien: Mien, studied: RunDir, exported: Bundle) -> None:
    line = ("predict", "synthetic:210", "--model", exported.path, "--precision", "fp32", "--split", "test", "--json")
    faces = json.loads(mien(*line).out)["faces"]
    stored = Predictions.load(studied.path / "eval/test/predictions.npz")
    assert [face["face"] for face in faces] == stored.ids.tolist()
    said = np.array([list(face["probabilities"].values()) for face in faces])
    assert said == pytest.approx(stored.probabilities, abs=1e-4)
    assert {face["source"] for face in faces} == {"synthetic:210"}


def test_submission(mien: Mien, exported: Bundle, tmp_path: Path) -> None:
    rows = [f"{i + 5},{' '.join([str(i)] * 2304)}" for i in range(3)]
    (tmp_path / "test.csv").write_text("\n".join(["id,feature", *rows]) + "\n")
    line = ("predict", "test.csv", "--model", exported.path, "--format", "submission", "-o", "out.csv")
    done = mien(*line)
    assert (done.code, done.out) == (0, "")
    written = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["id"] for row in written] == ["5", "6", "7"]
    assert {row["label"] for row in written} <= set("0123456")
    again = mien(*line)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert mien(*line, "--overwrite").code == 0


def test_a_submission_needs_the_table_s_own_classes(mien: Mien) -> None:
    """FER+'s classes have other numbers."""
    done = mien("predict", "synthetic:7", "--format", "submission", "--model", "mien-s-ferplus")
    assert (done.code, done.out) == (2, "")
    assert "numbers the classes as synthetic:7 does (angry, disgust, " in done.err
    assert "--model mien-s" in done.err
    assert mien("predict", "synthetic:7", "--format", "submission", "--model", "mien-s").code == 0


@pytest.mark.parametrize("flag", ["--every 2", "--fps 3", "--no-align"])
def test_what_a_table_has_not(mien: Mien, flag: str) -> None:
    done = mien("predict", "synthetic:7", *flag.split())
    assert (done.code, done.out) == (2, "")
    assert "belong to photos and videos" in done.err


def test_a_place_that_cannot_be_written(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = mien("predict", "synthetic:70", "-o", "file/out.csv")
    assert (done.code, done.out) == (1, "")
    assert f"{Path('file/out.csv')}: could not be written" in done.err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("-o out.csv", "out.csv: exists"),
        ("--draw out.png", "out.png: exists"),
        ("--draw full", "expected a name that ends in .jpg"),
        ("--draw out.xyz", "expected a name that ends in .jpg"),
        ("--chart out.png", "out.png: exists"),
        ("--chart new.png", "--chart draws one video"),
        ("--explain", "--draw out.jpg"),
        ("--format exel", "no format 'exel'"),
        ("--json --format csv", "--json prints JSON on stdout"),
        ("--json -o new.csv", "--json prints JSON on stdout"),
        (f"-o {300 * 'a'}.csv --format exel", "no format 'exel'"),
        ("--format submission", "numbers the faces of a table"),
        ("-o new.jpg", "takes records, no pictures"),
        ("-o new.xlsx", "new.xlsx: no such format; end the name in .json, .jsonl, .csv"),
        ("-o new", "new: no such format"),
        ("--json -o /dev/stdout --format csv", "--json prints JSON on stdout"),
        ("-o photo.png --overwrite", "-o photo.png: would replace what the input names"),
        ("--draw full/../photo.png --overwrite", "would replace what the input names"),
        ("-o link --overwrite", "would replace what the input names"),
        ("-o hard --overwrite", "would replace what the input names"),
        ("-o new.png --draw new.png", "--draw new.png: would replace what -o names"),
        ("table.csv", "a table of faces is classified alone"),
        ("--every 2 --fps 3", "expected one of the two"),
        ("--fps 0", "expected more than 0"),
    ],
)
def test_a_refusal_comes_before_the_work(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: str, message: str
) -> None:
    monkeypatch.setattr("mien.runtime.pipeline.find_faces", lambda *_, **__: pytest.fail("it was predicted"))
    (tmp_path / "full").mkdir()
    files = [tmp_path / name for name in ("out.csv", "out.png", "full/a.txt")]
    for path in files:
        path.write_text("mine")
    Image.new("L", (60, 60)).save(tmp_path / "photo.png")
    (tmp_path / "link").symlink_to("photo.png")
    (tmp_path / "hard").hardlink_to(tmp_path / "photo.png")  # two names, as two cases are on some disks
    photo = (tmp_path / "photo.png").read_bytes()
    done = mien("predict", "photo.png", *more.split())
    assert (done.code, done.out) == (2, ""), done.err
    assert message in done.err
    assert {path.read_text() for path in files} == {"mine"}
    assert (tmp_path / "photo.png").read_bytes() == photo
    assert len(list(tmp_path.rglob("*"))) == 7


@pytest.fixture
def pics(tmp_path: Path) -> Path:
    """Three faces of 48 pixels, a blank picture, and one that is none."""
    generator = np.random.default_rng(0)
    root = tmp_path / "pics"
    (root / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png"):
        Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(root / name)
    Image.new("RGB", (400, 300)).save(root / "blank.jpg")
    (root / "bad.png").write_bytes(b"no picture")
    return root


def test_a_folder_with_a_bad_picture_is_finished(mien: Mien, pics: Path) -> None:
    done = mien("predict", "pics", "--format", "csv", "--crops")
    assert done.code == 3
    rows = {row["source"]: row for row in csv.DictReader(io.StringIO(done.out))}
    assert list(rows) == ["pics/a.png", "pics/b.png", "pics/bad.png", "pics/blank.jpg", "pics/sub/c.png"]
    assert (rows["pics/bad.png"]["label"], rows["pics/bad.png"]["reason"]) == (
        "",
        "pics/bad.png: not a picture that Pillow can read",
    )
    assert done.err.splitlines() == [
        "mien: pics/bad.png: not a picture that Pillow can read",
        "4 pictures, 4 faces, 1 unreadable",
        "mien: 1 could not be read (named above), all else is done; --skip-bad makes that exit code 0",
    ]
    skipped = mien("predict", "pics", "--format", "csv", "--crops", "--skip-bad")
    assert (skipped.code, skipped.out) == (0, done.out)
    assert skipped.err.splitlines() == [
        "left out: pics/bad.png: not a picture that Pillow can read",
        "4 pictures, 4 faces, 1 unreadable",
    ]
    errors = mien("predict", "pics", "--format", "csv", "--crops", "--quiet")
    assert (errors.code, errors.out) == (3, done.out)
    assert errors.err.splitlines() == done.err.splitlines()[::2]
    quiet = mien("predict", "pics", "--format", "csv", "--crops", "--skip-bad", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, done.out, "")


def test_single_inputs(mien: Mien, pics: Path) -> None:
    bad = mien("predict", "pics/bad.png", "-o", "out.csv")
    assert bad == (3, "", "mien: pics/bad.png: not a picture that Pillow can read\n")
    assert not Path("out.csv").exists()
    nothing = mien("predict", "pics/blank.jpg", "--format", "jsonl")
    assert (nothing.code, nothing.err) == (0, "pics/blank.jpg: no face found\n")
    assert json.loads(nothing.out)["reason"] == "no face found"
    missing = mien("predict", "pics/a.png", "none.jpg")
    assert missing == (3, "", "mien: none.jpg: no such file or folder\n")
    two = mien("predict", "pics/b.png", "pics/a.png", "pics/b.png", "--format", "jsonl", "--crops")
    assert (two.code, two.out.count("\n"), two.err) == (0, 2, "2 pictures, 2 faces\n")


def test_a_run_is_exported_into_its_own_folder(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "run")
    done = mien("predict", "synthetic:7", "--model", "run", "--json")
    assert done.code == 0, done.err
    assert (copy / "bundle/card.json").is_file()
    model = json.loads(done.out)["model"]
    assert model["sha256"] == hashlib.sha256((copy / "bundle" / graph_of(copy / "bundle")).read_bytes()).hexdigest()
    again = mien("predict", "synthetic:7", "--model", "run", "--json", "--quiet")
    assert again == (0, done.out, "")


def graph_of(bundle: Path) -> str:
    card = json.loads((bundle / "card.json").read_text())
    return card["files"][card["precision"]["default"]]["file"]


def test_annotated_copies(mien: Mien, portrait: Path, pics: Path, tmp_path: Path) -> None:
    assert mien("predict", portrait, "--draw", "one.png", "--quiet").code == 0
    drawn = np.asarray(Image.open(tmp_path / "one.png"))
    plain = np.asarray(Image.open(portrait).convert("RGB"))
    assert drawn.shape == plain.shape
    assert 0 < (drawn != plain).any(axis=2).mean() < 0.2
    assert mien("predict", portrait, "--draw", "explained.png", "--explain", "--quiet").code == 0
    explained = np.asarray(Image.open(tmp_path / "explained.png"))
    assert explained.shape[0] > drawn.shape[0]
    assert (explained[: len(drawn), : drawn.shape[1]] == drawn).all()
    assert mien("predict", "pics", "--draw", "copies", "--skip-bad").code == 0
    names = sorted(path.relative_to(tmp_path / "copies").as_posix() for path in (tmp_path / "copies").rglob("*.*"))
    assert names == ["a.png", "b.png", "blank.jpg", "sub/c.png"]


def test_what_was_seen_before_an_interrupt_stays(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, seen: None, tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[PictureResult]:
        yield SEEN[0]
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.workflows.stream.stream_results", interrupted)
    for suffix in ("json", "jsonl", "csv", "parquet"):
        done = mien("predict", "pics", "-o", f"out.{suffix}")
        assert (done.code, done.out) == (130, "")
        assert f"written: {tmp_path / f'out.{suffix}'}" in done.err
    assert [face["face"] for face in json.loads((tmp_path / "out.json").read_text())["faces"]] == ["1"]
    assert (tmp_path / "out.jsonl").read_text() == GOLDEN["jsonl"].splitlines(keepends=True)[0]
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2
    assert parquet.read_table(tmp_path / "out.parquet")["source"].to_pylist() == ["a.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_a_stopped_process_leaves_whole_records(tmp_path: Path, how: signal.Signals) -> None:
    generator = np.random.default_rng(0)
    (tmp_path / "pics").mkdir()
    for i in range(2000):
        Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(tmp_path / f"pics/{i:04d}.png")
    command = [sys.executable, "-c", "from mien.cli.main import main; main()", "predict", "pics", "-o", "out.jsonl"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        out = tmp_path / "out.jsonl"
        while process.poll() is None and not (out.exists() and out.stat().st_size > 20_000):
            time.sleep(0.01)
        process.send_signal(how)
        code = process.wait(30)
    assert code == (130 if how == signal.SIGINT else -9)
    lines = out.read_text().splitlines(keepends=True)
    whole = [json.loads(line)["source"] for line in lines if line.endswith("\n")]
    assert len(whole) >= 50
    assert whole == [f"pics/{i:04d}.png" for i in range(len(whole))]


@pytest.mark.parametrize(
    "verb",
    [
        ["predict"],
        ["predict", "--skip-bad"],
        ["data", "describe"],
        ["train", "--recipe", "demo"],
        ["eval"],
        ["explain"],
        ["report"],
        ["export"],
    ],
)
@pytest.mark.parametrize("address", ["https://example.org/a.csv", "s3://bucket/faces", "hf://datasets/a/b.parquet"])
def test_nothing_is_downloaded(mien: Mien, verb: list[str], address: str, tmp_path: Path) -> None:
    done = mien(*verb, address)
    assert (done.code, done.out) == (2, "")
    assert f"{address}: mien does not download; save it first" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [[], ["--skip-bad"]])
def test_where_there_is_nothing_is_an_error(mien: Mien, pics: Path, more: list[str]) -> None:
    (pics / "empty").mkdir()
    for name, message in (
        ("pics/empty", "no pictures or videos in it"),
        ("pics/*.xyz", "no file matches this pattern"),
    ):
        done = mien("predict", "pics/a.png", name, *more)
        assert (done.code, done.out, done.err) == (3, "", f"mien: {name}: {message}\n")
