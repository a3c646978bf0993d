"""The chart of expression over time: what is added up, against NumPy, and what the picture shows, by its pixels."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError, StorageError, UsageError
from mien.core.images import decode_colour
from mien.core.labels import FER2013
from mien.runtime.annotate import colours
from mien.runtime.results import Face, Picture, PictureResult
from mien.runtime.timeline import BINS, Timeline, draw_timeline

PIXELS, IMAGE = np.zeros((9, 9, 3), np.uint8), np.zeros((48, 48), np.uint8)


def frame(time_s: float | None, *said: dict[str, float]) -> PictureResult:
    faces = tuple(Face("a.mp4", str(i), p, None, IMAGE, time_s=time_s) for i, p in enumerate(said))
    return PictureResult.of(Picture("a.mp4", PIXELS, 0, time_s), faces)


def steady(*, seconds: int, seen: tuple[float, float], p: dict[str, float], fps: int = 10) -> Timeline:
    """A face that says the same from `seen[0]` to `seen[1]` seconds."""
    over_time = Timeline(tuple(p))
    for time_s in np.arange(seconds * fps) / fps:
        over_time.add(frame(time_s, *([p] if seen[0] <= time_s < seen[1] else [])))
    return over_time


def share(path: Path, colour: tuple[int, int, int]) -> float:
    """The part of the upper panel that has a colour; the panel is what lies inside of its frame."""
    picture = decode_colour(path).astype(int)
    dark = picture.max(axis=2) < 60
    columns = np.flatnonzero(dark.mean(axis=0) > 0.6)
    rows = np.flatnonzero(dark[:, columns[0] : columns[-1]].mean(axis=1) > 0.95)
    below = rows[rows > rows[0] + 100][0]  # the frame's lower line
    panel = picture[rows[0] + 4 : below - 3, columns[0] + 4 : columns[-1] - 3]
    return float((np.abs(panel - colour).max(axis=2) <= 2).mean())


def random_frames(length_s: float, count: int) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    generator = np.random.default_rng(0)
    times = np.sort(generator.random(count)) * length_s
    return times, [generator.dirichlet(np.ones(3), size=generator.integers(0, 3)) for _ in times]


@pytest.mark.parametrize(("length_s", "bin_s"), [(10, 0.125), (127.9, 0.125), (130, 0.25), (7200, 8)])
def test_means_are_numpys_in_bins_whose_number_is_bounded(length_s: float, bin_s: float) -> None:
    times, said = random_frames(length_s, 3000)
    over_time = Timeline("abc")
    for time_s, rows in zip(times, said, strict=True):
        over_time.add(frame(time_s, *(dict(zip("abc", row, strict=True)) for row in rows)))
    assert over_time.bin_s == bin_s
    assert len(over_time.means()) <= BINS
    bins = (times // bin_s).astype(int)
    used = np.unique(bins)
    assert over_time.edges_s().tolist() == [*(used * bin_s), (used[-1] + 1) * bin_s]
    for i, number in enumerate(used):
        of = [said[k] for k in np.flatnonzero(bins == number)]
        assert over_time.faces()[i] == pytest.approx(np.mean([len(rows) for rows in of]))
        rows = np.concatenate(of)
        expected = rows.mean(axis=0) if len(rows) else np.full(3, np.nan)
        assert over_time.means()[i] == pytest.approx(expected, nan_ok=True)


def test_frames_may_come_in_any_order() -> None:
    times, said = random_frames(300, 50)
    there, back = Timeline("abc"), Timeline("abc")
    seen = [
        frame(t, *(dict(zip("abc", row, strict=True)) for row in rows)) for t, rows in zip(times, said, strict=True)
    ]
    for one, other in zip(seen, seen[::-1], strict=True):
        there.add(one)
        back.add(other)
    assert there.edges_s().tolist() == back.edges_s().tolist()
    assert there.means() == pytest.approx(back.means(), nan_ok=True)


def test_areas_are_probabilities_in_the_classes_colours(tmp_path: Path) -> None:
    p = dict(zip(FER2013, (0.05, 0.05, 0.1, 0.4, 0.2, 0.05, 0.15), strict=True))
    draw_timeline(steady(seconds=60, seen=(0, 60), p=p), tmp_path / "a.png")
    for name, colour in colours(FER2013).items():
        assert share(tmp_path / "a.png", colour) == pytest.approx(p[name], abs=0.015)


def test_where_no_face_was_is_a_gap(tmp_path: Path) -> None:
    p = {"happy": 0.75, "sad": 0.25}
    draw_timeline(steady(seconds=20, seen=(5, 10), p=p), tmp_path / "a.png")
    shares = [share(tmp_path / "a.png", colour) for colour in (*colours(tuple(p)).values(), (255, 255, 255))]
    assert shares == pytest.approx([0.75 / 4, 0.25 / 4, 0.75], abs=0.015)


def test_seldom_frames_leave_no_gaps(tmp_path: Path) -> None:
    """Every frame of a video of 1/2 frame a second stands until the next."""
    over_time = Timeline(("happy", "sad"))
    for time_s in range(0, 20, 2):
        over_time.add(frame(time_s, {"happy": 1.0, "sad": 0.0}))
    draw_timeline(over_time, tmp_path / "a.png")
    assert share(tmp_path / "a.png", colours(("happy",))["happy"]) > 0.98


@pytest.mark.parametrize("seconds", [1, 3600])
def test_no_face_at_all(tmp_path: Path, seconds: int) -> None:
    draw_timeline(steady(seconds=seconds, seen=(0, 0), p={"happy": 1.0}, fps=1), tmp_path / "a.png")
    assert share(tmp_path / "a.png", (255, 255, 255)) > 0.98


def test_names_that_matplotlib_would_take_for_something_else(tmp_path: Path) -> None:
    """A formula, a hidden label, a script that the font lacks, which would warn: none changes the areas."""
    p = {"$x^{$": 0.5, "_hidden": 0.25, "高兴": 0.25}
    draw_timeline(steady(seconds=5, seen=(0, 5), p=p), tmp_path / "a.png")
    for name, colour in colours(tuple(p)).items():
        assert share(tmp_path / "a.png", colour) == pytest.approx(p[name], abs=0.015)


def test_long_names_leave_room_for_the_chart(tmp_path: Path) -> None:
    """Matplotlib warns where a legend leaves none, and a warning fails here."""
    long = "x" * 200
    over_time = steady(seconds=2, seen=(0, 2), p={long: 0.5, "生气": 0.25, "😀": 0.25})
    draw_timeline(over_time, tmp_path / "chart.png")
    assert share(tmp_path / "chart.png", colours(over_time.labels)[long]) == pytest.approx(0.5, abs=0.02)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    over_time = Timeline(("happy",))
    with pytest.raises(UsageError, match=r"a\.mp4: a picture without a time, expected a frame of a video"):
        over_time.add(frame(None))
    with pytest.raises(UsageError, match=r"a\.png: there is no frame to draw"):
        draw_timeline(over_time, tmp_path / "a.png")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[video\]'"):
        draw_timeline(steady(seconds=1, seen=(0, 1), p={"happy": 1.0}), tmp_path / "a.png")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        draw_timeline(steady(seconds=1, seen=(0, 1), p={"happy": 1.0}), tmp_path / "file" / "a.png")
