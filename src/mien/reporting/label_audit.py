"""The page of an audit of labels: contact sheets of doubtful faces.  Axes: `C` classes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from mien.core.label_audit import CopiedFace, DoubtfulFace, LabelAudit
from mien.reporting.build import templates
from mien.reporting.formatting import count, percent, plural
from mien.reporting.pictures import grey_png
from mien.reporting.view import Values

FACES_SHOWN = 18
"""Of each pair of labels: two rows of a wide page."""

NO_FACES_SHOWN = 100
PICTURES_SHOWN = 40

Pictures = Mapping[str, NDArray[np.uint8]]


def audit_page(audit: LabelAudit, pictures: Pictures) -> str:
    """Make a page without scripts that needs no other file and no network.

    Args:
        audit: what was found.
        pictures: the faces, `uint8 (48, 48)`, by their digests.
    """
    suspect = [face for face in audit.doubtful if "label" in face.reasons]
    none = [face for face in audit.doubtful if "no face" in face.reasons]
    groups = [list(group) for _, group in groupby(audit.copies, key=lambda face: face.picture)]
    conflicts = [group for group in groups if len({face.label for face in group} - {None}) > 1]
    leaks = [group for group in groups if len({face.split for face in group}) > 1 and not _all_exact(group)]
    return (
        templates()
        .get_template("audit.html")
        .render(
            title="Label audit",
            name=PurePath(audit.source).name,
            source=audit.source,
            models=audit.models,
            synthetic=audit.synthetic,
            sentences=list(_sentences(audit)),
            tiles=_tiles(audit),
            sections=[
                {"anchor": "mislabelled", "title": "Probably mislabelled"},
                {"anchor": "conflicts", "title": "Copies with different labels"},
                {"anchor": "no-face", "title": "No face"},
                {"anchor": "copies", "title": "Near copies across splits"},
            ],
            judges_may_guess=audit.judges_may_guess,
            matrix=_matrix(suspect),
            labels=list(_by_label(suspect, pictures)),
            conflicts=_groups(conflicts, pictures),
            no_faces=[_show(face, pictures) for face in none[:NO_FACES_SHOWN]],
            no_faces_left=max(len(none) - NO_FACES_SHOWN, 0),
            leaks=_groups(leaks, pictures),
        )
    )


def _all_exact(group: Sequence[CopiedFace]) -> bool:
    return all(face.kind in ("first", "exact") for face in group)


def _sentences(audit: LabelAudit) -> Iterator[str]:
    """Say what was found, and what it does not mean."""
    suspect = audit.count("label")
    yield (
        f"{count(audit.judged)} of {plural(audit.labelled, 'label')} were judged by networks that, so far as mien can "
        "know, did not learn from the face."
    )
    agreement = audit.agreement
    if agreement is not None and not agreement.is_better:
        yield (
            "But the networks and the labels may have nothing to do with each other: the networks give a face’s label "
            f"a probability of {percent(agreement.probability)} on average, and would give labels dealt at random "
            f"{percent(agreement.at_random)}. Either they don’t know these expressions, or the labels are wrong "
            "throughout, in another order than the faces for example. So no label is called wrong."
        )
    elif suspect:
        share = percent(suspect / audit.judged)
        yield (
            f"For {count(suspect)} of them ({share}) another label is far more probable. Networks err too, above all "
            "where expressions are mixed: look before you leave faces out, and delete the lines of right labels from "
            "audit.csv."
        )
    elif audit.judged:
        yield "None of these labels is clearly contradicted."
    if audit.labelled > audit.judged:
        yield f"Nobody judged the other {plural(audit.labelled - audit.judged, 'label')}."


def _tiles(audit: LabelAudit) -> list[Values]:
    across = sum(pair.faces for pair in audit.copies_across)
    return [
        {
            "name": "Probably mislabelled",
            "value": "–" if audit.judges_may_guess else count(audit.count("label")),
            "note": "can’t be told" if audit.judges_may_guess else "another label is likelier",
        },
        {"name": "Conflicts", "value": count(audit.count("conflict")), "note": "a copy has another label"},
        {"name": "No face", "value": count(audit.count("no face")), "note": "blank, or nothing for the detector"},
        {"name": "Copies across splits", "value": count(across), "note": "exact, near and mirrored ones"},
    ]


def _matrix(suspect: Sequence[DoubtfulFace]) -> Values | None:
    """Count suspect labels: a row for each given label, a column for each probable one; None without any."""
    if not suspect:
        return None
    counts: dict[tuple[str, str], int] = {}
    for face in suspect:
        pair = (str(face.label), str(face.probable_label))
        counts[pair] = counts.get(pair, 0) + 1
    given = sorted({pair[0] for pair in counts})
    probable = sorted({pair[1] for pair in counts})
    most = max(counts.values())
    rows = []
    for label in given:
        cells = [(counts.get((label, other), 0), counts.get((label, other), 0) / most) for other in probable]
        rows.append({"label": label, "cells": cells, "all": sum(number for number, _ in cells)})
    return {"columns": probable, "rows": rows}


def _by_label(suspect: Sequence[DoubtfulFace], pictures: Pictures) -> Iterator[Values]:
    """Sort suspect faces by their label and by the probable one, both with the most faces first."""
    for label, faces in _sorted_groups((str(face.label), face) for face in suspect):
        sheets = []
        for probable, some in _sorted_groups((str(face.probable_label), face) for face in faces):
            shown = [_show(face, pictures) for face in some[:FACES_SHOWN]]
            sheets.append({"probable": probable, "count": len(some), "faces": shown, "left": len(some) - len(shown)})
        yield {"label": label, "count": len(faces), "sheets": sheets}


def _sorted_groups(named: Iterable[tuple[str, DoubtfulFace]]) -> list[tuple[str, list[DoubtfulFace]]]:
    groups: dict[str, list[DoubtfulFace]] = {}
    for name, face in named:
        groups.setdefault(name, []).append(face)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _groups(groups: Sequence[Sequence[CopiedFace]], pictures: Pictures) -> Values:
    shown = []
    for group in groups[:PICTURES_SHOWN]:
        shown.append([_show(face, pictures) | {"kind": face.kind} for face in group])
    return {"shown": shown, "left": len(groups) - len(shown), "count": len(groups)}


def _show(face: DoubtfulFace | CopiedFace, pictures: Pictures) -> Values:
    """Make what the template shows of one face."""
    probable, score = None, None
    if isinstance(face, DoubtfulFace):
        probable, score = face.probable_label, face.score
    return {
        "png": grey_png(pictures[face.digest]),
        "id": face.id,
        "name": face.id.rpartition("/")[2],
        "split": face.split,
        "label": face.label,
        "probable": probable,
        "score": score,
    }
