"""Measure the shipped networks on corrupted faces of FER2013's PublicTest, and write the figures into their cards.

    python dev/robustness.py fer2013.csv --votes fer2013new.csv --predictions corrupted.npz --baseline
    python dev/robustness.py fer2013.csv --votes fer2013new.csv --predictions corrupted.npz

The figures are those of `mien eval NAME --data fer2013.csv --robustness`; here the faces are corrupted once for all
networks.  `--baseline` writes the errors of mien-n instead, by which corruption errors are divided.  It was used once,
on 2026-11-28: the file stays as it is, so that figures of later networks compare.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

import mien
from mien.cli.console import progress
from mien.core.bundle import CARD, Bundle, shipped
from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.faces import FaceSet
from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES
from mien.core.progress import Progress
from mien.core.robustness import Baseline, Robustness
from mien.evaluation.robustness import score_robustness
from mien.exporting.card import card_page
from mien.runtime.session import BundleModel

BASELINES = Path(__file__).parents[1] / "src/mien/evaluation/robustness_baselines.json"
TO_FERPLUS = np.zeros((len(FER2013), len(FERPLUS)), np.float32)  # contempt is never given
for _row, _name in enumerate(FER2013):
    TO_FERPLUS[_row, FERPLUS.index(FERPLUS_NAMES.get(_name, _name))] = 1


def main() -> None:
    """Measure, and write cards or baselines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--votes", type=Path, help="FER+ votes; Parquet files may have them in them")
    parser.add_argument("--predictions", type=Path, required=True, help="is written, or read where it is there")
    parser.add_argument("--baseline", action="store_true", help="write the errors of mien-n as the baseline")
    options = parser.parse_args()
    own = mien.open_faces(options.data).split("test")
    majority = mien.open_faces(options.data, votes=options.votes, labels="ferplus").split("test")
    if not options.predictions.exists():
        np.savez_compressed(options.predictions, **classify(own))
    with np.load(options.predictions) as file:
        predictions = dict(file)
    if options.baseline:
        write_baselines(predictions["mien-n"], own, majority)
        return
    for name in shipped():
        bundle = Bundle.open(name)
        labelled = majority if bundle.card.training.data.labels == "ferplus" else own
        write_card(bundle, score(predictions[name], labelled, among=own))


def classify(faces: FaceSet) -> dict[str, NDArray[np.float32]]:
    """Classify all corrupted faces with each network: `float32 (corruptions, severities, N, C)`."""
    models = {name: BundleModel.open(name) for name in shipped()}
    shape = (len(CORRUPTIONS), len(SEVERITIES), len(faces))
    found = {name: np.empty((*shape, len(model.classes)), np.float32) for name, model in models.items()}
    for i, corruption in enumerate(CORRUPTIONS):
        for j, severity in enumerate(SEVERITIES):
            images = corrupt(faces.images, corruption, severity)
            for name, model in models.items():
                found[name][i, j] = model(images)
            progress(Progress("corrupted faces", i * shape[1] + j + 1, shape[0] * shape[1], "sets"))
    return found


def score(predictions: NDArray[np.float32], faces: FaceSet, *, among: FaceSet) -> Robustness:
    """Score predictions of the faces `among` on some of these faces, by their own labels."""
    rows = np.flatnonzero(np.isin(among.ids, faces.ids[faces.labelled]))
    labelled = faces.select(faces.labelled)
    assert (among.ids[rows] == labelled.ids).all()

    def corrupted() -> Iterator[tuple[str, NDArray[np.float32]]]:
        for i, name in enumerate(CORRUPTIONS):
            yield name, predictions[i][:, rows]

    return score_robustness(corrupted(), labelled.targets, classes=faces.classes, synthetic=False)


def write_baselines(predictions: NDArray[np.float32], own: FaceSet, majority: FaceSet) -> None:
    """Write the errors of mien-n against FER2013's labels, and against the majority of FER+'s annotators."""
    baselines = []
    for faces, of_faces in ((own, predictions), (majority, predictions @ TO_FERPLUS)):
        measured = score(of_faces, faces, among=own)
        errors = {}
        for one in measured.corruptions:
            errors[one.name] = tuple(round(1 - scores.accuracy, 6) for scores in one.severities)
        baselines.append(
            Baseline(
                title=f"mien-n of November 2026 on {measured.faces:,} faces of FER2013's PublicTest",
                sha256=BundleModel.open("mien-n").id.sha256,
                faces=measured.faces,
                classes=faces.classes,
                errors=errors,
            )
        )
    BASELINES.write_bytes(msgspec.json.format(msgspec.json.encode(baselines), indent=1) + b"\n")


def write_card(bundle: Bundle, measured: Robustness) -> None:
    """Put the figures of a bundle's default graph into its card."""
    card, precision = bundle.card, bundle.card.precision.default
    scores = replace(card.scores.of(precision), robustness=measured)
    card = replace(card, scores=replace(card.scores, **{precision: scores}))
    (bundle.path / "CARD.md").write_text(card_page(card), encoding="utf-8")
    card.write(bundle.path / CARD)
    print(f"{card.name}: accuracy {scores.accuracy:.4f}, of corrupted faces {measured.accuracy:.4f}")


if __name__ == "__main__":
    main()
