from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import UsageError
from mien.core.images import decode_colour
from mien.runtime.detect import YuNet
from mien.runtime.geometry import Box, iou
from mien.runtime.results import Face, Picture, PictureResult
from mien.runtime.tracking import LOST_S, track
from mien.runtime.video import read_video

from .clips import pan, write_clip, zoom

PIXELS = np.zeros((4, 4, 3), np.uint8)
IMAGE = np.zeros((48, 48), np.uint8)


def frame(time_s: float, *boxes: Box, happy: float = 0.5, source: str = "a.mp4") -> PictureResult:
    """One frame with a face in each box."""
    faces = tuple(
        Face(source, str(k + 1), {"happy": happy, "sad": 1 - happy}, box, IMAGE, time_s=time_s)
        for k, box in enumerate(boxes)
    )
    return PictureResult.of(Picture(source, PIXELS, 0, time_s), faces)


def tracks(seen: Iterable[PictureResult], **settings: float) -> list[list[str]]:
    return [[face.face for face in one.faces] for one in track(seen, **settings)]


def test_a_pan_and_a_cut() -> None:
    left, right = Box(0, 50, 100, 100), Box(300, 50, 100, 100)
    panned = [frame(i / 25, left._replace(x=10.0 * i)) for i in range(12)]
    assert tracks([*panned, frame(12 / 25, right), frame(13 / 25, right)]) == [["1"]] * 12 + [["2"]] * 2


def test_numbers_in_the_order_of_appearance_whatever_the_order_in_the_frame() -> None:
    a, b, c = Box(0, 0, 50, 50), Box(100, 0, 50, 50), Box(200, 0, 50, 50)
    seen = [frame(0, a, b), frame(0.04, b, a), frame(0.08), frame(0.12, c, b), frame(0.16, a, b, c)]
    assert tracks(seen) == [["1", "2"], ["2", "1"], [], ["3", "2"], ["1", "2", "3"]]


def test_a_face_has_a_track_to_itself() -> None:
    box = Box(0, 0, 50, 50)
    seen = tracks([frame(0, box), frame(0.04, box, box), frame(0.08, box, box)])
    assert [sorted(numbers) for numbers in seen] == [["1"], ["1", "2"], ["1", "2"]]


@pytest.mark.parametrize("rate", [5, 25, 50])
@pytest.mark.parametrize("hidden", [0, 60])
def test_two_faces_that_pass_each_other(rate: int, hidden: int) -> None:
    """The one behind is not found where the boxes nearly are one; on both sides a box jitters by 2 pixels."""
    generator = np.random.default_rng(rate)
    seen, expected = [], []
    for i in range(4 * rate + 1):
        x = 600 * i / (4 * rate)
        jitter = generator.uniform(-2, 2, (2, 2))
        there = Box(x + jitter[0, 0], 50 + jitter[0, 1], 120, 140)
        back = Box(600 - x + jitter[1, 0], 60 + jitter[1, 1], 120, 140)
        apart = abs(600 - 2 * x) >= hidden
        seen.append(frame(i / rate, there, back) if apart else frame(i / rate, there))
        expected.append(["1", "2"] if apart else ["1"])
    assert tracks(seen) == expected


@pytest.mark.parametrize(("gap_s", "number"), [(0.9 * LOST_S, "1"), (1.1 * LOST_S, "2")])
def test_how_long_a_face_may_be_away(gap_s: float, number: str) -> None:
    box = Box(0, 0, 50, 50)
    assert tracks([frame(0, box), frame(0.1), frame(gap_s, box)]) == [["1"], [], [number]]


def test_frames_far_apart_are_still_one_after_the_other() -> None:
    box = Box(0, 0, 50, 50)
    assert tracks([frame(10.0 * i, box._replace(x=5.0 * (i % 2))) for i in range(6)]) == [["1"]] * 6
    assert tracks([frame(0, box), frame(10), frame(20, box)]) == [["1"], [], ["2"]]


def test_another_video_begins_anew() -> None:
    box, other = Box(0, 0, 50, 50), Box(200, 0, 50, 50)
    seen = [
        *(frame(0, box, other), frame(0.04, other)),
        *(frame(0.08, other, source="b.mp4"), frame(0.12, box, other, source="b.mp4")),
        frame(0, box, source="b.mp4"),  # the same video a second time
    ]
    assert tracks(seen) == [["1", "2"], ["2"], ["1"], ["2", "1"], ["1"]]
    smoothed = list(track([frame(0, box, happy=1), frame(0.1, box, happy=0, source="b.mp4")]))
    assert smoothed[1].faces[0].probabilities == {"happy": 0, "sad": 1}


def test_pictures_pass_unchanged() -> None:
    picture = PictureResult.of(Picture("a.jpg", PIXELS), (Face("a.jpg", "1", {"happy": 1.0}, Box(0, 0, 9, 9), IMAGE),))
    assert list(track([picture, picture])) == [picture, picture]


def test_only_the_number_and_the_probabilities_change() -> None:
    before = frame(0, Box(1, 2, 30, 40))
    (after,) = track([before])
    assert after.pixels is before.pixels
    assert vars(after.faces[0]) == vars(before.faces[0])


def test_one_frame_at_a_time() -> None:
    taken = []

    def seen() -> Iterable[PictureResult]:
        for i in range(3):
            taken.append(i)
            yield frame(i, Box(0, 0, 9, 9))

    tracked = track(seen())
    for i in range(3):
        next(iter(tracked))
        assert taken == list(range(i + 1))


