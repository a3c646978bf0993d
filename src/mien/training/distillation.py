"""Distillation: trained runs whose averaged probabilities a student learns.  Axes: `N` faces, `C` classes.

Hinton et al. 2015, arXiv 1503.02531.  Teachers and student see the same augmented faces, anew at each step (Beyer et
al. 2022, arXiv 2106.05237); where faces are corrupted or covered, teachers see them before that.  Files of
predictions cost nothing at a step, and can come from networks that did not learn from the faces that they teach.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.data.matching import find_rows
from mien.models.classifier import Classifier, load_classifier
from mien.training.config import TrainConfig, stored_config
from mien.training.initial import Pretrained, open_pretrained
from mien.training.run_data import RunData


class Teaching(Protocol):
    """What says, at each step, what a student is to learn."""

    def to(self, device: torch.device) -> None:
        """Move to the device on which the student learns."""

    def probabilities(self, faces: Tensor, *, rows: Tensor, view: tuple[int, int]) -> Tensor:
        """Give targets `float32 (N, C)`, rows that sum to 1.

        Args:
            faces: grey levels `(N, 1, 48, 48)`, augmented, not corrupted.
            rows: which of the learned faces they are, `int64 (N,)`.
            view: the epoch and the batch's number in it.
        """
        ...


class Teachers:
    """Trained classifiers that stay as they are; no `nn.Module`, so that no checkpoint of the student holds them.

    With `remember` they classify each view of a batch once; a view is an epoch and a batch's number in it.
    """

    def __init__(self, classifiers: Sequence[Classifier], *, remember: bool = False) -> None:
        self.classifiers, self.remember = classifiers, remember
        self._remembered: dict[tuple[int, int], Tensor] = {}

    def __deepcopy__(self, memo: object) -> "Teachers":
        """Stay the same: averaged weights are a copy of the student, not of all that it learns from."""
        return self

    def to(self, device: torch.device) -> None:
        """Move all teachers to a device."""
        for classifier in self.classifiers:
            classifier.to(device)

    @torch.no_grad()
    def probabilities(self, faces: Tensor, *, rows: Tensor, view: tuple[int, int]) -> Tensor:
        """Average the probabilities for the augmented faces; see `Teaching`."""
        if view in self._remembered:
            return self._remembered[view]
        each = [classifier(faces).float().softmax(dim=1) for classifier in self.classifiers]
        mean = torch.stack(each).mean(dim=0)  # (teachers, N, C) → (N, C)
        if self.remember:
            self._remembered[view] = mean
        return mean


class PredictedTargets:
    """Probabilities that were predicted beforehand, one row for each face that is learned: `float32 (N, C)`."""

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def to(self, device: torch.device) -> None:
        """Move the table to a device."""
        self.table = self.table.to(device)

    def probabilities(self, faces: Tensor, *, rows: Tensor, view: tuple[int, int]) -> Tensor:
        """Look the faces' rows up; see `Teaching`."""
        return self.table[rows]


def open_teachers(data: RunData) -> Teaching | None:
    """Load the runs, or the files of predictions, that a config names as teachers; None where it names none.

    Args:
        data: the student's faces and config.

    Raises:
        DataError: no such run, file or `init`, a run has no trained model, or a learned face has no prediction.
        UsageError: other classes than the student's, runs and files together, or a run may have learned from the faces
            that are held out.
    """
    config = data.config
    pretrained = teaching_init(config)
    if pretrained:
        check_classes(pretrained.classifier, data.faces, source=pretrained.place)
        return Teachers([pretrained.classifier], remember=config.distillation.views > 0)
    if not config.teachers:
        return None
    files = [Path(teacher) for teacher in config.teachers if Path(teacher).is_file()]
    if not files:
        classifiers = [open_member(RunDir.open(run), config, faces=data.faces) for run in config.teachers]
        return Teachers(classifiers, remember=config.distillation.views > 0)
    if len(files) < len(config.teachers):
        raise UsageError("teachers are either runs or files of predictions, not both; leave one kind out")
    return PredictedTargets(_targets(files, data.learned))


def teaching_init(config: TrainConfig) -> Pretrained | None:
    """Load the network that a training begins with, where it also teaches."""
    return open_pretrained(config) if config.distillation.from_init else None


def check_classes(teacher: Classifier, faces: FaceSet, *, source: Path | str) -> None:
    """Raise `UsageError` if a network has other classes than the faces, or in another order."""
    if teacher.classes != faces.classes:
        raise UsageError(f"{source}: has the classes {', '.join(teacher.classes)}, expected {', '.join(faces.classes)}")


def _targets(files: Sequence[Path], learned: FaceSet) -> Tensor:
    """Give each learned face the mean of its predictions in the files: `float32 (N, C)`."""
    total = np.zeros((len(learned), len(learned.classes)))
    times = np.zeros(len(learned))
    for file in files:
        predicted = Predictions.load(file)
        if predicted.classes != learned.classes:
            raise UsageError(
                f"{file}: has the classes {', '.join(predicted.classes)}, expected {', '.join(learned.classes)}"
            )
        rows = find_rows(predicted, learned, source=file)
        known = rows >= 0
        np.add.at(total, rows[known], predicted.probabilities[known])
        np.add.at(times, rows[known], 1)
    missing = np.flatnonzero(times == 0)
    if missing.size:
        raise DataError(
            f"{learned.source}: no prediction for {missing.size:,} of the {len(learned):,} faces that are learned, "
            f"such as {learned.ids[missing[0]]}; name files that have them all"
        )
    return torch.from_numpy((total / times[:, None]).astype(np.float32))


def teachers_sha256(config: TrainConfig) -> list[str]:
    """Return the SHA-256 of each teacher's `model.safetensors`, or of the file of predictions."""
    pretrained = teaching_init(config)
    hashes = [pretrained.sha256] if pretrained else []
    for teacher in config.teachers:
        path = Path(teacher)
        if path.is_dir():
            path = path / "model.safetensors"
        hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return hashes


def open_member(run: RunDir, config: TrainConfig, *, faces: FaceSet, device: str = "cpu") -> Classifier:
    """Load a trained run that has the same classes, and held out the same faces, as another.

    Args:
        run: the run.
        config: the other's.
        faces: all faces of the other's data.
        device: where the classifier goes.

    Raises:
        DataError: the run has no trained model.
        UsageError: it has other classes, or may have learned from the faces that the other held out.
    """
    run.check_trained()
    classifier = load_classifier(run.path, device=device)
    check_classes(classifier, faces, source=run.path)
    rows = run.row_fingerprint
    held_out = stored_config(run).holdout
    if rows != faces.row_fingerprint or held_out != config.holdout:
        raise UsageError(
            f"{run.path}: held out other faces ({held_out} of the rows {rows}), so it has learned from some of those "
            f"that are to judge here ({config.holdout} of the rows {faces.row_fingerprint}); train both with the same "
            "data, votes and holdout"
        )
    return classifier
