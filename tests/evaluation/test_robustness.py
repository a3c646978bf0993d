"""Scores of corrupted faces against plain loops, and the baseline that never moves."""

from dataclasses import replace

import numpy as np
import pytest

from mien.core.corruptions import CORRUPTIONS, SEVERITIES
from mien.core.labels import FER2013, FERPLUS
from mien.core.robustness import Robustness
from mien.core.summaries import robustness_note, robustness_table
from mien.evaluation.metrics import score_predictions
from mien.evaluation.robustness import find_baseline, score_robustness

from .conftest import build, random_faces

THREE = ("smile", "frown", "blank")


def corrupted(classes, *, faces=200):
    """Probabilities that get worse with the severity, other ones for each corruption."""
    found = {}
    for place, name in enumerate(CORRUPTIONS):
        found[name] = [
            random_faces(faces, classes=classes, seed=10 * place, skill=2 - 0.4 * severity) for severity in SEVERITIES
        ]
    return found


def score(found, targets, *, classes, synthetic=False):
    probabilities = ((name, [one.probabilities for one in by_severity]) for name, by_severity in found.items())
    return score_robustness(probabilities, targets, classes=classes, synthetic=synthetic)


def fails(errors, faces):
    """Probabilities of faces of class 0, so many of which are wrong."""
    labels = (np.arange(faces) < round(errors * faces)).astype(int)
    return np.eye(7, dtype=np.float32)[labels]


def test_each_severity_has_the_figures_of_its_predictions():
    found = corrupted(THREE)
    targets = found["noise"][0].targets
    measured = score(found, targets, classes=THREE)
    assert [one.name for one in measured.corruptions] == list(CORRUPTIONS)
    for one in measured.corruptions:
        assert [scores.severity for scores in one.severities] == list(SEVERITIES)
        assert tuple(scores.strength for scores in one.severities) == CORRUPTIONS[one.name].strengths
        for scores, predictions in zip(one.severities, found[one.name], strict=True):
            plain = score_predictions(replace(predictions, targets=targets))
            assert scores.accuracy == plain.accuracy
            assert scores.ece == pytest.approx(plain.ece)
            assert scores.confidence == pytest.approx(predictions.probabilities.max(axis=1).mean())
            low, high = scores.accuracy_interval
            assert low < scores.accuracy < high
        assert one.accuracy == pytest.approx(np.mean([scores.accuracy for scores in one.severities]))
    assert measured.accuracy == pytest.approx(np.mean([one.accuracy for one in measured.corruptions]))
    assert measured.faces == 200
    assert Robustness.from_dict(measured.to_dict(), source="stored") == measured


def test_intervals_are_as_wide_as_the_mean_over_faces_varies():
    found = corrupted(FER2013, faces=900)
    targets = found["noise"][0].targets
    measured = score(found, targets, classes=FER2013)
    of_face = np.mean(
        [one.probabilities.argmax(axis=1) == targets for by_severity in found.values() for one in by_severity], axis=0
    )
    low, high = measured.accuracy_interval
    assert high - low == pytest.approx(2 * 1.96 * of_face.std() / np.sqrt(900), rel=0.1)
    assert (low + high) / 2 == pytest.approx(of_face.mean(), abs=0.002)


def test_there_is_no_interval_where_all_faces_are_alike():
    always = {name: [build(np.eye(3)[[0, 0]], [0, 0], THREE)] * 5 for name in CORRUPTIONS}
    measured = score(always, np.array([0, 0]), classes=THREE)
    assert (measured.accuracy, measured.accuracy_interval) == (1, None)
    assert "–" in robustness_table(measured).rows[-1]
    assert measured.corruptions[0].severities[0].accuracy_interval[0] < 0.5  # Wilson's of two faces


@pytest.mark.parametrize("classes", [FER2013, FERPLUS])
def test_the_baseline_has_errors_of_every_corruption(classes):
    baseline = find_baseline(classes[::-1])
    assert set(baseline.classes) == set(classes)
    assert list(baseline.errors) == list(CORRUPTIONS)
    for errors in baseline.errors.values():
        assert len(errors) == len(SEVERITIES)
        assert 0.1 < min(errors) < max(errors) < 0.96


@pytest.mark.parametrize(("share", "expected"), [(1, 1), (0.5, 0.5)])
def test_errors_like_those_of_the_baseline_make_1(share, expected):
    baseline = find_baseline(FER2013)
    faces = 20000
    probabilities = (
        (name, [fails(share * error, faces) for error in errors]) for name, errors in baseline.errors.items()
    )
    measured = score_robustness(probabilities, np.zeros(faces, np.int64), classes=FER2013, synthetic=False)
    assert measured.baseline == baseline.title
    assert measured.mean_corruption_error == pytest.approx(expected, abs=1e-3)
    for one in measured.corruptions:
        assert one.corruption_error == pytest.approx(expected, abs=1e-3)
    low, high = measured.mean_corruption_error_interval
    assert low < measured.mean_corruption_error < high


@pytest.mark.parametrize(("classes", "synthetic"), [(THREE, False), (FER2013, True), (FER2013[:6], False)])
def test_drawn_faces_and_other_classes_have_no_baseline(classes, synthetic):
    found = corrupted(classes)
    measured = score(found, found["noise"][0].targets, classes=classes, synthetic=synthetic)
    assert measured.baseline is measured.mean_corruption_error is measured.mean_corruption_error_interval is None
    assert {one.corruption_error for one in measured.corruptions} == {None}
    assert "corruption error" not in robustness_note(measured)
    assert "CE" not in robustness_table(measured).columns


def test_the_table_has_a_row_per_corruption_and_one_for_all():
    found = corrupted(FER2013)
    measured = score(found, found["noise"][0].targets, classes=FER2013)
    table = robustness_table(measured)
    assert [row[0] for row in table.rows] == [*(one.title for one in CORRUPTIONS.values()), "all"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert table.rows[0][1] == f"{100 * measured.corruptions[0].severities[0].accuracy:.1f}"
    assert table.rows[-1][-1] == f"{100 * measured.mean_corruption_error:.1f}"
