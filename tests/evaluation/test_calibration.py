"""The calibration error against torchmetrics, and where a confidence on an edge goes."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCalibrationError

from mien.evaluation.calibration import calibration_bins, calibration_error


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


def test_scores_drawn_from_themselves_are_calibrated():
    generator = np.random.default_rng(0)
    rows = generator.dirichlet(np.ones(5), 50_000).astype(np.float32)
    targets = (rows.cumsum(axis=1) < generator.random((50_000, 1))).sum(axis=1).clip(max=4)
    assert calibration_error(calibration_bins(rows, targets)) < 0.01
