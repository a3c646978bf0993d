"""Fine-tuning against training from random weights, on few faces whose classes are partly others.

    python benchmarks/fine_tuning.py INIT DATA --learn test --judge validation --count 300

INIT is what `mien train --init` takes.  From DATA's split `--learn` so many faces are drawn by the seed, each class in
proportion; three classes get other names, so that INIT doesn't have them.  Each seed trains networks of the same kind;
all are judged by the split `--judge`.  How many faces of both splits INIT has learned from is printed, where that is
known; it must not know those that judge.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.faces import FaceSet
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.models.classifier import load_classifier
from mien.training.initial import Pretrained
from mien.workflows.train import train

OTHER_NAMES = {"happy": "joy", "sad": "grief", "surprise": "wonder"}
ARMS: dict[str, dict[str, Any]] = {
    "frozen": {"recipe": "fine-tune"},
    "free": {"recipe": "fine-tune", "freeze_norms": False},
    "random": {"batch": 32, "holdout": {"method": "kfold"}},
}
"""Fine-tuned with frozen norms or with those of each batch; the network's own recipe from random weights."""


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("init")
    parser.add_argument("data")
    parser.add_argument("--learn", default="train")
    parser.add_argument("--judge", default="validation")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--epochs", type=int, help="of the arm 'random'; the recipe's by default")
    given = parser.parse_args()
    source, data = Pretrained.open(given.init), open_faces(given.data)
    faces, judged = data.split(given.learn), data.split(given.judge)
    for one, role in ((faces, "to learn from"), (judged, "to judge by")):
        print(f"{len(one):,} faces {role}, {known(source, one)} of them known to {source.name}")
    print(f"{source.classifier.model}, {given.count:,} faces drawn")
    found: dict[str, list[float]] = {}
    for seed in map(int, given.seeds.split(",")):
        some = draw(faces, given.count, seed)
        for arm in given.arms.split(","):
            settings = dict(ARMS[arm])
            if arm != "random":
                settings["init"] = given.init
            else:
                settings["recipe"] = source.classifier.model
            if arm == "random" and given.epochs:
                settings["epochs"] = given.epochs
            start = time.perf_counter()
            accuracy = trained_accuracy(some, judged, seed=seed, **settings)
            found.setdefault(arm, []).append(accuracy)
            print(f"  {arm} seed {seed}: {accuracy:.1f} %, {time.perf_counter() - start:.0f} s", flush=True)
    for arm, accuracies in found.items():
        spread = f", s.d. {statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else ""
        print(f"{arm}: mean {statistics.mean(accuracies):.1f} %{spread}")


def known(source: Pretrained, faces: FaceSet) -> str:
    """Count the faces that a network has learned from."""
    learned = source.learned_from(faces)
    return "an unknown number" if learned is None else f"{int(np.isin(faces.digests, learned.digests).sum()):,}"


def draw(faces: FaceSet, count: int, seed: int) -> FaceSet:
    """Draw training faces, and give three classes other names."""
    training = replace(faces, splits=np.full(len(faces), "train"))
    _, drawn = hold_out(training, method="stratified", rows=count, seed=seed)
    return replace(drawn, classes=tuple(OTHER_NAMES.get(label, label) for label in drawn.classes))


def trained_accuracy(faces: FaceSet, judged: FaceSet, *, seed: int, **settings: Any) -> float:
    """Train on `faces` and return the accuracy on `judged` in percent."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(faces, out=Path(folder) / "run", seed=seed, device="cpu", threads=1, **settings)
        labels = load_classifier(run.path).probabilities(judged.images).argmax(axis=1)
    return 100 * float(np.mean(labels == judged.targets))


if __name__ == "__main__":
    main()
