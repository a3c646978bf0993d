"""`ensemble`: what several trained runs say together.  Axes: `N` faces, `C` classes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.core.errors import DataError, UsageError
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir, refuse_replacing
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.compare import compare
from mien.evaluation.metrics import accuracy
from mien.evaluation.votes import FLOOR
from mien.training.devices import resolve_device
from mien.training.distillation import open_member
from mien.training.run_data import TrainingRun
from mien.training.temperature import fit_temperature
from mien.workflows.evaluate import classify, mirror, score_and_save


def ensemble(
    runs: Sequence[str | Path],
    *,
    split: str | None = None,
    flip: bool = False,
    name: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    command: Sequence[str] = (),
) -> dict[str, Any]:
    """Score the mean of the probabilities of several runs, calibrated on the faces that all of them held out.

    Args:
        runs: run folders or names, two or more; of any networks, trained on the same data with the same hold-out.
        split: which faces; None as in `evaluate`, by the first run.
        flip: also score the mean over each face and its mirror image.
        name: the folder's name below `runs/ensemble`; by default the number of members and their networks.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace what is in `out`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        command: the command line, to be kept.

    Returns:
        The scores as `evaluate` gives them, with `run`, `members` (run, accuracy), `temperature` and `over_best`: the
        ensemble compared with its best member on the same faces, as `compare` gives it.

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
    where = resolve_device(device)
    classifiers = [open_member(member, config, faces=data.faces, device=where) for member in members]
    held_out = data.held_out
    split = split or members[0].default_split
    judged = data.split(split)
    if not judged.labelled.any():
        raise DataError(f"{judged.source}: none of the {len(judged):,} faces of split '{split}' has a label")
    networks = "+".join(dict.fromkeys(classifier.model for classifier in classifiers))
    run = RunDir.create("ensemble", name=name or f"{len(members)}-{networks}", out=out, overwrite=overwrite)
    given = {"members": [str(member.path) for member in members], "split": split, "flip": flip}
    write_json(
        run.path / "config.json", {"schema_version": SCHEMA_VERSION, "command": list(command), "ensemble": given}
    )
    known = [classify(each, held_out) for each in classifiers]
    temperature = fit_temperature(_log_mean(known), torch.as_tensor(held_out.targets))
    alone = known if split == "validation" else [classify(each, judged) for each in classifiers]
    together = _average(alone, temperature)
    mirrored = _average([classify(each, mirror(judged)) for each in classifiers], temperature) if flip else None
    folder = run.path / "eval" / split
    scores = score_and_save(together, mirrored=mirrored, faces=judged, split=split, learned=data.learned, folder=folder)
    accuracies = [accuracy(each) for each in alone]
    best = int(np.argmax(accuracies))
    result = {
        "members": [
            {"run": str(member.path), "accuracy": accuracy}
            for member, accuracy in zip(members, accuracies, strict=True)
        ],
        "temperature": temperature,
        "over_best": compare(alone[best], together, names=(str(members[best].path), "the ensemble")),
    }
    write_json(run.path / "ensemble.json", {"schema_version": SCHEMA_VERSION, "split": split, **result})
    return {"run": str(run.path), **scores, **result}


def _average(said: Sequence[Predictions], temperature: float) -> Predictions:
    """Average what several say of the same faces, and make the mean as sure as `temperature` says."""
    probabilities = (_log_mean(said) / temperature).softmax(dim=1).float().numpy()
    return replace(said[0], probabilities=probabilities)


def _log_mean(said: Sequence[Predictions]) -> torch.Tensor:
    """Take the logarithm of the mean probabilities: `float64 (N, C)`."""
    mean = np.mean([each.probabilities for each in said], axis=0, dtype=np.float64)
    return torch.as_tensor(np.maximum(mean, FLOOR)).log()
