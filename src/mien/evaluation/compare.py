"""`compare_predictions`, `compare_all`: whether classifiers differ on the same faces.

Axes: `N` faces, `C` classes, `S` resamples, `G` groups of faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from mien.core.comparison import ComparedScores, Comparison, Comparisons
from mien.core.errors import DataError
from mien.core.faces import UNLABELLED
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.scores import Bootstrap
from mien.core.stats import LEVEL, SIGNIFICANCE, Interval, holm
from mien.core.text import p_value, percentage
from mien.evaluation.confusion import confusion_matrix, macro_f1, macro_f1_interval, tally
from mien.evaluation.intervals import join_intervals, number_groups, percentile_interval, resample
from mien.evaluation.metrics import with_targets

EXCHANGES = 10_000
"""How often the two are exchanged in randomly chosen groups."""


def compare_predictions(
    a: Predictions,
    b: Predictions,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    names: tuple[str, str] = ("a", "b"),
    models: tuple[ModelId | None, ModelId | None] = (None, None),
    groups: NDArray[np.int64] | None = None,
) -> Comparison:
    """Compare two sets of predictions of the same faces, face by face.

    Args:
        a: the first; its order of faces and its source are the ones that are kept.
        b: the second: the same classes, ids and targets; its faces may come in another order.
        bootstrap: resamples behind each interval; faces are drawn in pairs, the same ones for both.
        seed: of the resamples.
        names: what to call the two in the verdict.
        models: the networks that made them, if known.
        groups: `int64 (N,)`, the person or video of each face of `a`, numbered from 0; resamples draw groups then, and
            a test by groups takes the place of McNemar's, since the faces of a group are not independent.

    Raises:
        DataError: classes, ids or targets differ, ids are not unique while the orders differ, nothing is labelled, or
            there is a single group.
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
    second, _ = with_targets(_aligned(a, b, names=names))
    right_a, right_b = first.labels == targets, second.labels == targets
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    mcnemar_p, group_p = None, None
    if groups is None:
        mcnemar_p = mcnemar(only_a, only_b)
    else:
        groups = number_groups(groups, a)
        group_p = exchange_test(right_b.astype(np.int64) - right_a, groups, seed=seed)
    figures_a, figures_b = _resampled_figures(first, second, groups=groups, bootstrap=bootstrap, seed=seed)
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
        groups=None if groups is None else int(groups.max()) + 1,
        mcnemar_p=mcnemar_p,
        group_p=group_p,
        accuracy_difference=figures_b.accuracy - figures_a.accuracy,
        accuracy_difference_interval=percentile_interval(figures_b.accuracies - figures_a.accuracies),
        macro_f1_difference=figures_b.macro_f1 - figures_a.macro_f1,
        macro_f1_difference_interval=_macro_f1_interval(figures_a, figures_b, grouped=groups is not None),
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


def exchange_test(differences: NDArray[np.int64], groups: NDArray[np.int64], *, seed: int) -> float:
    """Return the two-sided p of a test that exchanges two classifiers in randomly chosen groups of faces.

    If both were equally good, the difference of each group could as well have the other sign.

    Args:
        differences: `int64 (N,)`, 1 where only the second is right, -1 where only the first is, else 0.
        groups: `int64 (N,)`, numbered from 0.
        seed: of the exchanges.

    Returns:
        The share of the exchanges, and of the data themselves, with a difference as great as that of the data.

    Good 2005, Permutation, Parametric, and Bootstrap Tests of Hypotheses, chapter 3.

    >>> exchange_test(np.array([1, 1, -1, 0]), np.array([0, 1, 2, 2]), seed=0) > 0.5
    True
    """
    by_group = np.bincount(groups, weights=differences)
    by_group = by_group[by_group != 0]
    generator = np.random.default_rng(seed)
    as_great = 1
    for _ in range(EXCHANGES // 1000):  # 1,000 at a time, to keep memory small
        signs = generator.integers(0, 2, (1000, len(by_group))) * 2 - 1
        as_great += int((np.abs(signs @ by_group) >= abs(by_group.sum()) - 1e-9).sum())
    return as_great / (EXCHANGES + 1)


def compare_all(
    predictions: Sequence[Predictions],
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    names: Sequence[str],
    models: Sequence[ModelId | None],
    groups: NDArray[np.int64] | None = None,
) -> Comparisons:
    """Compare each of several sets of predictions with each, with Holm's correction for the number of pairs.

    Args:
        predictions: three or more, of the same faces.
        bootstrap: resamples behind each interval.
        seed: of the resamples.
        names: what to call each in the verdicts.
        models: the network that made each, if known.
        groups: `int64 (N,)`, as for `compare_predictions`, of the first one's faces.

    Raises:
        DataError: as `compare_predictions`.
    """
    aligned = [predictions[0]]
    for other, name in zip(predictions[1:], names[1:], strict=True):
        aligned.append(_aligned(predictions[0], other, names=(names[0], name)))
    pairs = []
    for i, j in combinations(range(len(aligned)), 2):
        pair = compare_predictions(
            aligned[i],
            aligned[j],
            bootstrap=bootstrap,
            seed=seed,
            names=(names[i], names[j]),
            models=(models[i], models[j]),
            groups=groups,
        )
        pairs.append(pair)
    corrected = []
    for pair, p in zip(pairs, holm([_p_value(pair) for pair in pairs]), strict=True):
        with_holm = replace(pair, holm_p=p)
        corrected.append(replace(with_holm, verdict=verdict(with_holm)))
    firsts = [pair.b for pair in corrected[: len(aligned) - 1]]
    return Comparisons(scores=(corrected[0].a, *firsts), pairs=tuple(corrected))


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
        f"{_test(comparison)}"
    )
    if _p_value(comparison) < SIGNIFICANCE and not low <= 0 <= high:
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


