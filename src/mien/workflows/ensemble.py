"""`ensemble`: the mean of the probabilities of several trained runs.  Axes: `N` faces, `C` classes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mien.core import command_line
from mien.core.ensemble import Ensemble, EnsembleMember
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir, refuse_if_full, refuse_replacing
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.compare import compare_predictions
from mien.evaluation.metrics import accuracy
from mien.evaluation.votes import FLOOR
from mien.models.classifier import Classifier
from mien.training.calibration import fit_temperature
from mien.training.distillation import open_member
from mien.training.run_data import TrainingRun
from mien.training.torch_devices import resolve_torch_device
from mien.workflows.evaluate import classify, mirror, score_and_save


def ensemble(
    runs: Sequence[str | Path],
    *,
    split: str | None = None,
    flip: bool = False,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
) -> Ensemble:
    """Score the mean of the probabilities of several runs, calibrated on the faces that all of them held out.

    Args:
        runs: run folders or names, two or more; of any networks, trained on the same data with the same hold-out.
        split: which faces; None as in `evaluate`, by the first run.
        flip: also score the mean of the logits of each face and of its mirror image.
        name: the folder's name below `runs/ensemble`; by default the number of members and their networks.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace what is in `out`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        DataError: no such run or split, or the runs' data have changed.
        UsageError: fewer than two runs, other classes, other faces held out, or `out` is one of them.
    """
    members = [TrainingRun.open(run) for run in runs]
    if len({member.path for member in members}) < max(2, len(members)):
        raise UsageError("an ensemble has two or more different runs: mien ensemble runs/train/a runs/train/b")
    refuse_replacing(out, members)
    members[0].check_trained()
    config, data = members[0].config, members[0].data
    where = resolve_torch_device(device)
    classifiers = [open_member(member, config, faces=data.faces, device=where) for member in members]
    split = split or members[0].default_split
    faces = data.split(split)
    if not faces.labelled.any():
        raise DataError(f"{faces.source}: none of the {len(faces):,} faces of split '{split}' has a label")
    networks = "+".join(dict.fromkeys(classifier.model for classifier in classifiers))
    if out is not None:
        refuse_if_full(Path(out).absolute(), overwrite=overwrite)
    on_held_out = _classify_all(classifiers, data.held_out)
    temperature = fit_temperature(_log_mean(on_held_out), torch.as_tensor(data.held_out.targets))
    alone = on_held_out if split == "validation" else _classify_all(classifiers, faces)
    together = _average(alone, temperature)
    mirrored = None
    if flip:
        mirrored = _average(_classify_all(classifiers, mirror(faces)), temperature)
    described = [
        EnsembleMember(model=member.model_id, run=str(member.path), accuracy=accuracy(predictions))
        for member, predictions in zip(members, alone, strict=True)
    ]
    best = int(np.argmax([member.accuracy for member in described]))
    over_best = compare_predictions(
        alone[best],
        together,
        names=(described[best].run, "the ensemble"),
        models=(described[best].model, None),
    )
    run = RunDir.create("ensemble", name=name or f"{len(members)}-{networks}", out=out, overwrite=overwrite)
    with run.replacing():
        given = {"members": [str(member.path) for member in members], "split": split, "flip": flip}
        write_json(
            run.path / "config.json",
            {"schema_version": SCHEMA_VERSION, "command": list(command_line.typed), "ensemble": given},
        )
        scores = score_and_save(
            together,
            mirrored=mirrored,
            faces=faces,
            split=split,
            training=data.training_beside(split),
            model=None,
            folder=run.path / "eval" / split,
        )
        result = Ensemble(
            members=tuple(described),
            run=str(run.path),
            temperature=temperature,
            scores=scores,
            over_best=over_best,
        )
        result.write(run.path / "ensemble.json")
    return result


def _classify_all(classifiers: Sequence[Classifier], faces: FaceSet) -> list[Predictions]:
    return [classify(classifier, faces) for classifier in classifiers]


def _average(predictions: Sequence[Predictions], temperature: float) -> Predictions:
    """Average several predictions of the same faces, and calibrate the mean by a temperature."""
    probabilities = (_log_mean(predictions) / temperature).softmax(dim=1).float().numpy()
    return replace(predictions[0], probabilities=probabilities)


def _log_mean(predictions: Sequence[Predictions]) -> torch.Tensor:
    """Take the logarithm of the mean probabilities: `float64 (N, C)`."""
    mean = np.mean([one.probabilities for one in predictions], axis=0, dtype=np.float64)
    return torch.as_tensor(np.maximum(mean, FLOOR)).log()
