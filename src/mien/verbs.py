"""The verbs that need several parts of mien at once: predict, evaluate, study.  Axes: `N` faces, `K` examples."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError, nearest
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.files import write_atomic, write_json
from mien.core.predictions import Predictions
from mien.core.rundir import RunDir
from mien.core.talk import Talk
from mien.data.pictures import OnBad
from mien.data.sniff import open_faces
from mien.data.split import copies_of
from mien.evaluation.examples import choose_examples
from mien.evaluation.metrics import evaluate as score
from mien.models.classifier import load_classifier
from mien.reporting.build import report
from mien.training.devices import resolve_device
from mien.training.fit import split_faces
from mien.training.start import load_faces, stored_config, train


def predict(
    run: str | Path | RunDir,
    data: str | Path | FaceSet,
    *,
    split: str | None = None,
    device: str = "auto",
    on_bad: OnBad | None = None,
) -> Predictions:
    """Classify faces with a trained run.

    Args:
        run: the run folder, its name, or `latest`.
        data: what `open_faces` reads, or faces.
        split: only these faces (`"test"`, `"test,private-test"`); None takes all.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        on_bad: told of each unreadable picture, which is then left out; None raises at the first.

    Raises:
        DataError: no such run, the data are malformed, or they have a class that the run has not.
        UsageError: no such device.
    """
    run = run if isinstance(run, RunDir) else RunDir.open(run)
    classifier = load_classifier(run.path, device=resolve_device(device))
    faces = data if isinstance(data, FaceSet) else open_faces(data, on_bad=on_bad)
    faces = faces if split is None else faces.split(split)
    return Predictions(
        probabilities=classifier.probabilities(faces.images),
        classes=classifier.classes,
        ids=faces.ids,
        targets=_targets_in(classifier.classes, faces),
        votes=faces.votes,
        vote_names=faces.vote_names,
        source=faces.source,
        synthetic=faces.synthetic,
    )


def _targets_in(classes: tuple[str, ...], faces: FaceSet) -> NDArray[np.int64] | None:
    """Express the faces' targets as places in the classifier's `classes`, matched by name."""
    if not faces.labelled.any():
        return None
    places = np.full(len(faces.classes) + 1, UNLABELLED)  # the last place is UNLABELLED's
    for label in np.unique(faces.targets[faces.labelled]):
        name = faces.classes[label]
        if name not in classes:
            raise DataError(f"{faces.source}: class '{name}' is none of the run's, {nearest(name, classes)}")
        places[label] = classes.index(name)
    return places[faces.targets]


def evaluate(
    run: str | Path | RunDir,
    *,
    split: str = "test",
    data: str | None = None,
    targets: str | None = None,
    votes: str | None = None,
    device: str = "auto",
    on_bad: OnBad | None = None,
) -> dict[str, Any]:
    """Score a trained run on one split and keep predictions, scores and example faces in `eval/<split>/`.

    Args:
        run: the run folder, its name, or `latest`.
        split: which faces; `validation` is what the run held out.
        data: other data than the run's own.
        targets: a file `id,label` with the labels of unlabelled `data`.
        votes: FER+ votes of `data`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        on_bad: told of each unreadable picture, which is then left out; None raises at the first.

    Returns:
        The scores; `docs/metrics.md` defines them.

    Raises:
        DataError: no such run or split, no labels, or the run's own data have changed.
        UsageError: `targets` or `votes` without `data`; no such device.
    """
    if data is None and (targets or votes):
        raise UsageError("--targets and --votes belong to other data; name the faces with --data")
    run = run if isinstance(run, RunDir) else RunDir.open(run)
    own = _own_faces(run, on_bad=on_bad)
    learned, held_out = split_faces(stored_config(run), own)
    if data is not None:
        faces = open_faces(data, targets=targets, votes=votes, on_bad=on_bad).split(split)
    else:
        faces = held_out if split == "validation" else own.split(split)
    predictions = replace(predict(run, faces, device=device), copies=copies_of(faces, learned))
    scores = score(predictions)
    folder = run.path / "eval" / split
    predictions.save(folder / "predictions.npz")
    _save_examples(folder / "examples.npz", predictions, faces=faces)
    write_json(folder / "metrics.json", scores)
    return scores


def _own_faces(run: RunDir, *, on_bad: OnBad | None) -> FaceSet:
    faces = load_faces(stored_config(run), on_bad=on_bad)
    expected = run.read_json("config.json")["data"]["fingerprint"]
    if faces.fingerprint != expected:
        raise DataError(
            f"{faces.source}: fingerprint {faces.fingerprint}, but the run learned from {expected}; "
            "put the old file back: scores need to know what was learned from"
        )
    return faces


def _save_examples(path: Path, predictions: Predictions, *, faces: FaceSet) -> None:
    rows = choose_examples(predictions)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, rows=rows, images=faces.images[rows])
    write_atomic(path, buffer.getvalue())


def study(
    data: str,
    *,
    recipe: str,
    settings: Sequence[str] = (),
    name: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    command: Sequence[str] = (),
    on_bad: OnBad | None = None,
    talk: Talk | None = None,
    **flags: Any,
) -> RunDir:
    """Do the whole experiment in one run folder: describe the data, train, evaluate, report.

    Takes what `train` takes.  Scores the split `test`, or the held-out rows where the data have no labelled test rows.

    Raises:
        MienError: as `train`, `evaluate` and `report` do.
    """
    run = train(
        data,
        recipe=recipe,
        settings=settings,
        name=name,
        out=out,
        overwrite=overwrite,
        verb="study",
        command=command,
        on_bad=on_bad,
        talk=talk,
        **flags,
    )
    faces = _own_faces(run, on_bad=on_bad)
    tested = faces.select(faces.labelled & (faces.splits == "test"))
    evaluate(
        run, split="test" if len(tested) else "validation", device=str(flags.get("device") or "auto"), on_bad=on_bad
    )
    report(run)
    return run
