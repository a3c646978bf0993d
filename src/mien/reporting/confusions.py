"""What the page says about each split's confusions: matrix, pairs, and the faces and votes of the top confusions."""

from collections.abc import Iterator

from mien.core.confusions import Disagreement, ErrorVotes, TopConfusion
from mien.core.faces import UNLABELLED
from mien.core.scores import Scores
from mien.core.stats import Interval, is_surely_more
from mien.reporting.faces import show_face
from mien.reporting.formatting import count, percent, plural, span
from mien.reporting.run_files import Evaluation, RunFiles
from mien.reporting.view import Values, View

LARGEST_MATRIX = 40
"""More classes than this make no readable matrix."""

ANSWERS = ("target", "label", "other", "tie")
"""Attributes of `MostVotes`, in the order of the table."""


def confusions(files: RunFiles) -> View:
    """Show which classes are confused in every evaluated split.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one per split, for `confusions.html`; or the sentence that stands in their place.
    """
    if not files.evaluations:
        return "No confusions yet: `mien eval RUN` finds them."
    return {
        "blocks": [
            _block(one, place, annotator_labels=files.annotator_labels)
            for place, one in enumerate(files.evaluations, start=1)
        ]
    }


def _block(evaluation: Evaluation, place: int, *, annotator_labels: bool) -> Values:
    scores = evaluation.scores
    cells = scores.top_confusions.cells
    faces = _faces_by_cell(evaluation)
    shown = [faces.get((cell.target, cell.label), []) for cell in cells]
    missing = ""
    if cells and not any(shown):
        missing = "The faces of the top confusions are not here: `mien eval RUN` keeps them (top_confusions.npz)."
    annotators = scores.top_confusions.annotators
    votes = None
    if annotators is not None and cells:
        votes = {
            "annotators": annotators,
            "sentences": list(_sentences(annotators, annotator_labels=annotator_labels)),
            "answers": () if annotator_labels else ANSWERS,
        }
    return {
        "anchor": f"confusions-{place}",
        "split": evaluation.split,
        "classes": scores.classes,
        "matrix": _matrix(scores),
        "pairs": scores.confused_pairs,
        "cells": list(zip(cells, shown, strict=True)),
        "intro": _intro(cells, shown) if cells else "",
        "missing": missing,
        "votes": votes,
    }


def _matrix(scores: Scores) -> Values | None:
    if len(scores.classes) > LARGEST_MATRIX:
        return None
    rows = []
    right = 0
    for i, name in enumerate(scores.classes):
        cells = []
        for j, faces in enumerate(scores.confusion.counts[i]):
            cells.append({"faces": faces, "share": scores.confusion.row_shares[i][j], "right": i == j})
        rows.append({"name": name, "cells": cells})
        right += scores.confusion.counts[i][i]
    return {
        "rows": rows,
        "caption": "Each row holds the faces of one class, each column what the model called them; a cell has the "
        f"number of faces and their share of the row. {count(right)} of {plural(scores.faces, 'face')} lie on the "
        "diagonal: right.",
    }


def _faces_by_cell(evaluation: Evaluation) -> dict[tuple[str, str], list[Values]]:
    """Sort the kept faces by (target, label), in the order of the file: the most confident first."""
    predictions = evaluation.predictions
    groups: dict[tuple[str, str], list[Values]] = {}
    if predictions is None or predictions.targets is None:
        return groups
    for row, image in zip(evaluation.confused_rows.tolist(), evaluation.confused_images, strict=True):
        if predictions.targets[row] != UNLABELLED:
            face = show_face(predictions, row, image)
            groups.setdefault((face["target"], face["label"]), []).append(face)
    return groups


def _intro(cells: tuple[TopConfusion, ...], shown: list[list[Values]]) -> str:
    share = sum(cell.share for cell in cells)
    most = max(len(faces) for faces in shown)
    which = "cell with errors holds" if len(cells) == 1 else f"{len(cells)} cells with the most errors hold"
    text = f"The {which} {percent(share, 0)} of all errors."
    if not most:
        return text
    text += (
        f" Of each up to {plural(most, 'face')} are shown: those on which the model was most confident, so its boldest "
        "errors rather than its usual ones, and the first place to look for wrong labels. Below a face: the model's "
        "label and the label that the data give, each with its probability"
    )
    for faces in shown:
        if any(face["votes"] for face in faces):
            return text + "; then the votes of FER+'s annotators."
    return text + "."


def _sentences(annotators: ErrorVotes, *, annotator_labels: bool) -> Iterator[str]:
    """Say whether annotators agreed on the faces of these cells, and with whom their plurality agrees."""
    listed, right = annotators.disagreement, annotators.right
    if listed.interval is None:
        yield "Nobody voted on these faces."
        return
    text = (
        f"On {percent(listed.share, 0)} of the {plural(listed.faces, 'face')} in these cells the annotators disagreed "
        f"as well (95 % interval {span(listed.interval, 0)})"
    )
    if right.faces:
        text += f", against {percent(right.share, 0)} of the {count(right.faces)} that the model got right"
    yield text + "."
    yield _compared(listed.interval, annotators.right_matched)
    if annotator_labels:
        return
    votes = annotators.most_votes
    text = (
        f"The plurality of the votes is the model's label on {percent(votes.label, 0)} of these faces and the label "
        f"that the data give on {percent(votes.target, 0)}"
    )
    if is_surely_more((votes.label or 0) * listed.faces, (votes.target or 0) * listed.faces):
        text += ": where the two differ, annotators agree more often with the model"
    yield text + "."


def _compared(interval: Interval, matched: Disagreement) -> str:
    if matched.interval is None:
        return "The model got too few faces of these classes right to compare them class by class."
    low, high = matched.interval
    if interval[0] > high:
        verdict = "within a class, too, it is the harder faces that the model confuses"
    elif interval[1] < low:
        verdict = "within a class, people agree more on the faces that the model confuses"
    else:
        verdict = "the intervals overlap, so these figures can't tell whether such faces are harder for people"
    return (
        "But people disagree on some classes more than on others. Where the model was right on the same classes, in "
        f"the same proportions, it is {percent(matched.share, 0)} ({span(matched.interval, 0)}): {verdict}."
    )
