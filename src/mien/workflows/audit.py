"""`audit_labels`: which labels of a data set are probably wrong, and which faces are copies, or none.

Axes: `N` faces, `C` classes.
"""

import csv
import io
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from mien.core.data_summary import DuplicatesAcross
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_atomic
from mien.core.label_audit import CopiedFace, DoubtfulFace, LabelAudit, Reason, digest_text
from mien.core.progress import OnProgress, Progress
from mien.core.runs import RunDir, refuse_if_full
from mien.core.text import spreadsheet_cell
from mien.data.copies import CopyKind, find_copies, kind_of_copy
from mien.data.formats import LabelSource, open_faces
from mien.evaluation.label_scores import SUSPECT, label_agreement, label_scores
from mien.reporting.label_audit import audit_page
from mien.runtime.detect import YuNet
from mien.runtime.photo import face_finder
from mien.workflows.label_judges import Judge, Judgement, judge, judge_name

NO_FACE = 0.15
"""A picture in which the detector is less confident of any face has none.  That, or a single grey level, is so for 91
of FER2013's 32,298; for 63 of them most annotators say the same, who say so of 161."""

DOUBTFUL_COLUMNS = ("digest", "id", "split", "label", "probable_label", "score", "reason")
COPY_COLUMNS = ("picture", "kind", "digest", "id", "split", "label")


def audit_labels(
    data: str | Path | FaceSet,
    *,
    model: Judge | Sequence[Judge],
    targets: str | Path | None = None,
    labels: LabelSource = "own",
    votes: str | Path | None = None,
    classes: Sequence[str] | None = None,
    detect: bool = False,
    skip_bad: bool = False,
    device: str = "auto",
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: OnProgress | None = None,
) -> LabelAudit:
    """Find the faces that are probably mislabelled, that are copies with different labels, or that are no faces.

    A label is suspect if networks that did not learn from the face find another one far more probable.  To have all
    faces of a data set judged, train on folds of it (`holdout.method=kfold`) and name all those runs.

    Kept in a folder: `audit.csv`, the doubtful faces, which `exclude` leaves out of a training; `copies.csv`, all faces
    of which there are several; `audit.html`, a page to look through; `audit.json`.

    Args:
        data: a file, a folder or `synthetic`, as `open_faces` takes it; or faces that are open already.
        model: who judges: a bundle; a run; predictions or a file of them, such as `eval/test/predictions.npz` of a
            run; or several.  Each judges the faces that it did not learn from, so far as mien can know.
        targets: as in `open_faces`, like the next five; they don't go with a `FaceSet`.
        labels: `own` or `ferplus`.
        votes: a FER+ file.
        classes: the names of classes that the data only number.
        detect: cut out the largest face of each picture, as `predict` finds it.
        skip_bad: leave out pictures that can't be read.
        device: on which runs compute: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        name: the folder's name below `runs/audit`; by default that of the data.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the audit that is in `out`.
        progress: called with how far the search for faces is.

    Raises:
        DataError: as `open_faces`; no face has a label; no such model, or one that doesn't know a label; predictions of
            other faces.
        UsageError: models with different classes, or that learned from all faces; or `out` is not empty.
    """
    judges = [model] if isinstance(model, Judge) else list(model)
    if not judges:
        raise UsageError("no model: name who is to judge the labels")
    if out is not None:
        refuse_if_full(Path(out).absolute(), overwrite=overwrite)
    if isinstance(data, FaceSet):
        faces = data
    else:
        faces = open_faces(
            data,
            targets=targets,
            votes=votes,
            labels=labels,
            classes=classes,
            find_face=face_finder() if detect else None,
            skip_bad=skip_bad,
        )
    if not faces.labelled.any():
        raise DataError(f"{faces.source}: none of the {len(faces):,} faces has a label to audit")
    judgement = judge(faces, judges, device=device)
    codes = _codes(faces, judgement)
    judged = faces.labelled & judgement.judged
    agreement = label_agreement(judgement.probabilities[judged], codes[judged])
    first = find_copies(faces)
    none = _find_no_faces(faces, progress=progress)
    run = RunDir.create("audit", name=name or Path(faces.source).stem.replace(":", "-"), out=out, overwrite=overwrite)
    with run.replacing():
        audit = LabelAudit(
            folder=str(run.path),
            source=faces.source,
            synthetic=faces.synthetic,
            fingerprint=faces.fingerprint,
            models=tuple(map(judge_name, judges)),
            faces=len(faces),
            labelled=int(faces.labelled.sum()),
            judged=int(judged.sum()),
            doubtful=_doubtful(
                faces,
                judgement,
                codes=codes,
                first=first,
                none=none,
                suspects=agreement is None or agreement.is_better,
            ),
            copies=_copies(faces, first),
            copies_across=_across(faces, first),
            agreement=agreement,
        )
        _write_table(run.path / "audit.csv", DOUBTFUL_COLUMNS, [_row(face) for face in audit.doubtful])
        copied = [[getattr(face, column) for column in COPY_COLUMNS] for face in audit.copies]
        _write_table(run.path / "copies.csv", COPY_COLUMNS, copied)
        pictures = dict(zip(map(digest_text, faces.digests.tolist()), faces.images, strict=True))
        write_atomic(run.path / "audit.html", audit_page(audit, pictures))
        audit.write(run.path / "audit.json")
    return audit


