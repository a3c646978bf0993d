"""`compare_predictions`: whether two classifiers differ on the same faces.

Axes: `N` faces, `C` classes, `S` resamples.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from mien.core.comparison import ComparedScores, Comparison
from mien.core.errors import DataError
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.scores import Bootstrap
from mien.core.stats import LEVEL
from mien.core.text import percentage
from mien.evaluation.confusion import confusion_matrix, macro_f1, tally
from mien.evaluation.intervals import percentile_interval, resample
from mien.evaluation.metrics import with_targets

SIGNIFICANCE = 0.05
"""A McNemar p below this, with an interval that leaves out 0, is called a difference."""


def compare_predictions(
    a: Predictions,
    b: Predictions,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    names: tuple[str, str] = ("a", "b"),
    models: tuple[ModelId | None, ModelId | None] = (None, None),
) -> Comparison:
    """Compare two sets of predictions of the same faces, face by face.

    Args:
        a: the first; its order of faces and its source are the ones that are kept.
        b: the second: the same classes, ids and targets; its faces may come in another order.
        bootstrap: resamples behind each interval; faces are drawn in pairs, the same ones for both.
        seed: of the resamples.
        names: what to call the two in the verdict.
        models: the networks that made them, if known.

    Raises:
        DataError: classes, ids or targets differ, ids are not unique while the orders differ, or nothing is labelled.
        UsageError: `bootstrap` is below 1.

    McNemar 1947, Psychometrika 12, 153-157, in its exact binomial form.

    >>> def predict(*labels):
    ...     return Predictions(np.eye(2, dtype=np.float32)[list(labels)], ("happy", "sad"), np.array(["0", "1", "2"]),
    ...                        targets=np.array([0, 1, 1]))
    >>> comparison = compare_predictions(predict(0, 0, 0), predict(0, 1, 1))
    >>> comparison.only_b, comparison.mcnemar_p
    (2, 0.5)
    """
    first, targets = with_targets(a)
    second, _ = with_targets(_aligned(a, b))
    right_a, right_b = first.labels == targets, second.labels == targets
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    figures_a, figures_b = _resampled_figures(first, second, bootstrap=bootstrap, seed=seed)
    comparison = Comparison(
        a=figures_a.named(names[0], models[0]),
        b=figures_b.named(names[1], models[1]),
        source=first.source,
        synthetic=first.synthetic or second.synthetic,
        faces=len(first),
        unlabelled=len(a) - len(first),
        classes=first.classes,
        bootstrap=Bootstrap(samples=bootstrap, seed=seed, level=LEVEL),
        both_right=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~right_a & ~right_b).sum()),
        same_label=int((first.labels == second.labels).sum()),
        mcnemar_p=mcnemar(only_a, only_b),
        accuracy_difference=figures_b.accuracy - figures_a.accuracy,
        accuracy_difference_interval=percentile_interval(figures_b.accuracies - figures_a.accuracies),
        macro_f1_difference=figures_b.macro_f1 - figures_a.macro_f1,
        macro_f1_difference_interval=percentile_interval(figures_b.macro_f1s - figures_a.macro_f1s),
        verdict="",
    )
    return replace(comparison, verdict=verdict(comparison))


def mcnemar(only_a: int, only_b: int) -> float:
    """Return McNemar's exact two-sided p: how likely so uneven a split is if either one were as likely to be right.

    Args:
        only_a: faces that only the first one got right.
        only_b: faces that only the second one got right.

    Returns:
        0 to 1; 1 when they never differ.

    McNemar 1947, Psychometrika 12, 153-157.

    >>> mcnemar(1, 9)
    0.021484375
    """
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def verdict(comparison: Comparison) -> str:
    """Say in plain words what a comparison shows, and what it does not.

    Args:
        comparison: all but its `verdict` is read.

    >>> predictions = Predictions(np.eye(2, dtype=np.float32), ("happy", "sad"), np.array(["0", "1"]),
    ...                           targets=np.array([0, 1]))
    >>> compare_predictions(predictions, predictions).verdict
    'a and b are right on exactly the same of these 2 faces.'
    """
    a, b, faces = comparison.a.name, comparison.b.name, comparison.faces
    drawn = " The faces are drawn, not photographed." if comparison.synthetic else ""
    if not comparison.only_a and not comparison.only_b:
        return f"{a} and {b} are right on exactly the same of these {faces:,} faces.{drawn}"
    gap, (low, high) = comparison.accuracy_difference, comparison.accuracy_difference_interval
    figures = (
        f"{a} {percentage(comparison.a.accuracy, 2)}, {b} {percentage(comparison.b.accuracy, 2)}, "
        f"difference {gap * 100:+.2f} points, 95 % interval {low * 100:+.2f} to {high * 100:+.2f}, "
        f"McNemar p {_p(comparison.mcnemar_p)}"
    )
    if comparison.mcnemar_p < SIGNIFICANCE and not low <= 0 <= high:
        better = b if gap > 0 else a
        return (
            f"{better} is right more often on these {faces:,} faces ({figures}). This holds for these "
            "two sets of predictions; to call one recipe better than the other, train both with several seeds."
            f"{drawn}"
        )
    return (
        f"These {faces:,} faces do not show which of {a} and {b} is right more often ({figures}). "
        f"This does not show that they are equal.{drawn}"
    )


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _aligned(a: Predictions, b: Predictions) -> Predictions:
    """Put the faces of `b` in the order of `a`, or say what differs."""
    if a.classes != b.classes:
        raise DataError(f"classes differ: {', '.join(a.classes)} in a, {', '.join(b.classes)} in b")
    only_a, only_b = np.setdiff1d(a.ids, b.ids), np.setdiff1d(b.ids, a.ids)
    if only_a.size or only_b.size:
        raise DataError(
            f"ids differ: {only_a.size:,} only in a{_first(only_a)}, {only_b.size:,} only in b"
            f"{_first(only_b)}; compare predictions of the same split"
        )
    if not np.array_equal(a.ids, b.ids):
        if len(a) != len(b) or len(np.unique(a.ids)) != len(a):
            raise DataError(f"ids can't be matched: {len(a):,} faces in a, {len(b):,} in b, some ids more than once")
        b = b.select(np.argsort(b.ids)[np.argsort(np.argsort(a.ids))])
    if a.targets is None or b.targets is None:
        raise DataError("targets are missing in " + ("a" if a.targets is None else "b"))
    wrong = np.flatnonzero(a.targets != b.targets)
    if wrong.size:
        raise DataError(
            f"targets differ for {wrong.size:,} faces; face {a.ids[wrong[0]]}: {a.targets[wrong[0]]} in a, "
            f"{b.targets[wrong[0]]} in b"
        )
    return b


def _first(ids: NDArray[np.str_]) -> str:
    return f" (first {ids[0]})" if ids.size else ""


@dataclass(frozen=True)
class _Figures:
    """Accuracy and macro-F1 of one of the two, and their values in each resample: `float64 (S,)`."""

    accuracy: float
    macro_f1: float
    accuracies: NDArray[np.float64]
    macro_f1s: NDArray[np.float64]

    def named(self, name: str, model: ModelId | None) -> ComparedScores:
        return ComparedScores(name=name, model=model, accuracy=self.accuracy, macro_f1=self.macro_f1)


def _resampled_figures(
    first: Predictions, second: Predictions, *, bootstrap: int, seed: int
) -> tuple[_Figures, _Figures]:
    """Score both on the same resamples of the faces; all faces have targets."""
    assert first.targets is not None
    targets, classes = first.targets, len(first.classes)
    kinds, draws = resample(
        np.stack([targets, first.labels, second.labels], axis=1), bootstrap, generator=np.random.default_rng(seed)
    )
    figures = []
    for column, labels in ((1, first.labels), (2, second.labels)):
        counts = confusion_matrix(targets, labels, classes=classes)
        hits, faces, labelled = tally(kinds[:, [0, column]], draws, classes=classes)
        figures.append(
            _Figures(
                accuracy=int(counts.trace()) / len(targets),
                macro_f1=float(macro_f1(counts.diagonal(), counts.sum(axis=1), labelled=counts.sum(axis=0))),
                accuracies=hits.sum(axis=1) / len(targets),
                macro_f1s=macro_f1(hits, faces, labelled=labelled),
            )
        )
    return figures[0], figures[1]
