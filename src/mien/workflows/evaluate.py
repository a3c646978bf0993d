"""`evaluate`: what a trained run says of faces, and how right it is.  Axes: `N` faces, `K` examples."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.core.faces import FaceSet
from mien.core.files import read_json, write_arrays, write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.data.formats import absolute_source, open_faces
from mien.data.matching import check_classes, match
from mien.data.split import copies_of
from mien.evaluation.examples import choose_cell_faces, choose_examples
from mien.evaluation.metrics import evaluate as score
from mien.models.classifier import Classifier, load_classifier
from mien.training.devices import resolve_device
from mien.training.run_data import TrainingRun

FLIP_SCORES = ("accuracy", "accuracy_interval", "macro_f1", "ece", "log_loss")
"""What is scored of the mean over a face and its mirror image."""


def classify(classifier: Classifier, faces: FaceSet) -> Predictions:
    """Say what a network makes of faces; labels of classes that it has not count as unknown."""
    return match(faces, classifier.probabilities(faces.images), classes=classifier.classes)


def evaluate(
    run: str | Path | RunDir,
    *,
    split: str | None = None,
    data: str | None = None,
    targets: str | None = None,
    votes: str | None = None,
    flip: bool = False,
    device: str = "auto",
    skip_bad: bool = False,
) -> dict[str, Any]:
    """Score a trained run on one split and keep predictions, scores and example faces in `eval/<split>/`.

    Args:
        run: the run folder, its name, or `latest`.
        split: which faces; `validation` is what the run held out.  None takes `test`, or `validation` where the run's
            data have no labelled test faces.
        data: other data than the run's own; the results lie in `eval/<name of the data>-<split>/`.
        targets: a file `id,label` with the labels of unlabelled `data`.
        votes: FER+ votes of `data`.
        flip: also score the mean of what the run says of each face and of its mirror image.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        skip_bad: leave out pictures of `data` that can't be read, with a warning each.

    Returns:
        The scores; `docs/metrics.md` defines them.

    Raises:
        DataError: no such run or split, no labels, a class that the run has not, or the run's own data have changed.
        UsageError: `targets` or `votes` without `data`; no such device; or another process is at work in the run.
    """
    if data is None and (targets or votes):
        raise UsageError("--targets and --votes belong to other data; name the faces with --data")
    run = TrainingRun.open(run)
    run.check_trained()
    with run.locked():
        if data is not None:
            split = split or "test"
            opened = open_faces(
                absolute_source(data), targets=targets, votes=votes, labels=run.config.labels, skip_bad=skip_bad
            )
            faces = opened.split(split)
            name = f"{Path(data).stem}-{split}".replace(":", "-")
            name = _free_name(run.path / "eval", name, source=faces.source, taken=run.data.faces.splits)
            check_classes(faces, known=run.data.faces.classes)
        else:
            name = split = split or run.default_split
            faces = run.data.split(split)
        classifier = load_classifier(run.path, device=resolve_device(device))
        return score_and_save(
            classify(classifier, faces),
            mirrored=classify(classifier, mirror(faces)) if flip else None,
            faces=faces,
            split=split,
            learned=run.data.learned,
            folder=run.path / "eval" / name,
        )


def _free_name(folder: Path, name: str, *, source: str, taken: NDArray[np.str_]) -> str:
    """Add `-2`, `-3` to a name while it is one of the run's own splits, or the scores there are those of other data."""
    for number in itertools.count(1):
        numbered = name if number == 1 else f"{name}-{number}"
        scores = folder / numbered / "metrics.json"
        if numbered not in taken and (not scores.exists() or read_json(scores).get("source") == source):
            return numbered
    raise AssertionError("there is always a next number")


def mirror(faces: FaceSet) -> FaceSet:
    """Turn each face into its mirror image."""
    return replace(faces, images=faces.images[:, :, ::-1])


def score_and_save(
    predictions: Predictions,
    *,
    mirrored: Predictions | None,
    faces: FaceSet,
    split: str,
    learned: FaceSet,
    folder: Path,
) -> dict[str, Any]:
    """Score predictions, and keep them, the scores and example faces in `folder`.

    Args:
        predictions: of `faces`.
        mirrored: of their mirror images, to score the mean of both too, as `flip` of the result; or None.
        faces: N labelled faces.
        split: which they are.
        learned: the faces that were learned from.
        folder: is made.
    """
    predictions = replace(predictions, copies=copies_of(faces, learned))
    scores = {"split": split, **score(predictions)}
    if mirrored is not None:
        views = (predictions.probabilities + mirrored.probabilities) / 2
        both = score(replace(predictions, probabilities=views.astype(np.float32)))
        scores["flip"] = {key: both[key] for key in FLIP_SCORES}
    predictions.save(folder / "predictions.npz")
    for file, rows in (
        ("examples.npz", choose_examples(predictions, digests=faces.digests)),
        ("cells.npz", choose_cell_faces(predictions, digests=faces.digests)),
    ):
        write_arrays(folder / file, {"rows": rows, "images": faces.images[rows]})
    write_json(folder / "metrics.json", scores)
    return scores
