"""The calibration error against torchmetrics, and where a confidence on an edge goes."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import BinaryCalibrationError, MulticlassCalibrationError

from mien.core.scores import ClassCalibration
from mien.evaluation.calibration import calibration_bins, calibration_error, calibration_interval, class_calibration


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_error_equals_torchmetrics(case, bins):
    expected = MulticlassCalibrationError(len(case.classes), n_bins=bins, norm="l1")(
        torch.from_numpy(case.probabilities), torch.from_numpy(case.targets)
    )
    found = calibration_error(calibration_bins(case.probabilities, case.targets, bins=bins))
    assert found == pytest.approx(expected.item(), abs=1e-6)


def test_bins_hold_every_face_once(case):
    bins = calibration_bins(case.probabilities, case.targets)
    assert len(bins) == 15
    assert sum(each.faces for each in bins) == len(case)
    assert sum(each.faces * each.accuracy for each in bins if each.faces) == pytest.approx(
        (case.labels == case.targets).sum()
    )
    for each in bins:
        assert (each.confidence is None) == (each.accuracy is None) == (each.faces == 0)
        if each.faces:
            assert each.low - 1e-6 <= each.confidence <= each.high + 1e-6


def test_an_edge_belongs_to_the_bin_below_it():
    rows = np.array([[0.5, 0.5], [0.75, 0.25], [1, 0]], np.float32)
    faces = [each.faces for each in calibration_bins(rows, np.array([0, 0, 0]), bins=4)]
    assert faces == [0, 1, 1, 1]


def calibrated(faces, generator):
    """Draw targets by the probabilities themselves: the true calibration error is 0."""
    rows = generator.dirichlet(np.ones(5), faces).astype(np.float32)
    return rows, (rows.cumsum(axis=1) < generator.random((faces, 1))).sum(axis=1).clip(max=4)


def test_scores_drawn_from_themselves_are_calibrated():
    rows, targets = calibrated(50_000, np.random.default_rng(0))
    assert calibration_error(calibration_bins(rows, targets)) < 0.01


@pytest.mark.parametrize("faces", [100, 1000])
def test_the_interval_of_calibrated_faces_begins_at_zero(faces):
    """200 sets of faces: 97.5 % begin at 0, since none can miss on the other side; three standard errors are 3.3."""
    generator = np.random.default_rng(1)
    zeros, below = 0, 0
    for _ in range(200):
        rows, targets = calibrated(faces, generator)
        low, high = calibration_interval(rows, targets, samples=200, generator=generator)
        zeros += low == 0
        below += high < calibration_error(calibration_bins(rows, targets))
    assert zeros / 200 == pytest.approx(0.975, abs=0.033)
    assert below > 5  # the ECE of few faces is too high, and the interval says so


def test_the_interval_of_overconfident_faces_holds_the_gap():
    """Confidence 0.8 where 65 % are right: the true error is 0.15, in one bin; three standard errors are 4.6 points."""
    generator = np.random.default_rng(2)
    rows = np.tile(np.array([[0.8, 0.2]], np.float32), (300, 1))
    covered = 0
    for _ in range(200):
        targets = (generator.random(300) >= 0.65).astype(np.int64)
        low, high = calibration_interval(rows, targets, samples=400, generator=generator)
        assert 0 < low < high < 0.35
        covered += low <= 0.15 <= high
    assert covered / 200 == pytest.approx(0.95, abs=0.046)


@pytest.mark.parametrize("target", [0, 1])
def test_no_interval_where_chance_does_not_show(target):
    rows = np.tile(np.array([[0.8, 0.2]], np.float32), (9, 1))
    assert calibration_interval(rows, np.full(9, target), samples=9, generator=np.random.default_rng(0)) is None


def measured(rows: np.ndarray, targets: np.ndarray) -> tuple[ClassCalibration, ...]:
    names = [f"class {k}" for k in range(rows.shape[1])]
    return class_calibration(rows, targets, classes=names, samples=300, generator=np.random.default_rng(0))


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and targets drawn from them."""
    generator = np.random.default_rng(1)
    rows = generator.dirichlet(np.full(4, 0.7), count).astype(np.float32)
    return rows, (rows.cumsum(axis=1) < generator.random((count, 1))).sum(axis=1).clip(max=3)


def test_the_error_of_a_class_is_that_of_a_classifier_of_two(case):
    for k, found in enumerate(measured(case.probabilities, case.targets)):
        expected = BinaryCalibrationError(n_bins=15, norm="l1")(
            torch.from_numpy(case.probabilities[:, k]), torch.from_numpy((case.targets == k).astype(int))
        )
        assert found.ece == pytest.approx(expected.item(), abs=1e-6)


def test_a_class_that_is_too_sure_is_found_and_no_other():
    rows, targets = drawn(20_000)
    generator = np.random.default_rng(2)
    calm = measured(rows, targets)
    moved = np.flatnonzero((rows.argmax(axis=1) == 0) & (generator.random(len(rows)) < 0.15))
    wrong = targets.copy()
    wrong[moved] = 3  # of the faces called class 0, one in seven more is class 3
    for found in calm:
        assert abs(found.too_sure) < 0.02
        assert found.ece_interval[0] < 0.005
    first, second, third, fourth = measured(rows, wrong)
    assert first.too_sure_interval[0] > 0.05
    for found in (second, third):
        assert abs(found.too_sure) < 0.02
    for found in (first, fourth):
        assert found.ece_interval[0] > 0.015


def test_a_class_that_no_face_has_and_no_label_says():
    rows = np.array([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0]], np.float32)
    found = measured(rows, np.array([0, 1]))[2]
    assert (found.labelled, found.too_sure, found.too_sure_interval, found.ece_interval) == (0, None, None, None)
    assert found.ece == 0
