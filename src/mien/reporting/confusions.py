"""What the page says of each split's confusions: matrix, pairs, faces behind the worst cells, what the crowd saw."""

from collections.abc import Iterator
from typing import Any

from mien.core.faces import UNLABELLED
from mien.reporting.faces import show_face
from mien.reporting.formatting import count, percent, plural, span
from mien.reporting.run_files import Evaluation, RunFiles

LARGEST_MATRIX = 40
"""More classes than this make no readable matrix."""

ANSWERS = ("target", "label", "other", "tie")
"""Keys of `most_votes`, in the order of the table."""


def confusions(files: RunFiles) -> dict[str, Any] | str:
    """Show which classes are confused in every evaluated split.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one a split, for `confusions.html`; or the line that stands in their place.
    """
    if not files.evaluations:
        return "No confusions yet: `mien eval RUN` finds them."
    return {
        "blocks": [
            _block(each, place, crowd_labels=files.crowd_labels)
            for place, each in enumerate(files.evaluations, start=1)
        ]
    }


def _block(evaluation: Evaluation, place: int, *, crowd_labels: bool) -> dict[str, Any]:
    metrics = evaluation.metrics
    found = metrics.get("worst_cells")  # runs that an older mien scored have none
    shown = _faces(evaluation)
    cells = [
        {**each, "shown": shown.get((each["target"], each["label"]), [])} for each in (found or {"cells": []})["cells"]
    ]
    missing = ""
    if found is None:
        missing = "The worst cells of the matrix are not known here: `mien eval RUN` finds them and keeps their faces."
    elif cells and not any(each["shown"] for each in cells):
        missing = "The faces behind the worst cells are not here: `mien eval RUN` keeps them (cells.npz)."
    crowd = found["crowd"] if found and cells else None
    return {
        "anchor": f"confusions-{place}",
        "split": evaluation.split,
        "classes": metrics["classes"],
        "matrix": _matrix(metrics),
        "pairs": metrics["most_confused"],
        "cells": cells,
        "intro": _intro(cells) if cells else "",
        "missing": missing,
        "crowd": crowd
        and {
            **crowd,
            "sentences": list(_sentences(crowd, crowd_labels=crowd_labels)),
            "answers": () if crowd_labels else ANSWERS,
        },
    }


def _matrix(metrics: dict[str, Any]) -> dict[str, Any] | None:
    names, counts, shares = metrics["classes"], metrics["confusion"]["counts"], metrics["confusion"]["rows"]
    if len(names) > LARGEST_MATRIX:
        return None
    rows = [
        {
            "name": name,
            "cells": [
                {"faces": faces, "share": share, "right": i == j}
                for j, (faces, share) in enumerate(zip(counts[i], shares[i], strict=True))
            ],
        }
        for i, name in enumerate(names)
    ]
    right = sum(row[place] for place, row in enumerate(counts))
    return {
        "rows": rows,
        "caption": "Each row holds the faces of one class, each column what the model called them; a cell has the "
        f"number of faces and their share of the row. {count(right)} of {plural(metrics['faces'], 'face')} lie on the "
        "diagonal: right.",
    }


def _faces(evaluation: Evaluation) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Sort the kept faces by cell, in the order of the file: the surest first."""
    said = evaluation.predictions
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    if said is None or said.targets is None:
        return groups
    for row, image in zip(evaluation.cell_rows.tolist(), evaluation.cell_images, strict=True):
        if said.targets[row] != UNLABELLED:
            face = show_face(said, row, image)
            groups.setdefault((face["target"], face["label"]), []).append(face)
    return groups


def _intro(cells: list[dict[str, Any]]) -> str:
    share = sum(each["share"] for each in cells)
    most = max(len(each["shown"]) for each in cells)
    which = "cell with errors holds" if len(cells) == 1 else f"{len(cells)} cells with the most errors hold"
    text = f"The {which} {percent(share, 0)} of all errors."
    if most:
        voted = any(face["votes"] for each in cells for face in each["shown"])
        text += (
            f" Of each up to {plural(most, 'face')}: those that the model was surest of, so its boldest errors rather "
            "than its usual ones, and the first place to look for wrong labels. Below a face: what the model said, and "
            "the label, each with its probability" + ("; then what FER+'s voters saw." if voted else ".")
        )
    return text


def _sentences(crowd: dict[str, Any], *, crowd_labels: bool) -> Iterator[str]:
    """Say whether people were of one mind on the faces of these cells, and whose side they took if not the labels'."""
    listed, right, alike = crowd["listed"], crowd["right"], crowd["right_alike"]
    if not listed["faces"]:
        yield "Nobody voted on these faces."
        return
    text = (
        f"On {percent(listed['split'], 0)} of the {plural(listed['faces'], 'face')} in these cells the crowd was split "
        f"as well (95 % interval {span(listed['split_interval'], 0)})"
    )
    if right["faces"]:
        text += f", against {percent(right['split'], 0)} of the {count(right['faces'])} that the model got right"
    yield text + "."
    yield _compared(listed["split_interval"], alike)
    if crowd_labels:
        return
    votes = listed["most_votes"]
    text = (
        f"Most votes went to what the model said on {percent(votes['label'], 0)} of these faces and to the label that "
        f"the data give on {percent(votes['target'], 0)}"
    )
    sides = votes["label"] > votes["target"]
    yield text + (": where model and label differ, the crowd is more often with the model." if sides else ".")


def _compared(interval: list[float], alike: dict[str, Any]) -> str:
    if alike["split"] is None:
        return "The model got too few faces of these classes right to compare them class by class."
    low, high = alike["split_interval"]
    verdict = (
        "within a class, too, it is the harder faces that the model confuses"
        if interval[0] > high
        else "within a class, people agree more on the faces that the model confuses"
        if interval[1] < low
        else "the intervals overlap, so these figures can't tell whether such faces are harder for people"
    )
    return (
        "But people disagree on some classes more than on others. Where the model was right on the same classes, in "
        f"the same proportions, it is {percent(alike['split'], 0)} ({span(alike['split_interval'], 0)}): {verdict}."
    )
