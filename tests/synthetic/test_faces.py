import hashlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mien.core.errors import UsageError
from mien.core.images import SIZE
from mien.core.labels import FER2013
from mien.synthetic import faces
from mien.synthetic.action_units import LOOKS, PROTOTYPES, UNITS
from mien.synthetic.faces import draw_faces, render_faces, sample_looks, sample_units

CHANGED = 12
"""Grey levels by which a pixel must differ to count as changed: twice the strongest grain."""


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(700, seed=5)


def people(count):
    return [np.random.default_rng([99, person]) for person in range(count)]


def test_same_seed_draws_same_bytes():
    first, first_masks = draw_faces(40, seed=7)
    again, again_masks = draw_faces(40, seed=7)
    assert first.images.tobytes() == again.images.tobytes()
    assert first_masks.tobytes() == again_masks.tobytes()
    assert first.fingerprint == again.fingerprint


def test_another_seed_draws_other_people():
    assert not np.intersect1d(draw_faces(40, seed=7)[0].digests, draw_faces(40, seed=8)[0].digests).size


@pytest.mark.parametrize("count", [1, 15, 33, 71])
def test_longer_set_begins_with_the_shorter_one(drawn, count):
    faces, masks = draw_faces(count, seed=5)
    longer, longer_masks = drawn
    np.testing.assert_array_equal(faces.images, longer.images[:count])
    np.testing.assert_array_equal(faces.targets, longer.targets[:count])
    np.testing.assert_array_equal(faces.splits, longer.splits[:count])
    np.testing.assert_array_equal(masks, longer_masks[:count])


def test_size_of_a_batch_changes_no_byte(drawn, monkeypatch):
    monkeypatch.setattr(faces, "BATCH", 5)
    np.testing.assert_array_equal(draw_faces(33, seed=5)[0].images, drawn[0].images[:33])


def test_global_generator_is_left_alone():
    np.random.seed(1)
    before = hashlib.sha256(repr(np.random.get_state()).encode()).digest()
    draw_faces(20)
    assert hashlib.sha256(repr(np.random.get_state()).encode()).digest() == before


def test_shapes_and_what_is_said_of_the_set(drawn):
    faces, masks = drawn
    assert faces.images.shape == masks.shape == (700, SIZE, SIZE)
    assert (faces.images.dtype, masks.dtype, faces.targets.dtype) == (np.uint8, np.bool_, np.int64)
    assert faces.synthetic
    assert faces.source == "synthetic"
    assert faces.classes == FER2013
    assert faces.ids.tolist() == [str(face) for face in range(700)]
    assert len(np.unique(faces.digests)) == 700


def test_classes_are_balanced_and_splits_stratified(drawn):
    faces, _ = drawn
    for label in range(7):
        names, counts = np.unique(faces.splits[faces.targets == label], return_counts=True)
        assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"train": 70, "validation": 10, "test": 20}
    assert all(sorted(seven) == list(range(7)) for seven in faces.targets.reshape(-1, 7).tolist())
    assert set(faces.splits[:7].tolist()) == {"train", "validation", "test"}


@pytest.mark.parametrize("count", [0, 1])
def test_smallest_sets(count):
    faces, masks = draw_faces(count)
    assert len(faces) == len(masks) == count


@pytest.mark.parametrize(("count", "seed"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(count, seed):
    with pytest.raises(UsageError, match="0 or more"):
        draw_faces(count, seed=seed)


def test_masks_lie_in_the_face_and_are_small(drawn):
    _, masks = drawn
    shares = masks.mean(axis=(1, 2))
    assert shares.min() > 0.02
    assert shares.max() < 0.5
    border = np.ones((SIZE, SIZE), bool)
    border[2:-2, 2:-2] = False
    assert masks[:, border].mean() < 0.002  # a scaled, shifted face may bring its brow or mouth to the edge


def test_prototypes_name_known_units_and_all_classes():
    assert set(PROTOTYPES) == set(FER2013)
    assert {unit for variants in PROTOTYPES.values() for variant in variants for unit in variant} <= set(UNITS)
    strengths = [strength for variants in PROTOTYPES.values() for variant in variants for strength in variant.values()]
    assert 0 < min(strengths) <= max(strengths) <= 1
    assert all(low < high for low, high in LOOKS.values())


@pytest.mark.parametrize("name", [name for name in FER2013 if name != "neutral"])
def test_an_expression_changes_the_pixels_that_the_mask_names(name):
    looks = sample_looks(people(48))
    units = sample_units(people(48), [name] * 48)
    rest = {unit: np.zeros_like(strength) for unit, strength in units.items()}
    shown, shown_masks = render_faces(looks, units)
    neutral, neutral_masks = render_faces(looks, rest)
    changed = np.abs(shown - neutral) > CHANGED
    assert changed.sum() > 48 * 20
    assert (changed & (shown_masks | neutral_masks)).sum() / changed.sum() >= 0.8


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_is_seen_and_only_moves_its_part_of_the_face(unit):
    looks = {name: np.full((1, 1, 1), (low + high) / 2, np.float32) for name, (low, high) in LOOKS.items()}
    rest = {name: np.zeros((1, 1, 1), np.float32) for name in UNITS}
    full = np.ones((1, 1, 1), np.float32)
    before = {**rest, "AU25": full} if unit == "AU16" else rest  # closed lips hide the lower teeth
    changed = np.abs(render_faces(looks, {**before, unit: full})[0] - render_faces(looks, before)[0])[0] > CHANGED
    assert changed.sum() >= 5
    upper = changed[: SIZE // 2].sum() / changed.sum()
    if unit in {"AU1", "AU2", "AU4", "AU5", "AU7"}:
        assert upper > 0.95
    elif unit in {"AU15", "AU16", "AU20", "AU23", "AU24", "AU25", "AU26"}:
        assert upper < 0.05


def test_what_hides_a_face_is_not_in_the_mask():
    looks = sample_looks(people(48))
    units = sample_units(people(48), ["happy"] * 48)
    bare = {**looks, "occluder": np.full_like(looks["occluder"], 0.99)}
    handed = {**looks, "occluder": np.full_like(looks["occluder"], 2.5 / 24)}
    (seen, mask), (hidden, rest) = render_faces(bare, units), render_faces(handed, units)
    assert not (rest & ~mask).any()
    lost = mask & ~rest
    assert lost.sum() > 100
    assert (np.abs(seen - hidden) > 1)[lost].mean() > 0.9


def accuracy_of_a_linear_classifier(pixels, faces):
    rows = pixels.reshape(len(pixels), -1).astype(np.float64)
    rows = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    test = faces.splits == "test"
    classifier = LogisticRegression(C=0.001, max_iter=300).fit(rows[~test], faces.targets[~test])
    return classifier.score(rows[test], faces.targets[test])


def test_scikit_learn_finds_the_classes_in_the_faces_but_not_beside_them(drawn):
    faces, _ = drawn
    chance = 1 / 7  # of 140 test faces, so that 0.1 is more than three standard deviations
    assert accuracy_of_a_linear_classifier(faces.images, faces) > chance + 0.1
    edges = np.concatenate((faces.images[:, :3], faces.images[:, -3:]), axis=1)
    assert accuracy_of_a_linear_classifier(edges, faces) < chance + 0.1