def _p_value(comparison: Comparison) -> float:
    """The p that decides: after Holm's correction, else that of the test that was made."""
    for p in (comparison.holm_p, comparison.group_p, comparison.mcnemar_p):
        if p is not None:
            return p
    raise AssertionError("one test is always made")


def _test(comparison: Comparison) -> str:
    name = "McNemar p" if comparison.groups is None else f"p of exchanges in {comparison.groups:,} groups"
    if comparison.holm_p is not None:
        name += " after Holm's correction"
    return f"{name} {p_value(_p_value(comparison))}"


def _aligned(a: Predictions, b: Predictions, *, names: tuple[str, str]) -> Predictions:
    """Put the faces of `b` in the order of `a`, or say what differs."""
    name_a, name_b = names
    if a.classes != b.classes:
        raise DataError(f"classes differ: {', '.join(a.classes)} in {name_a}, {', '.join(b.classes)} in {name_b}")
    only_a, only_b = np.setdiff1d(a.ids, b.ids), np.setdiff1d(b.ids, a.ids)
    if only_a.size or only_b.size:
        raise DataError(
            f"ids differ: {only_a.size:,} only in {name_a}{_first(only_a)}, {only_b.size:,} only in {name_b}"
            f"{_first(only_b)}; compare predictions of the same split"
        )
    if not np.array_equal(a.ids, b.ids):
        if len(a) != len(b) or len(np.unique(a.ids)) != len(a):
            raise DataError(
                f"ids can't be matched: {len(a):,} faces in {name_a}, {len(b):,} in {name_b}, some ids more than once"
            )
        b = b.select(np.argsort(b.ids)[np.argsort(np.argsort(a.ids))])
    if a.targets is None or b.targets is None:
        raise DataError("targets are missing in " + (name_a if a.targets is None else name_b))
    wrong = np.flatnonzero(a.targets != b.targets)
    if wrong.size:
        first = wrong[0]
        labels = {UNLABELLED: "no label"} | dict(enumerate(a.classes))
        one, other = (labels.get(int(targets[first]), targets[first]) for targets in (a.targets, b.targets))
        raise DataError(
            f"targets differ for {wrong.size:,} of {len(a):,} faces; face {a.ids[first]}: {one} in {name_a}, "
            f"{other} in {name_b}; compare predictions of faces with the same labels"
        )
    return b


def _first(ids: NDArray[np.str_]) -> str:
    return f" (first {ids[0]})" if ids.size else ""


@dataclass(frozen=True)
class _Figures:
    """Accuracy and macro-F1 of one of the two, and their values in each resample: `float64 (S,)`."""

    accuracy: float
    macro_f1: float
    macro_f1_interval: Interval
    accuracies: NDArray[np.float64]
    macro_f1s: NDArray[np.float64]

    def named(self, name: str, model: ModelId | None) -> ComparedScores:
        return ComparedScores(name=name, model=model, accuracy=self.accuracy, macro_f1=self.macro_f1)


def _macro_f1_interval(a: _Figures, b: _Figures, *, grouped: bool) -> Interval:
    """Return the interval of the difference, b minus a.

    Those of the two are joined, for a percentile bootstrap misses too often where a class has few faces; but they take
    faces to be independent, so with groups it is the bootstrap.
    """
    if grouped:
        return percentile_interval(b.macro_f1s - a.macro_f1s)
    correlation = 0.0
    if np.ptp(a.macro_f1s) and np.ptp(b.macro_f1s):
        correlation = float(np.corrcoef(a.macro_f1s, b.macro_f1s)[0, 1])
    low, high = a.macro_f1_interval
    return join_intervals(
        np.array([-a.macro_f1, b.macro_f1]),
        np.array([(-high, -low), b.macro_f1_interval]),
        weights=np.ones(2),
        correlation=np.array([[1, -correlation], [-correlation, 1]]),
    )


def _resampled_figures(
    first: Predictions, second: Predictions, *, groups: NDArray[np.int64] | None, bootstrap: int, seed: int
) -> tuple[_Figures, _Figures]:
    """Score both on the same resamples of the faces; all faces have targets."""
    assert first.targets is not None
    targets, classes = first.targets, len(first.classes)
    kinds, draws = resample(
        np.stack([targets, first.labels, second.labels], axis=1),
        bootstrap,
        generator=np.random.default_rng(seed),
        groups=groups,
    )
    figures = []
    for column, labels in ((1, first.labels), (2, second.labels)):
        counts = confusion_matrix(targets, labels, classes=classes)
        hits, faces, labelled = tally(kinds[:, [0, column]], draws, classes=classes)
        interval = macro_f1_interval(counts, right=hits, faces=faces, labelled=labelled)
        assert interval is not None  # for each class that occurs has faces
        figures.append(
            _Figures(
                accuracy=int(counts.trace()) / len(targets),
                macro_f1=float(macro_f1(counts.diagonal(), counts.sum(axis=1), labelled=counts.sum(axis=0))),
                macro_f1_interval=interval,
                accuracies=hits.sum(axis=1) / faces.sum(axis=1),
                macro_f1s=macro_f1(hits, faces, labelled=labelled),
            )
        )
    return figures[0], figures[1]
