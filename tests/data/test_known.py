"""A published data set is known by its faces, whatever else a file holds."""

from dataclasses import replace

import numpy as np
import pytest

from mien.core.faces import UNLABELLED, FaceSet, join
from mien.core.labels import FER2013, FERPLUS, FERPLUS_VOTES
from mien.data.audit import summarise
from mien.data.ferplus import majority, relabel
from mien.data.known import KnownSplit, Recognised, is_training_face, recognise
from mien.data.split import find_duplicates

FACES = 300


def drawn(count: int, *, split: str, seed: int) -> FaceSet:
    generator = np.random.default_rng(seed)
    return FaceSet(
        images=generator.integers(0, 256, (count, 48, 48), dtype=np.uint8),
        targets=generator.integers(0, 7, count),
        classes=FER2013,
        splits=np.full(count, split),
        ids=np.arange(count).astype(str),
        source="drawn",
        votes=generator.multinomial(10, [0.6, *[0.4 / 9] * 9], count).astype(np.uint8),
        vote_names=FERPLUS_VOTES,
    )


@pytest.fixture
def public_test(monkeypatch: pytest.MonkeyPatch) -> FaceSet:
    """Noise in the place of PublicTest; the first 30 faces are in Training too, and two are the same."""
    faces = drawn(FACES, split="test", seed=0)
    faces.images[40], faces.targets[40] = faces.images[41], (faces.targets[41] + 1) % 7
    known = KnownSplit(
        digests=faces.digests,
        targets=faces.targets,
        majorities=majority(faces.votes),
        in_training=np.arange(FACES) < 30,
    )
    monkeypatch.setattr(KnownSplit, "public_test", lambda: known)
    return faces


def altered(faces: FaceSet, count: int) -> FaceSet:
    """Change some grey levels of the last `count` faces."""
    images = faces.images.copy()
    images[len(images) - count :, :4, 7] ^= 1
    return replace(faces, images=images)


def found(faces: FaceSet) -> Recognised | None:
    return recognise(faces.digests, classes=faces.classes, targets=faces.targets)


def test_in_any_order_and_beside_other_faces(public_test: FaceSet) -> None:
    everything = join([drawn(500, split="train", seed=1), public_test, drawn(200, split="private-test", seed=2)])
    mixed = everything.select(np.random.default_rng(3).permutation(len(everything)))
    for faces in (public_test, everything, mixed):
        recognised = found(faces)
        assert recognised is not None
        assert (recognised.known.faces, recognised.known.found) == (FACES, FACES)
        assert recognised.known.text == "FER2013 PublicTest complete"
        assert recognised.belongs.tolist() == (faces.splits == "test").tolist()
        assert recognised.in_training.sum() == 30


@pytest.mark.parametrize(("count", "is_known"), [(1, True), (3, True), (4, False), (150, False)])
def test_one_percent_may_differ_or_be_missing(public_test: FaceSet, count: int, is_known: bool) -> None:
    for faces in (altered(public_test, count), public_test.select(np.arange(FACES - count))):
        recognised = found(faces)
        assert (recognised is not None) == is_known
        if recognised is not None:
            verb = "differs or is" if count == 1 else "differ or are"
            assert recognised.known.text == f"{300 - count} of 300 faces of FER2013 PublicTest; {count} {verb} missing"
            assert recognised.belongs.tolist() == [*[True] * (FACES - count), *[False] * (len(faces) - FACES + count)]


def test_other_labels_are_another_data_set_where_labels_count(public_test: FaceSet) -> None:
    other = replace(public_test, targets=(public_test.targets + 1) % 7)
    unlabelled = replace(public_test, targets=np.full(FACES, UNLABELLED))
    for faces in (other, unlabelled):
        assert found(faces) is None
        summary = summarise([faces])
        assert summary.known is not None
        assert summary.known.found == FACES
    renamed = replace(public_test, classes=FER2013[::-1], targets=6 - public_test.targets)
    assert found(renamed) is not None


def test_a_repeated_face_counts_once(public_test: FaceSet) -> None:
    repeated = np.where(np.arange(FACES) < 200, np.arange(FACES), 0)
    assert found(public_test.select(repeated)) is None


def test_of_ferplus_the_faces_with_a_majority(public_test: FaceSet) -> None:
    relabelled = relabel(public_test)
    assert relabelled.classes == FERPLUS
    recognised = found(relabelled)
    assert recognised is not None
    assert recognised.known.faces == recognised.known.found == len(relabelled) < 0.99 * FACES
    assert summarise([relabelled]).known == recognised.known


def test_training_faces_are_known_one_by_one(real: FaceSet) -> None:
    training = real.split("train").select(np.arange(0, 28_709, 40))
    assert is_training_face(training.digests).all()
    assert not is_training_face(altered(training, len(training)).digests).any()
    tested = real.split("test")
    assert (is_training_face(tested.digests) == find_duplicates(tested, real.split("train"))).all()


def test_a_copy_in_another_split_is_no_face_of_this_one(public_test: FaceSet) -> None:
    """As the blank faces of FER2013 are, of which Training has more."""
    training = replace(public_test, splits=np.full(FACES, "train")).select(np.arange(FACES - 20, FACES))
    for parts in ([training, altered(public_test, 2)], [altered(public_test, 2), training]):
        summary = summarise(parts)
        assert summary.known is not None
        assert summary.known.found == FACES - 2


def test_nothing_is_said_of_other_faces(public_test: FaceSet) -> None:
    assert summarise([drawn(FACES, split="test", seed=5)]).known is None
    assert summarise([public_test.select(np.arange(0, FACES, 2))]).known is None


def test_the_real_public_test(real: FaceSet) -> None:
    public_test = real.split("test")
    parts = join([real, drawn(3589, split="private-test", seed=6)])
    for faces in (public_test, parts, parts.select(np.arange(len(parts))[::-1])):
        recognised = found(faces)
        assert recognised is not None
        assert (recognised.known.name, recognised.known.found) == ("FER2013 PublicTest", 3589)
    recognised = found(public_test)
    assert recognised is not None
    assert recognised.in_training.tolist() == find_duplicates(public_test, real.split("train")).tolist()
    ten = found(altered(public_test, 10))
    assert ten is not None
    assert ten.known.found == 3579
    assert found(public_test.select(np.arange(0, 3589, 2))) is None
    assert found(relabel(public_test)) is not None
