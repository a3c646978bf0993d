"""Which faces are shown: held against a loop over the faces."""

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.predictions import Predictions
from mien.evaluation.examples import choose_examples


def drawn(count: int) -> Predictions:
    generator = np.random.default_rng(0)
    return Predictions(
        generator.dirichlet((0.5, 0.5, 0.5), count).astype(np.float32),
        ("happy", "sad", "fear"),
        np.arange(count).astype(str),
        targets=generator.integers(-1, 3, count),
    )


@pytest.mark.parametrize("count", [1, 3])
def test_examples_are_the_surest_right_and_wrong_ones_of_each_class(count: int) -> None:
    said = drawn(120)
    assert said.targets is not None
    expected: list[int] = []
    for target in range(3):
        for hit in (True, False):
            rows = [i for i in range(120) if said.targets[i] == target and (said.labels[i] == target) == hit]
            expected += sorted(rows, key=lambda i: -said.probabilities[i].max())[:count]
    assert choose_examples(said, count=count).tolist() == expected
    assert len(choose_examples(said)) == 3 * 2 * 4


def test_a_picture_is_shown_once() -> None:
    said = drawn(120)
    digests = np.arange(120, dtype=np.uint64) // 2
    assert len(set(digests[choose_examples(said)].tolist())) < 24
    chosen = digests[choose_examples(said, digests=digests)].tolist()
    assert len(set(chosen)) == len(chosen) >= 20


def test_examples_need_targets() -> None:
    said = drawn(5)
    with pytest.raises(DataError):
        choose_examples(Predictions(said.probabilities, said.classes, said.ids))
