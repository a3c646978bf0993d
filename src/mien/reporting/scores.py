"""What the page says of each evaluated split: figures, classes, calibration, and example faces."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import UNLABELLED
from mien.core.predictions import Predictions
from mien.reporting import figures
from mien.reporting.faces import show_face
from mien.reporting.formatting import NONE, decimal, percent, span
from mien.reporting.run_files import Evaluation, RunFiles
from mien.reporting.summary import warning

MOST_FACES = 400
"""At most so many example faces a split, to keep the page small."""

FIGURES = (
    ("accuracy", "Accuracy", percent, "share of faces with the right label"),
    ("macro_f1", "Macro-F1", percent, "mean F1 of the classes, each counting once"),
    ("balanced_accuracy", "Balanced accuracy", percent, "mean recall of the classes"),
    ("top2_accuracy", "Top-2 accuracy", percent, "right label among the two most probable"),
    ("log_loss", "Log loss", decimal, "lower is better; guessing gives the logarithm of the number of classes"),
    ("brier", "Brier score", decimal, "0 to 2, lower is better"),
    ("ece", "Calibration error (ECE)", percent, "mean gap between probability and share of right labels"),
)
"""Key in `metrics.json`, name, how it is written, how to read it."""


def scores(files: RunFiles) -> dict[str, Any] | str:
    """Show every evaluated split.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one a split, and `crowd_labels` for `scores.html`; or the line that stands in their place.
    """
    if not files.evaluations:
        return "No scores yet: `mien eval RUN` makes them."
    return {
        "crowd_labels": files.crowd_labels,
        "blocks": [_block(each, place) for place, each in enumerate(files.evaluations, start=1)],
    }


def _block(evaluation: Evaluation, place: int) -> dict[str, Any]:
    metrics = evaluation.metrics
    caption = _reliability_caption(metrics)
    return {
        "anchor": f"scores-{place}",
        "split": evaluation.split,
        "metrics": metrics,
        "warning": warning(evaluation),
        "figures": _figures(metrics),
        "fresh": _fresh(metrics),
        "votes": metrics["votes"],
        "reliability": {
            "svg": figures.reliability(metrics["ece_bins"], name=f"reliability-{place}", alt=caption),
            "caption": caption,
        },
        "selective": _selective(metrics.get("risk_coverage"), name=f"risk-{place}"),
    }


def _fresh(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """The figures without copies, where there are copies."""
    fresh: dict[str, Any] | None = metrics["without_copies"]
    return fresh if fresh and fresh["copies"] else None


def _figures(metrics: dict[str, Any]) -> list[dict[str, str]]:
    fresh = _fresh(metrics) or {}
    return [
        {
            "name": name,
            "hint": hint,
            "all": write(metrics[key]),
            "interval": _interval(metrics, key),
            "fresh": write(fresh[key]) if key in fresh else NONE,
            "fresh_interval": _interval(fresh, key),
        }
        for key, name, write, hint in FIGURES
        if metrics[key] is not None
    ]


def _interval(values: dict[str, Any], key: str) -> str:
    interval = values.get(f"{key}_interval")
    return span(interval) if interval else ""


def _reliability_caption(metrics: dict[str, Any]) -> str:
    filled = [each for each in metrics["ece_bins"] if each["faces"]]
    mean = sum(each["confidence"] * each["faces"] for each in filled) / metrics["faces"]
    gap = mean - metrics["accuracy"]
    verdict = (
        "as sure as it should be, on the whole"
        if abs(gap) < 0.01
        else "surer than it should be"
        if gap > 0
        else "less sure than it could be"
    )
    return (
        f"Do the probabilities mean what they say? On average the model gives its label {percent(mean)}, and "
        f"{percent(metrics['accuracy'])} are right: it is {verdict}. A bar that ends below the dashed line "
        "promises too much."
    )


def _selective(points: list[dict[str, float]] | None, *, name: str) -> dict[str, Any] | None:
    """The curve of risk over coverage; None for scores of an older version of mien, which have none."""
    if not points:
        return None
    half, whole = next(point for point in points if point["coverage"] >= 0.5), points[-1]
    caption = (
        f"Does it know when it is wrong? Of all faces {percent(whole['risk'])} get the wrong label, of the surest "
        f"{percent(half['coverage'])} (top probability at least {percent(half['threshold'])}) {percent(half['risk'])}."
    )
    if whole["risk"]:
        caption += " A curve that does not rise to the right says that the probabilities do not tell right from wrong."
    return {"svg": figures.risk_coverage(points, name=name, alt=caption), "caption": caption}


def examples(files: RunFiles) -> dict[str, Any] | str:
    """Show faces that were labelled right and wrong with the greatest probability.

    Args:
        files: the run's files.

    Returns:
        `blocks`, one a split, for `examples.html`; or the line that stands in their place.
    """
    blocks = [
        {
            "split": each.split,
            "classes": _by_class(each.predictions, each.rows, each.images),
            "left_out": max(0, len(each.rows) - MOST_FACES),
        }
        for each in files.evaluations
        if each.predictions is not None and len(each.rows)
    ]
    return {"blocks": blocks} if blocks else "No example faces yet: `mien eval RUN` makes them."


def _by_class(said: Predictions, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Sort faces by their target, right ones apart from wrong ones, the surest first."""
    if said.targets is None:
        return []
    sure = said.probabilities.max(axis=1)
    order = sorted(range(min(len(rows), MOST_FACES)), key=lambda k: -sure[rows[k]])
    groups = []
    for target, name in enumerate(said.classes):
        faces = [
            show_face(said, int(rows[k]), images[k]) for k in order if said.targets[rows[k]] == target != UNLABELLED
        ]
        if faces:
            groups.append(
                {
                    "name": name,
                    "kinds": [
                        ("Right", [face for face in faces if face["right"]]),
                        ("Wrong", [face for face in faces if not face["right"]]),
                    ],
                }
            )
    return groups
