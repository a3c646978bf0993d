"""What the page says about each evaluated split: figures, classes, calibration, and example faces."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.predictions import Predictions
from mien.core.scores import RiskPoint, Scores, ScoresWithoutDuplicates
from mien.core.stats import Interval
from mien.reporting import figures
from mien.reporting.faces import show_face
from mien.reporting.formatting import decimal, decimal_span, percent, span
from mien.reporting.run_files import Evaluation, RunFiles
from mien.reporting.summary import warning
from mien.reporting.view import Values, View

MOST_FACES = 400
"""How many example faces of a split are shown at most, to keep the page small."""

FIGURES = (
    ("accuracy", "Accuracy", percent, span, "share of faces with the right label"),
    ("macro_f1", "Macro-F1", percent, span, "mean F1 of the classes, each counting once"),
    ("balanced_accuracy", "Balanced accuracy", percent, span, "mean recall of the classes"),
    ("top2_accuracy", "Top-2 accuracy", percent, span, "right label among the two most probable"),
    (
        "log_loss",
        "Log loss",
        decimal,
        decimal_span,
        "lower is better; guessing gives the logarithm of the number of classes",
    ),
    ("brier", "Brier score", decimal, decimal_span, "0 to 2, lower is better"),
    ("ece", "Calibration error (ECE)", percent, span, "mean gap between probability and share of right labels"),
)
"""Attribute of `Scores`, name, how it is written, how its interval is written, how to read it."""


def scores(files: RunFiles) -> View:
    """Show every evaluated split.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one per split, and `annotator_labels` for `scores.html`; or the sentence that stands in their place.
    """
    if not files.evaluations:
        return "No scores yet: `mien eval RUN` makes them."
    return {
        "annotator_labels": files.annotator_labels,
        "blocks": [_block(one, place) for place, one in enumerate(files.evaluations, start=1)],
    }


def _block(evaluation: Evaluation, place: int) -> Values:
    scores = evaluation.scores
    caption = _reliability_caption(scores)
    return {
        "anchor": f"scores-{place}",
        "split": evaluation.split,
        "scores": scores,
        "warning": warning(evaluation),
        "figures": _figures(scores),
        "rest": _without_duplicates(scores),
        "reliability": {
            "svg": figures.reliability_figure(scores.ece_bins, name=f"reliability-{place}", alt=caption),
            "caption": caption,
        },
        "selective": _selective(scores.risk_coverage, name=f"risk-{place}"),
    }


def _without_duplicates(scores: Scores) -> ScoresWithoutDuplicates | None:
    """The figures without duplicates, where there are duplicates."""
    rest = scores.without_duplicates
    if rest is None or rest.duplicates == 0:
        return None
    return rest


def _figures(scores: Scores) -> list[Values]:
    rest = _without_duplicates(scores)
    rows = []
    for key, name, write, write_interval, hint in FIGURES:
        if getattr(scores, key) is None:
            continue
        rows.append(
            {
                "name": name,
                "hint": hint,
                "all": write(getattr(scores, key)),
                "interval": _interval(scores, key, write_interval),
                "rest": write(getattr(rest, key, None)),
                "rest_interval": _interval(rest, key, write_interval),
            }
        )
    return rows


def _interval(scores: Scores | ScoresWithoutDuplicates | None, key: str, write: Callable[[Interval], str]) -> str:
    interval = getattr(scores, f"{key}_interval", None)
    return "" if interval is None else write(interval)


def _reliability_caption(scores: Scores) -> str:
    confidences = 0.0
    for one in scores.ece_bins:
        if one.confidence is not None:
            confidences += one.confidence * one.faces
    mean = confidences / scores.faces
    low, high = scores.accuracy_interval
    if mean > high:
        verdict = "more confident than it should be"
    elif mean < low:
        verdict = "less confident than it could be"
    else:
        verdict = "on the whole as confident as it should be, as far as these faces can tell"
    return (
        f"Do the probabilities mean what they say? On average the model gives its label {percent(mean)}, and "
        f"{percent(scores.accuracy)} are right: it is {verdict}. A bar that ends below the dashed line "
        "promises too much."
    )


def _selective(points: Sequence[RiskPoint], *, name: str) -> Values:
    """Show the curve of risk over coverage."""
    half, whole = next(point for point in points if point.coverage >= 0.5), points[-1]
    caption = (
        f"Does it know when it is wrong? Of all faces {percent(whole.risk)} get the wrong label, of the most confident "
        f"{percent(half.coverage)} (top probability at least {percent(half.threshold)}) {percent(half.risk)}."
    )
    if whole.risk:
        caption += " If the curve does not rise to the right, the probabilities do not tell right from wrong."
    return {"svg": figures.risk_coverage_figure(points, name=name, alt=caption), "caption": caption}


def examples(files: RunFiles) -> View:
    """Show faces that were labelled right and wrong with the greatest probability.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one per split, for `examples.html`; or the sentence that stands in their place.
    """
    blocks = []
    for evaluation in files.evaluations:
        if evaluation.predictions is not None and len(evaluation.rows):
            blocks.append(
                {
                    "split": evaluation.split,
                    "classes": _by_class(evaluation.predictions, evaluation.rows, evaluation.images),
                    "left_out": max(0, len(evaluation.rows) - MOST_FACES),
                }
            )
    if not blocks:
        return "No example faces yet: `mien eval RUN` makes them."
    return {"blocks": blocks}


def _by_class(predictions: Predictions, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> list[Values]:
    """Sort faces by their target, right ones apart from wrong ones, the most confident first."""
    if predictions.targets is None:
        return []
    shown = min(len(rows), MOST_FACES)
    confidences = predictions.probabilities.max(axis=1)[rows[:shown]]
    order = np.argsort(-confidences, kind="stable")
    groups = []
    for target, name in enumerate(predictions.classes):
        right, wrong = [], []
        for k in order[predictions.targets[rows[order]] == target]:
            face = show_face(predictions, int(rows[k]), images[k])
            if face["right"]:
                right.append(face)
            else:
                wrong.append(face)
        if right or wrong:
            groups.append({"name": name, "kinds": [("Right", right), ("Wrong", wrong)]})
    return groups
