"""One table of named cases; every score is held against an outside implementation on all of them."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.core.labels import FER2013
from mien.core.predictions import Predictions


def build(probabilities, targets, classes=FER2013, **more):
    probabilities = np.asarray(probabilities, np.float32)
    ids = np.array([f"face-{row:05}" for row in range(len(probabilities))])
    return Predictions(
        probabilities=probabilities,
        classes=tuple(classes),
        ids=ids,
        source="case",
        targets=None if targets is None else np.asarray(targets, np.int64),
        **more,
    )


def random_faces(faces=400, *, classes=FER2013, seed=0, of_class=None, skill=1.5):
    """Draw probabilities that are right more often than chance."""
    generator = np.random.default_rng(seed)
    targets = generator.choice(np.arange(len(classes)) if of_class is None else of_class, size=faces)
    powers = np.exp(generator.normal(size=(faces, len(classes))) + skill * np.eye(len(classes))[targets])
    return build(powers / powers.sum(axis=1, keepdims=True), targets, classes)


def never_disgust():
    said = random_faces(seed=2)
    rows = said.probabilities * (np.arange(7) != 1)
    return build(rows / rows.sum(axis=1, keepdims=True), said.targets)


def tied():
    """Many equal probabilities, for first place too, none of them on the edge of a calibration bin."""
    rows = [
        [0.28, 0.28, 0.28, 0.04, 0.04, 0.04, 0.04],
        [0.04, 0.24, 0.24, 0.24, 0.08, 0.08, 0.08],
        [0.5, 0.05, 0.05, 0.05, 0.15, 0.1, 0.1],
        [1 / 7] * 7,
    ]
    return build(np.tile(rows, (14, 1)), np.arange(56) % 7)


CASES: dict[str, Callable[[], Predictions]] = {
    "random": random_faces,
    "ties": tied,
    "class absent from targets": lambda: random_faces(of_class=[0, 2, 3, 4, 6], seed=1),
    "class absent from predictions": never_disgust,
    "single right face": lambda: build([[0.1, 0.7, 0.2]], [1], ["no", "maybe", "yes"]),
    "single wrong face": lambda: build([[0.1, 0.7, 0.2]], [2], ["no", "maybe", "yes"]),
    "perfect and sure": lambda: build(np.eye(7)[np.arange(70) % 7], np.arange(70) % 7),
    "all wrong and sure": lambda: build(np.eye(7)[np.arange(70) % 7], (np.arange(70) + 1) % 7),
    "three own classes": lambda: random_faces(classes=("smile", "frown", "blank"), seed=3),
    "two own classes": lambda: random_faces(classes=("smile", "frown"), seed=4),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]()


@pytest.fixture
def make():
    return build


@pytest.fixture
def draw():
    return random_faces
