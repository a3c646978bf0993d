"""Distillation: trained runs whose averaged probabilities a student learns.  Axes: `N` faces, `C` classes.

Hinton et al. 2015, arXiv 1503.02531.  Teachers and student see the same augmented faces, anew at each step (Beyer et
al. 2022, arXiv 2106.05237).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mien.core.errors import UsageError
from mien.core.faces import FaceSet
from mien.core.runs import RunDir
from mien.models.classifier import Classifier, load_classifier
from mien.training.config import TrainConfig, stored_config


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
    def probabilities(self, faces: Tensor, *, view: tuple[int, int]) -> Tensor:
        """Average the probabilities for grey levels `(N, 1, 48, 48)`: `float32 (N, C)`, rows that sum to 1."""
        if view in self._remembered:
            return self._remembered[view]
        rows = [classifier(faces).float().softmax(dim=1) for classifier in self.classifiers]
        mean = torch.stack(rows).mean(dim=0)  # (teachers, N, C) → (N, C)
        if self.remember:
            self._remembered[view] = mean
        return mean


def open_teachers(config: TrainConfig, *, faces: FaceSet) -> Teachers | None:
    """Load the classifiers of a config's teachers; None where it has none.

    Args:
        config: the student's.
        faces: all faces of the student's data.

    Raises:
        DataError: no such run, or it has no trained model.
        UsageError: other classes than the student's, or the teacher may have learned from the faces that are held out.
    """
    if not config.teachers:
        return None
    classifiers = [open_member(RunDir.open(run), config, faces=faces) for run in config.teachers]
    return Teachers(classifiers, remember=config.distillation.views > 0)


def teachers_sha256(config: TrainConfig) -> list[str]:
    """Return the SHA-256 of each teacher's `model.safetensors`."""
    weights = (Path(teacher) / "model.safetensors" for teacher in config.teachers)
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in weights]


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
    if classifier.classes != faces.classes:
        raise UsageError(
            f"{run.path}: has the classes {', '.join(classifier.classes)}, expected {', '.join(faces.classes)}"
        )
    rows = run.row_fingerprint
    held_out = stored_config(run).holdout
    if rows != faces.row_fingerprint or held_out != config.holdout:
        raise UsageError(
            f"{run.path}: held out other faces ({held_out} of the rows {rows}), so it has learned from some of those "
            f"that are to judge here ({config.holdout} of the rows {faces.row_fingerprint}); train both with the same "
            "data, votes and holdout"
        )
    return classifier
