"""Judges of labels: networks, or files of predictions, each for the faces that it did not learn from.

Axes: `N` faces, `C` classes.  What needs torch is imported where a run judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.bundle import Bundle
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.open_model import open_model
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.data.known import is_training_face, recognise
from mien.data.matching import check_classes, find_rows
from mien.data.split import find_duplicates
from mien.runtime.session import BundleModel

Judge = str | Path | RunDir | Bundle | Predictions
"""A run, a bundle, a file of predictions, or predictions."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What judges say of faces.

    Attributes:
        classes: the C class names.
        probabilities: `float64 (N, C)`, the mean over those who judged the face; NaN where nobody did.
    """

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """`bool (N,)`: which faces somebody judged."""
        judged: NDArray[np.bool_] = ~np.isnan(self.probabilities[:, 0])
        return judged


def judge(faces: FaceSet, judges: Sequence[Judge], *, device: str) -> Judgement:
    """Average what several judges say of faces, each of those that it did not learn from.

    Args:
        faces: the faces.
        judges: one or more, with the same classes.  A run leaves out exact copies of the faces that it learned from, a
            bundle the training split of its own data and, if its card has figures for FER2013's PublicTest, faces of
            FER2013's Training and the training split of any file with PublicTest, a file what it marks as such copies.
        device: of runs.

    Raises:
        DataError: no such judge, a face has a label that they don't know, or a file's predictions are of other faces.
        UsageError: judges with different classes, or they learned from all of the faces.
    """
    classes: tuple[str, ...] = ()
    total, times = np.zeros((len(faces), 0)), np.zeros(len(faces))
    for one in judges:
        said = _ask(one, faces, device=device)
        if not classes:
            classes = said.classes
            check_classes(faces, known=classes)
            total = np.zeros((len(faces), len(classes)))
        if said.classes != classes:
            raise UsageError(
                f"{judge_name(one)}: has the classes {', '.join(said.classes)}, but {judge_name(judges[0])} has "
                f"{', '.join(classes)}; ask networks with the same classes"
            )
        total[said.judged] += said.probabilities[said.judged]
        times += said.judged
    if not times.any():
        raise UsageError(
            f"{', '.join(map(judge_name, judges))}: learned from all {len(faces):,} faces of {faces.source}, so they "
            "would only repeat the labels; give runs that each held out a part: "
            "mien train DATA --recipe mien-n --set holdout.method=kfold --set holdout.fold=0, 1, 2, 3 and 4"
        )
    with np.errstate(invalid="ignore"):
        return Judgement(classes, total / times[:, None])  # 0 / 0 is NaN: nobody judged


def judge_name(one: Judge) -> str:
    """Say what a judge is called."""
    if isinstance(one, Bundle):
        return one.card.name
    if isinstance(one, Predictions):
        return one.source
    return str(one.path if isinstance(one, RunDir) else one)


def _ask(one: Judge, faces: FaceSet, *, device: str) -> Judgement:
    if isinstance(one, Predictions):
        return _read(one, faces, source=judge_name(one))
    if isinstance(one, str | Path) and str(one).endswith(".npz"):
        return _read(Predictions.load(Path(one)), faces, source=str(one))
    opened = open_model(one)
    if isinstance(opened, Bundle):
        return _ask_bundle(opened, faces)
    return _ask_run(opened, faces, device=device)


def _ask_bundle(bundle: Bundle, faces: FaceSet) -> Judgement:
    unknown = ~_learned_by(bundle, faces)
    model = BundleModel.open(bundle, device="cpu")
    return _spread(model(faces.images[unknown]), unknown, classes=bundle.classes)


def _learned_by(bundle: Bundle, faces: FaceSet) -> NDArray[np.bool_]:
    """Tell from which faces a bundle may have learned, `bool (N,)`, whatever their labels."""
    in_training = find_duplicates(faces, faces.select(faces.splits == "train"))
    if bundle.card.training.data.fingerprint == faces.fingerprint:
        return in_training
    if bundle.card.scores.data_set is None:
        return np.zeros(len(faces), np.bool_)
    learned = is_training_face(faces.digests)
    if recognise(faces.digests, classes=faces.classes) is not None:
        learned |= in_training  # for another copy of the data set, in which some faces differ
    return learned


def _ask_run(where: RunDir, faces: FaceSet, *, device: str) -> Judgement:
    from mien.models.classifier import load_classifier
    from mien.training.run_data import TrainingRun
    from mien.training.torch_devices import resolve_torch_device

    run = TrainingRun.open(where)
    run.check_trained()
    unknown = ~find_duplicates(faces, run.data.learned)
    classifier = load_classifier(run.path, device=resolve_torch_device(device))
    return _spread(classifier.probabilities(faces.images[unknown]), unknown, classes=classifier.classes)


def _read(predictions: Predictions, faces: FaceSet, *, source: str) -> Judgement:
    """Find the faces of predictions by their ids.

    Raises:
        DataError: a face is not there, or has another label: the predictions are of other data, or of another order.
    """
    rows = find_rows(predictions, faces, source=source)
    absent = np.flatnonzero(rows < 0)
    if absent.size:
        raise DataError(
            f"{source}: has predictions of {absent.size:,} faces that {faces.source} does not have, such as "
            f"{predictions.ids[absent[0]]}; name the data that they were made from"
        )
    unknown = np.ones(len(rows), np.bool_) if predictions.duplicates is None else ~predictions.duplicates
    chosen = np.zeros(len(faces), np.bool_)
    chosen[rows[unknown]] = True
    ordered = predictions.probabilities[unknown][np.argsort(rows[unknown], kind="stable")]
    if chosen.sum() < len(ordered):
        raise DataError(f"{source}: several predictions of one face")
    return _spread(ordered, chosen, classes=predictions.classes)


def _spread(probabilities: NDArray[np.float32], rows: NDArray[np.bool_], *, classes: tuple[str, ...]) -> Judgement:
    """Put the probabilities of the faces at `rows`, a mask `(N,)`, where these are among all faces."""
    spread = np.full((len(rows), len(classes)), np.nan)
    spread[rows] = probabilities
    return Judgement(classes, spread)