def _find_no_faces(faces: FaceSet, *, progress: OnProgress | None) -> NDArray[np.bool_]:
    """Find faces with a single grey level, and those in which the detector sees nothing: `bool (N,)`."""
    detector = YuNet(min_probability=NO_FACE)
    none = np.zeros(len(faces), np.bool_)
    for place, image in enumerate(faces.images):
        none[place] = image.min() == image.max() or not detector.detect(np.repeat(image[:, :, None], 3, axis=2))
        if progress:
            progress(Progress("looking for faces", place + 1, len(faces), "faces"))
    return none


def _codes(faces: FaceSet, judgement: Judgement) -> NDArray[np.int64]:
    """Return the label of each face as a number among the judges' classes: `int64 (N,)`; -1 without one."""
    known = [judgement.classes.index(name) if name in judgement.classes else -1 for name in faces.classes]
    return np.where(faces.labelled, np.array(known)[faces.targets], -1)


def _doubtful(
    faces: FaceSet,
    judgement: Judgement,
    *,
    codes: NDArray[np.int64],
    first: NDArray[np.int64],
    none: NDArray[np.bool_],
    suspects: bool,
) -> tuple[DoubtfulFace, ...]:
    """Put the doubtful faces together: by score, those without one at the end; `suspects` if a label may be wrong."""
    scores = np.full(len(faces), np.nan)
    scored = faces.labelled & judgement.judged
    scores[scored] = label_scores(judgement.probabilities[scored], codes[scored])
    conflicting = _conflicting(faces, first)
    found = []
    for place in np.argsort(scores, kind="stable").tolist():  # NaN comes last
        reasons: list[Reason] = []
        if none[place]:
            reasons.append("no face")
        if suspects and scores[place] <= SUSPECT:
            reasons.append("label")
        if conflicting[place]:
            reasons.append("conflict")
        if not reasons:
            continue
        judged = judgement.judged[place]
        probable = judgement.classes[judgement.probabilities[place].argmax()] if judged else None
        found.append(
            DoubtfulFace(
                **_identity(faces, place),
                probable_label=probable,
                score=round(float(scores[place]), 4) if scored[place] else None,
                reasons=tuple(reasons),
            )
        )
    return tuple(found)


class _Identity(TypedDict):
    digest: str
    id: str
    split: str
    label: str | None


def _identity(faces: FaceSet, place: int) -> _Identity:
    """Say which face it is, and its label."""
    target = faces.targets[place]
    return {
        "digest": digest_text(int(faces.digests[place])),
        "id": str(faces.ids[place]),
        "split": str(faces.splits[place]),
        "label": faces.classes[target] if faces.labelled[place] else None,
    }


def _conflicting(faces: FaceSet, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find labelled faces of which a copy has another label: `bool (N,)`."""
    pairs = np.unique(np.stack([first, faces.targets], axis=1)[faces.labelled], axis=0)
    pictures, labels = np.unique(pairs[:, 0], return_counts=True)
    conflicting: NDArray[np.bool_] = np.isin(first, pictures[labels > 1]) & faces.labelled
    return conflicting


def _copies(faces: FaceSet, first: NDArray[np.int64]) -> tuple[CopiedFace, ...]:
    found = []
    shown = np.bincount(first, minlength=len(faces))
    for number, picture in enumerate(np.flatnonzero(shown > 1).tolist(), 1):
        for place in np.flatnonzero(first == picture).tolist():
            kind: Literal["first"] | CopyKind = "first" if place == picture else kind_of_copy(faces, place, picture)
            found.append(CopiedFace(picture=number, kind=kind, **_identity(faces, place)))
    return tuple(found)


def _across(faces: FaceSet, first: NDArray[np.int64]) -> tuple[DuplicatesAcross, ...]:
    """Count, for each pair of splits, the faces of the later one that have a copy in the other."""
    names, places = np.unique(faces.splits, return_index=True)
    across = []
    for other, split in combinations(names[np.argsort(places)].tolist(), 2):
        shared = np.isin(first[faces.splits == split], first[faces.splits == other])
        across.append(DuplicatesAcross(split=split, other=other, faces=int(shared.sum())))
    return tuple(across)


def _row(face: DoubtfulFace) -> list[object]:
    known = [face.digest, face.id, face.split, face.label, face.probable_label, face.score]
    return [*known, " + ".join(face.reasons)]


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([spreadsheet_cell(value) for value in row])
    write_atomic(path, text.getvalue())
