"""The accuracy that a card publishes is found again for faces that are known, whatever else is in the file."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import mien
from mien.core.bundle import Bundle, shipped
from mien.core.faces import FaceSet, join
from mien.core.labels import FER2013
from mien.core.scores import Scores
from mien.core.summaries import summarise
from mien.core.tables import Figures
from mien.data.formats import open_faces
from mien.data.known import KnownSplit
from mien.workflows.evaluate import evaluate
from mien.workflows.published import published_data_set

FACES = 42
IN_TRAINING = 5


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> FaceSet:
    """The faces of the bundle's run, whose split `test` stands for PublicTest; some of it are in `train`, too."""
    data = open_faces("synthetic:210")
    tests, training = np.flatnonzero(data.splits == "test"), np.flatnonzero(data.splits == "train")
    images = data.images.copy()
    images[training[:IN_TRAINING]] = images[tests[:IN_TRAINING]]
    data = replace(data, images=images)
    public_test = data.split("test")
    assert (len(public_test), public_test.classes) == (FACES, FER2013)
    known = KnownSplit(
        digests=public_test.digests,
        targets=public_test.targets,
        majorities=np.full(FACES, -1),
        in_training=np.arange(FACES) < IN_TRAINING,
    )
    monkeypatch.setattr(KnownSplit, "public_test", lambda: known)
    monkeypatch.setattr("mien.data.known.LEAST", 0.9)
    return data


@pytest.fixture
def scored(exported: Bundle) -> Bundle:
    """The bundle, with a card that says that it was scored on PublicTest."""
    scores = replace(exported.card.scores, data_set="FER2013 PublicTest")
    return replace(exported, card=replace(exported.card, scores=scores))


def others(split: str) -> FaceSet:
    faces = open_faces("synthetic:70").split("test")
    one_class = np.zeros(len(faces), np.int64)
    return replace(faces, images=255 - faces.images, targets=one_class, splits=np.full(len(faces), split))


def altered(faces: FaceSet, count: int) -> FaceSet:
    images = faces.images.copy()
    images[len(images) - count :, 5, 5] ^= 3
    return replace(faces, images=images)


def figures(scores: Scores) -> dict[str, tuple[str, str]]:
    found = {}
    for part in summarise(scores):
        if isinstance(part, Figures):
            found |= {name.strip(): (value, note) for name, value, note in part.rows}
    return found


def test_in_another_order_without_the_training_faces(scored: Bundle, data: FaceSet) -> None:
    public_test = data.split("test").select(np.arange(FACES)[::-1])
    scores = evaluate(scored, public_test)
    published = scored.card.scores.of(scored.card.precision.default).accuracy
    assert scores.published_accuracy == published == scores.accuracy
    assert scores.published_faces is not None
    assert (scores.published_faces.name, scores.published_faces.found) == ("FER2013 PublicTest", FACES)
    assert scores.published_faces.accuracy == scores.accuracy
    assert scores.duplicates == IN_TRAINING
    shown = figures(scores)
    assert shown["published"][1].endswith("(here: FER2013 PublicTest complete)")
    assert shown["no duplicates"][1].startswith(f"{IN_TRAINING} faces")
    assert "of these" not in shown


def test_beside_others(scored: Bundle, data: FaceSet) -> None:
    everything = join([others("private-test"), data])
    alone = evaluate(scored, everything)
    assert (alone.faces, alone.duplicates) == (FACES, IN_TRAINING)
    assert alone.published_accuracy == alone.accuracy
    both = evaluate(scored, everything, split="test,private-test")
    assert (both.faces, both.duplicates) == (FACES + 14, IN_TRAINING)
    assert both.published_accuracy == alone.published_accuracy != both.accuracy
    assert both.published_faces is not None
    assert both.published_faces.accuracy == alone.accuracy
    assert figures(both)["of these"] == (figures(alone)["accuracy"][0], "the faces of FER2013 PublicTest")
    assert evaluate(scored, everything, split="private-test").published_accuracy is None


def test_which_of_the_others_were_learned_from_is_not_known_without_training_faces(
    scored: Bundle, data: FaceSet
) -> None:
    scores = evaluate(scored, join([data.split("test"), others("private-test")]), split="test,private-test")
    assert scores.published_accuracy is not None
    assert scores.duplicates is None


def test_some_altered_faces(scored: Bundle, data: FaceSet) -> None:
    scores = evaluate(scored, altered(data.split("test"), 4))
    assert scores.published_faces is not None
    assert (scores.published_faces.faces, scores.published_faces.found) == (FACES, FACES - 4)
    assert figures(scores)["published"][1].endswith(" faces of FER2013 PublicTest; 4 differ or are missing)")
    assert "of these" not in figures(scores)


def test_half_of_the_faces_or_other_labels_or_another_mixture_say_nothing(scored: Bundle, data: FaceSet) -> None:
    public_test = data.split("test")
    half = public_test.select(np.arange(0, FACES, 2))
    relabelled = replace(public_test, targets=(public_test.targets + 1) % 7)
    for scores in (evaluate(scored, half), evaluate(scored, relabelled)):
        assert (scores.published_accuracy, scores.published_faces, scores.duplicates) == (None, None, None)
        assert not {"published", "no duplicates"} & figures(scores).keys()
    assert evaluate(scored, public_test, prior="uniform").published_accuracy is None
    assert evaluate(scored, public_test, prior="training").published_accuracy is not None  # that is the card's mixture


def test_a_card_of_other_faces_says_nothing(exported: Bundle, data: FaceSet) -> None:
    assert exported.card.scores.data_set is None
    assert evaluate(exported, data.split("test")).published_accuracy is None


def test_a_run_is_known_to_be_scored_on_public_test(data: FaceSet) -> None:
    public_test, training = data.split("test"), data.split("train")
    assert published_data_set(public_test, training=training) == "FER2013 PublicTest"
    assert published_data_set(public_test, training=others("train")) is None  # learned from something else
    assert published_data_set(join([public_test, others("test")]), training=training) is None
    assert published_data_set(others("test"), training=training) is None


@pytest.mark.long
def test_the_shipped_network_on_a_file_like_the_original(real: FaceSet) -> None:
    """Three splits, mixed, and ten faces that differ a little, as ours do."""
    noise = np.random.default_rng(0).integers(0, 256, (3589, 48, 48), dtype=np.uint8)
    public_test = altered(real.split("test"), 10)
    private_test = replace(public_test, images=noise, splits=np.full(3589, "private-test"))
    everything = join([real.split("train"), public_test, private_test])
    scores = mien.evaluate("mien-n", everything.select(np.random.default_rng(1).permutation(len(everything))))
    assert scores.published_accuracy is not None
    assert scores.accuracy == pytest.approx(scores.published_accuracy, abs=0.004)
    assert scores.published_faces is not None
    assert scores.published_faces.found == 3579
    assert scores.duplicates is not None
    assert 270 <= scores.duplicates <= 280


@pytest.mark.long
@pytest.mark.parametrize("labels", ["own", "ferplus"])
def test_cards_say_which_published_data_they_were_scored_on(data_dir: Path, labels: Literal["own", "ferplus"]) -> None:
    faces = open_faces(data_dir / "fer2013_public.parquet", labels=labels)
    found = published_data_set(faces.split("test"), training=faces.split("train"))
    cards = [card for card in (Bundle.open(name).card for name in shipped()) if card.training.data.labels == labels]
    assert cards
    for card in cards:
        assert card.scores.data_set == found == "FER2013 PublicTest"
