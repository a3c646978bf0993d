"""docs/coming_from.md: mien's programs run, and mien's figures in it are true."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.runtime.video_writer import VideoWriter

PAGE = (Path(__file__).parents[1] / "docs/coming_from.md").read_text(encoding="utf-8")
PROGRAMS = [text for text in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "mien" in text]


@pytest.fixture
def astronaut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> np.ndarray:
    """Its pixels; programs run in an empty folder."""
    data = pytest.importorskip("skimage.data")
    monkeypatch.chdir(tmp_path)
    return np.asarray(data.astronaut())


def run(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(program, "docs/coming_from.md", "exec"), names)
    return names


def program_with(text: str) -> str:
    (program,) = [program for program in PROGRAMS if text in program]
    return program


def test_there_are_six_programs() -> None:
    assert len(PROGRAMS) == 6


def test_a_photograph(astronaut: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(astronaut).save("photo.jpg")
    run(program_with("photo.jpg"))
    assert capsys.readouterr().out.rstrip().endswith("happy")


def test_a_video(astronaut: np.ndarray) -> None:
    with VideoWriter(Path("talk.mp4")) as video:
        for frame in range(3):
            video.write(astronaut, frame / 25)
    run(program_with("talk.mp4"))
    assert Path("talk.csv").read_text().count("happy") >= 3


def test_a_webcam(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [(True, astronaut[..., ::-1]), (True, astronaut[..., ::-1]), (False, None)]
    camera = SimpleNamespace(read=iter(frames).__next__)
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(VideoCapture=lambda _: camera))
    run(program_with("tracker"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["1", "happy"]] * 2


def test_many_pictures(astronaut: np.ndarray) -> None:
    pytest.importorskip("pandas")
    Path("pics").mkdir()
    Image.fromarray(astronaut).save("pics/a.jpg")
    Image.fromarray(np.zeros_like(astronaut)).save("pics/b.jpg")
    Path("pics/c.jpg").write_bytes(b"no picture")
    table = run(program_with("to_pandas"))["table"]
    assert table["label"].tolist()[0] == "happy"
    assert table["reason"].notna().tolist() == [False, True, True]


@pytest.mark.long
def test_training_and_comparing(astronaut: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    small = '"synthetic:350", epochs=1, batch=32, holdout={"rows": 70}'
    trained = run(program_with("mien.train").replace('"faces/"', small).replace('init="mien-s"', 'recipe="demo"'))
    assert capsys.readouterr().out.startswith("(0.")
    compare_with = run(program_with("compare_with"))["compare_with"]
    faces = trained["run"].data.split("test")
    percent = 100 * np.eye(7)[faces.targets]  # another classifier, which is always right
    assert compare_with(trained["run"], percent).b.accuracy == 1


@pytest.mark.parametrize("name", ["mien-s", "mien-s-ferplus"])
def test_figures_of_the_photographs(name: str, astronaut: np.ndarray) -> None:
    cbook = pytest.importorskip("matplotlib.cbook")
    cells = []
    for photo in (astronaut, cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)):
        (face,) = mien.predict(photo, name).faces
        assert face.box is not None
        cells += [f"{face.label} {face.probability:.3f}", " ".join(str(round(side)) for side in face.box)]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`") and "|---" not in line]
    assert [cell.strip() for cell in line.split("|")[2:-1]] == cells


def test_names_are_in_the_order_that_the_page_says() -> None:
    assert f"| {' '.join(mien.load('mien-s').classes)} |" in PAGE
    assert mien.load("mien-s").classes == mien.load("mien-n").classes
    assert " ".join(mien.load("mien-s-ferplus").classes) in PAGE