def happiness(times_s: np.ndarray, happy: np.ndarray, **settings: float) -> np.ndarray:
    """The probabilities of one still face."""
    box = Box(0, 0, 50, 50)
    seen = [frame(time_s, box, happy=p) for time_s, p in zip(times_s.tolist(), happy.tolist(), strict=True)]
    faces = [one.faces[0] for one in track(seen, **settings)]
    assert {face.face for face in faces} == {"1"}
    assert all(sum(face.probabilities.values()) == pytest.approx(1, abs=1e-5) for face in faces)
    return np.array([face.probabilities["happy"] for face in faces])


@pytest.mark.parametrize("smooth_s", [0.1, 0.25, 3.0])
def test_smoothing_is_this_weighted_mean(smooth_s: float) -> None:
    """Each face counts from its own time until now; the first counts as if it had been there for ever."""
    generator = np.random.default_rng(0)
    times_s, happy = np.cumsum(generator.uniform(0.001, 0.9, 40)), generator.uniform(0, 1, 40)
    expected = []
    for n in range(40):
        left = np.exp(-(times_s[n] - times_s[: n + 1]) / smooth_s)  # what is older than each face still counts for
        weights = np.diff(left, prepend=0)
        assert weights.sum() == pytest.approx(1)
        expected.append(weights @ happy[: n + 1])
    said = happiness(times_s, happy, smooth_s=smooth_s)
    assert said == pytest.approx(np.array(expected), abs=1e-5)  # each step begins with the 6 digits of a record


def test_what_goes_on_after_records_goes_on_exactly() -> None:
    generator = np.random.default_rng(0)
    seen, x = [], np.array([0.0, 130.0, 260.0])
    for i in range(60):
        x += generator.normal(0, 9, 3)
        boxes = [Box(float(side), 0.123456, 99.987654, 100) for side in x if generator.random() < 0.9]
        seen.append(frame(i / 29.97, *boxes, happy=float(generator.random())))
    whole = list(track(seen))
    for cut in range(1, 59):
        records = [face.record() for one in whole[:cut] for face in one.faces]
        known = [
            Face(each["source"], each["face"], each["probabilities"], Box(*each["box"]), IMAGE, time_s=each["time_s"])
            for each in records
        ]
        after = [face.record() for one in track(seen[cut:], known=known) for face in one.faces]
        assert after == [face.record() for one in whole[cut:] for face in one.faces]


def test_what_comes_before_a_video_that_goes_on_does_not_end_its_tracks() -> None:
    """A video without faces has no records, so it is looked at again."""
    a, b = Box(0, 0, 50, 50), Box(200, 0, 50, 50)
    after = [frame(0, source="none.mp4"), frame(0.08, b), frame(0.12, a, b)]
    numbered = list(track([frame(0, a, b), frame(0.04, a, b)]))
    known = [face for one in numbered for face in one.faces]
    assert [[face.face for face in one.faces] for one in track(after, known=known)] == [[], ["2"], ["1", "2"]]


def test_smoothing_does_not_depend_on_the_frame_rate() -> None:
    for rate in (4, 20, 100):
        times_s = np.arange(2 * rate + 1) / rate
        steps = happiness(times_s, (times_s > 0).astype(float))
        assert steps[rate // 2] == pytest.approx(1 - np.exp(-2))  # after 0.5 s, twice the time constant


def test_chance_shrinks_as_the_docstring_says() -> None:
    noise = np.random.default_rng(0).uniform(0, 1, 10_000)
    smoothed = happiness(np.arange(10_000) / 25, noise)
    assert smoothed[1000:].std() / noise.std() == pytest.approx(0.28, abs=0.015)


def test_smoothing_off() -> None:
    happy = np.random.default_rng(0).uniform(0, 1, 9)
    assert (happiness(np.arange(9) / 25, happy, smooth_s=0) == happy).all()


@pytest.mark.parametrize("smooth_s", [-0.1, float("nan"), float("inf")])
def test_wrong_smoothing_is_said_at_once(smooth_s: float) -> None:
    with pytest.raises(UsageError, match="expected 0 or more"):
        track([], smooth_s=smooth_s)


@pytest.mark.parametrize(
    "other", [(0, 0, 4, 6), (2, 1, 4, 6), (1, 1, 2, 2), (3, 5, 9, 9), (4, 0, 4, 6), (0, 6, 4, 6), (9, 9, 1, 1)]
)
def test_overlap_by_counting_pixels(other: tuple[int, int, int, int]) -> None:
    one, two = ({(i, j) for i in range(x, x + w) for j in range(y, y + h)} for x, y, w, h in ((0, 0, 4, 6), other))
    assert iou(Box(0, 0, 4, 6), Box(*other)) == pytest.approx(len(one & two) / len(one | two))


def test_one_person_in_a_real_clip(tmp_path: Path, portrait: Path) -> None:
    """A pan, a zoom, a cut to the mirrored photo, a frame without a face, all through a file and YuNet."""
    picture = Image.fromarray(decode_colour(portrait))
    photo = np.asarray(picture.resize((320, round(320 * picture.height / picture.width))))
    panned = pan(photo, 6, step=12, side=256)
    other = np.roll(photo[:256, :256], 150, axis=1)[:, ::-1]
    nothing = np.full_like(other, 128)
    frames = [*panned, *zoom(panned[-1], 5, step=8)[1:], other, other, nothing]
    path = write_clip(tmp_path / "clip.mp4", frames)
    yunet = YuNet(threads=1)
    seen = (
        frame(picture.time_s or 0.0, *(found.box_px for found in yunet.detect(picture.pixels)))
        for picture in read_video(path)
    )
    assert tracks(seen) == [["1"]] * 10 + [["2"]] * 2 + [[]]
