"""Copies are found however they were saved, and different faces are none."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mien.core.faces import FaceSet, join
from mien.data import copies
from mien.data.copies import NEAR, correlations, find_copies, kind_of_copy
from mien.data.formats import open_faces


@pytest.fixture(scope="module")
def drawn() -> FaceSet:
    return open_faces("synthetic:60")


def _saved_again(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=50)
    return np.array(Image.open(file))


CHANGES = {
    "exact": lambda image: image,
    "saved again": _saved_again,
    "a grey level brighter": lambda image: np.minimum(image, 254) + 1,
    "less contrast": lambda image: image // 2 + 60,
    "mirrored": lambda image: image[:, ::-1],
    "mirrored and saved again": lambda image: _saved_again(image[:, ::-1]),
}
KINDS = {"exact": "exact", "mirrored": "mirrored", "mirrored and saved again": "mirrored"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_face_is_a_copy(drawn: FaceSet, change: str) -> None:
    originals = drawn.select(np.arange(10, 20))
    changed = replace(originals, images=np.stack([CHANGES[change](image) for image in originals.images]))
    both = join([drawn, changed])
    assert find_copies(both).tolist() == [*range(60), *range(10, 20)]
    assert kind_of_copy(both, 60, 10) == KINDS.get(change, "near")


def test_another_order_gives_the_same_groups(drawn: FaceSet) -> None:
    both = join([drawn, replace(drawn, images=drawn.images[:, :, ::-1])])
    order = np.random.default_rng(0).permutation(len(both))
    first = find_copies(both.select(order))
    for face, earlier in enumerate(first):
        assert order[face] % 60 == order[earlier] % 60
        assert earlier <= face
    assert len(np.unique(first)) == 60


def test_tiles_leave_no_pair_out(drawn: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a plain comparison of all pairs, with faces of which one shades into another."""
    shares = np.linspace(0, 1, 12)[:, None, None]
    shades = ((1 - shares) * drawn.images[0] + shares * drawn.images[1]).astype(np.uint8)
    faces = join([drawn, replace(drawn.select(np.arange(12)), images=shades)])
    pairs = np.array([(one, other) for one in range(72) for other in range(one + 1, 72)])
    near = (correlations(faces.images, pairs, mirrored=False) >= NEAR) | (
        correlations(faces.images, pairs, mirrored=True) >= NEAR
    )
    expected = np.arange(72)
    for one, other in pairs[near]:
        expected[expected == expected[other]] = expected[one]
    monkeypatch.setattr(copies, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(copies, "PAIRS_AT_ONCE", 3)
    assert find_copies(faces).tolist() == expected.tolist()
    assert (expected[60:] == 0).all()
    assert expected[1] == 0


def test_faces_with_a_single_grey_level_are_copies_of_their_equals_only(drawn: FaceSet) -> None:
    blank = np.stack([np.full((48, 48), level, np.uint8) for level in (0, 0, 9, 0)])
    first = find_copies(join([replace(drawn.select(np.arange(4)), images=blank), drawn]))
    assert first[:4].tolist() == [0, 0, 2, 0]
    assert len(np.unique(first)) == 62


def test_public_test_faces_that_training_has(real: FaceSet) -> None:
    """280 faces of PublicTest are exact copies of training faces; by the maintainers 46 more are near ones."""
    first = find_copies(real)
    tested = real.splits == "test"
    exact = np.isin(real.digests[tested], real.digests[~tested])
    near = np.isin(first[tested], first[~tested])
    assert exact.sum() == 280
    assert near[exact].all()
    assert near.sum() >= 280 + 46
