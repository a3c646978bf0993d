"""The matrix against torchmetrics; the confused pairs by hand and by sums."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torchmetrics.classification import MulticlassConfusionMatrix

from mien.core.confusions import ConfusedClass
from mien.evaluation.confusion import confused_pairs, confusion_matrix, row_shares

COUNTS = np.array([[50, 10, 0, 2], [30, 60, 1, 2], [0, 2, 40, 0], [0, 0, 0, 0]])
NAMES = ("fear", "sad", "happy", "bored")


@pytest.mark.filterwarnings("ignore:.*NaN values found in confusion matrix")  # rows without faces: both say 0
@pytest.mark.parametrize("normalize", [None, "true"])
def test_matrix_equals_torchmetrics(case, normalize):
    expected = MulticlassConfusionMatrix(len(case.classes), normalize=normalize)(
        torch.from_numpy(case.labels), torch.from_numpy(case.targets)
    )
    counts = confusion_matrix(case.targets, case.labels, classes=len(case.classes))
    np.testing.assert_allclose(counts if normalize is None else row_shares(counts), expected.numpy(), rtol=1e-6)


def test_pairs_are_ranked_by_errors():
    pairs = confused_pairs(COUNTS, NAMES)
    assert [(each.classes, each.errors) for each in pairs] == [
        (("fear", "sad"), 40),
        (("sad", "happy"), 3),
        (("fear", "bored"), 2),
        (("sad", "bored"), 2),
    ]
    assert sum(each.share for each in pairs) == pytest.approx(1)


def test_directions_have_their_own_rate_and_interval():
    there, back = confused_pairs(COUNTS, NAMES)[0].directions
    assert (there.target, there.label, there.faces, there.errors) == ("fear", "sad", 62, 10)
    assert (back.target, back.label, back.faces, back.errors) == ("sad", "fear", 93, 30)
    for each in (there, back):
        assert each.rate == each.errors / each.faces
        expected = binomtest(each.errors, each.faces).proportion_ci(method="wilson")
        assert each.interval == pytest.approx([expected.low, expected.high])


def test_a_class_without_faces_has_no_rate():
    back = confused_pairs(COUNTS, NAMES)[2].directions[1]
    assert back == ConfusedClass(target="bored", label="fear", faces=0, errors=0, rate=None, interval=None)


def test_no_error_no_pair():
    assert confused_pairs(np.diag([3, 4]), ("a", "b")) == ()


def test_top_limits_the_pairs(case):
    counts = confusion_matrix(case.targets, case.labels, classes=len(case.classes))
    every = confused_pairs(counts, case.classes, top=99)
    assert confused_pairs(counts, case.classes) == every[:5]
    assert sum(each.errors for each in every) == (case.targets != case.labels).sum()
