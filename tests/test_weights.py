"""The bundles that ship: whole, small, honest about their accuracy."""

import math
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.bundle import Bundle, shipped
from mien.runtime.session import BundleModel

LARGEST_BYTES = 15_000_000


def test_some_ship_and_together_they_are_small() -> None:
    folders = [Bundle.open(name).path for name in shipped()]
    assert folders
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) <= LARGEST_BYTES


@pytest.mark.parametrize(
    ("name", "precision"), [(name, precision) for name in shipped() for precision in Bundle.open(name).card.files]
)
def test_each_runs_and_tells_faces_from_none(name: str, precision: str) -> None:
    bundle = Bundle.open(name)
    said = BundleModel.open(bundle, precision=precision)(np.full((2, 48, 48), 128, np.uint8))
    assert said.shape == (2, len(bundle.classes))
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert not bundle.card.synthetic
    assert math.isclose(bundle.card.scores.of(precision).accuracy, 0.7, abs_tol=0.2)


@pytest.mark.parametrize("name", shipped())
def test_the_published_accuracy_is_found_again(name: str, data_dir: Path) -> None:
    """Another processor may round an 8-bit sum otherwise: a face or two."""
    scores = mien.evaluate(name, data_dir / "fer2013_public.parquet")
    assert scores.published_accuracy is not None
    assert scores.accuracy == pytest.approx(scores.published_accuracy, abs=0.002)
