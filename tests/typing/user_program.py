"""What a user writes, for type checkers: nothing here is `Any` to them.  `tests/test_typing.py` checks it."""

from pathlib import Path

import numpy as np

import mien


def label_pictures(folder: Path) -> list[str]:
    model = mien.load("mien-n", threads=1)
    labels: list[str] = []
    for result in model.stream(folder):
        for face in result.faces:
            reveal_type(face.label)
            reveal_type(face.probabilities)
            labels.append(f"{result.source}: {face.label} {face.probability:.2f}")
    results = mien.predict(folder, "mien-s-ferplus")
    reveal_type(results[0].faces)
    results.save(Path("faces.csv"))
    return labels


def train_and_ship(table: Path) -> float:
    faces = mien.open_faces(table)
    reveal_type(faces.images)
    reveal_type(mien.describe(faces).splits["train"].faces)
    run = mien.train(faces, recipe="mien-n", epochs=8, optimizer={"lr": 1e-3})
    scores = run.evaluate()
    reveal_type(scores.accuracy)
    reveal_type(scores.per_class[0].recall)
    reveal_type(run.explain().comparison)
    reveal_type(run.report())
    bundle = run.export()
    reveal_type(bundle.card.scores.fp32.accuracy)
    reveal_type(mien.evaluate(bundle, table).ece)
    reveal_type(mien.load(bundle)(np.zeros((1, 48, 48), np.uint8)))
    return mien.compare(run, run).accuracy_difference
