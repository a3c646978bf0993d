"""Intervals by groups: faces of one person are alike, and a hundred of them say less than a hundred of strangers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mien.core.corruptions import CORRUPTIONS, SEVERITIES
from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.core.records import Record
from mien.core.scores import Scores
from mien.evaluation.intervals import share_interval, wilson
from mien.evaluation.metrics import score_predictions
from mien.evaluation.robustness import score_robustness

from .conftest import build, random_faces

COPIES = 9
PEOPLE = 2400


def intervals(value: object, path: str = "") -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield every interval of scores, with its path."""
    if isinstance(value, Record):
        for name, inner in vars(value).items():
            if name.endswith("interval") and inner is not None:
                yield f"{path}.{name}", inner
            else:
                yield from intervals(inner, f"{path}.{name}")
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            yield from intervals(inner, f"{path}[{place}]")


def width(interval):
    return interval[1] - interval[0]


@pytest.fixture(scope="module")
def once():
    said = random_faces(PEOPLE, seed=5)
    generator = np.random.default_rng(6)
    votes = generator.multinomial(10, np.full(10, 0.05) + 0.5 * np.eye(10)[0], size=PEOPLE).astype(np.uint8)
    return replace(said, votes=votes, vote_names=FERPLUS_VOTES, duplicates=np.arange(PEOPLE) % 4 == 0)


def test_every_interval_counts_copies_of_one_face_once(once):
    rows = np.repeat(np.arange(PEOPLE), COPIES)
    copies = once.select(rows)
    alone = score_predictions(once)
    expected, apart = dict(intervals(alone)), dict(intervals(score_predictions(copies)))
    grouped = score_predictions(copies, groups=rows)
    assert (alone.groups, grouped.groups) == (None, PEOPLE)
    assert grouped.accuracy_standard_error == pytest.approx(alone.accuracy_standard_error, rel=0.01)
    found = dict(intervals(grouped))
    assert found.keys() == expected.keys()
    assert len(found) > 60
    for path, interval in found.items():
        if "ece_interval" in path:  # chance makes it begin at 0, and by groups its high end is another
            assert width(interval) > 0.9 * width(expected[path]), path
        else:
            assert width(interval) == pytest.approx(width(expected[path]), rel=0.12), path
            assert width(interval) > 2 * width(apart[path]), path
    assert grouped.accuracy == alone.accuracy


def test_groups_of_one_face_change_little(once):
    expected = dict(intervals(score_predictions(once)))
    for path, interval in intervals(score_predictions(once, groups=np.arange(PEOPLE))):
        if "ece_interval" not in path:
            assert width(interval) == pytest.approx(width(expected[path]), rel=0.12), path


def test_corrupted_faces_too(once):
    rows = np.repeat(np.arange(PEOPLE), COPIES)

    def measure(faces, **more):
        rows_of_all = [(name, [faces.probabilities] * len(SEVERITIES)) for name in list(CORRUPTIONS)[:2]]
        return score_robustness(rows_of_all, faces.targets, classes=FER2013, synthetic=False, **more)

    expected = dict(intervals(measure(once)))
    found = dict(intervals(measure(once.select(rows), groups=rows)))
    assert len(found) == len(expected) == 2 + 2 + 2 * len(SEVERITIES)
    for path, interval in found.items():
        assert width(interval) == pytest.approx(width(expected[path]), rel=0.03), path


def draw_people(people: int, generator: np.random.Generator):
    """Draw 20 faces of each of some people, who differ in how easy they are to read and in what they look like."""
    groups = np.repeat(np.arange(people), 20)
    targets = generator.choice(7, len(groups), p=[0.15, 0.04, 0.15, 0.25, 0.17, 0.12, 0.12])
    logits = generator.normal(size=(len(groups), 7)) + generator.normal(0, 0.7, (people, 7))[groups]
    logits[np.arange(len(groups)), targets] += generator.normal(1.6, 0.8, people)[groups]
    powers = np.exp(logits)
    return build(powers / powers.sum(axis=1, keepdims=True), targets), groups


@pytest.mark.long
@pytest.mark.parametrize("people", [10, 30])
def test_intervals_of_few_people_hold_the_truth(people):
    """95 % within three standard errors of 150 draws; what takes the faces as independent misses far more often."""
    generator = np.random.default_rng(people)
    names = ("accuracy", "top2_accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "ece", "aurc")
    truth = score_predictions(draw_people(10_000, generator)[0], bootstrap=1)
    held = {"groups": np.zeros(len(names)), "faces": np.zeros(len(names))}
    for _ in range(150):
        faces, groups = draw_people(people, generator)
        for kind, given in (("groups", groups), ("faces", None)):
            scores = score_predictions(faces, bootstrap=100, groups=given)
            for place, name in enumerate(names):
                low, high = getattr(scores, f"{name}_interval")
                held[kind][place] += low <= getattr(truth, name) <= high
    assert (held["groups"] / 150 > 0.95 - 3 * 0.0178).all(), held
    assert (held["faces"] / 150 < 0.9).all(), held


@pytest.mark.parametrize("right", [0, 1])
def test_all_faces_of_few_people_right_is_little_evidence(right):
    """Ten people, all of whose faces are right: as if each had one face, for nothing tells more."""
    each = np.full(10, 7)
    low, high = share_interval(right * each, each)
    alone = wilson(right * 10, 10)
    assert width(alone) < high - low < 1.3 * width(alone)  # and a little for the few groups
    assert (low, high)[right] == right


def test_no_share_has_an_interval_from_one_person():
    assert share_interval(np.array([0, 3]), np.array([0, 5])) is None
    assert share_interval(np.array([0, 0]), np.array([0, 0])) is None


def test_groups_never_make_an_interval_narrower():
    """People with exactly equal shares: Wilson's of all faces, not one without width."""
    assert share_interval(np.full(30, 3), np.full(30, 6)) is not None
    assert width(share_interval(np.full(30, 3), np.full(30, 6))) >= width(wilson(90, 180))


def test_a_class_of_one_person_has_no_interval(once):
    groups = np.where(once.targets == 1, 0, 1 + np.arange(PEOPLE) % 50)
    scores: Scores = score_predictions(once, groups=groups)
    assert scores.per_class[1].recall is not None
    assert scores.per_class[1].recall_interval is None
    assert scores.balanced_accuracy_interval is None
    assert scores.per_class[0].recall_interval is not None
    assert Scores.from_dict(scores.to_dict(), source="test") == scores


def test_one_group_is_refused(once):
    with pytest.raises(DataError, match="case: all faces are of one group; intervals by groups need two or more"):
        score_predictions(once, groups=np.zeros(PEOPLE, np.int64))


def test_unlabelled_faces_take_their_groups_along(once):
    groups = np.arange(PEOPLE) // 8
    targets = np.where(np.arange(PEOPLE) < 80, -1, once.targets)
    partly = score_predictions(replace(once, targets=targets), groups=groups)
    rest = score_predictions(once.select(np.arange(80, PEOPLE)), groups=groups[80:])
    assert replace(partly, unlabelled=0) == rest
