"""`compare`: whether two classifiers differ on the same faces.  Axes: `N` faces, `C` classes, `S` resamples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from mien.core.errors import DataError
from mien.core.predictions import Predictions
from mien.core.schema import SCHEMA_VERSION
from mien.core.stats import LEVEL
from mien.evaluation.confusion import confusion_matrix, macro_f1, tally
from mien.evaluation.intervals import percentile_interval, resample
from mien.evaluation.metrics import with_targets

SIGNIFICANCE = 0.05
"""A McNemar p below this, with an interval that leaves out 0, is called a difference."""


def compare(
    a: Predictions, b: Predictions, *, bootstrap: int = 1000, seed: int = 0, names: tuple[str, str] = ("a", "b")
) -> dict[str, Any]:
    """Compare two sets of predictions of the same faces, face by face.

    Args:
        a: the first; its order of faces and its source are the ones that are kept.
        b: the second: the same classes, ids and targets; its faces may come in another order.
        bootstrap: resamples behind each interval; faces are drawn in pairs, the same ones for both.
        seed: of the resamples.
        names: what to call the two in the verdict.

    Returns:
        Plain values that JSON can hold; fractions, differences as b minus a.  `docs/metrics.md` lists the keys.

    Raises:
        DataError: classes, ids or targets differ, ids are not unique while the orders differ, or nothing is labelled.
        UsageError: `bootstrap` is below 1.

    McNemar 1947, Psychometrika 12, 153-157, in its exact binomial form.

    >>> def said(*top):
    ...     return Predictions(np.eye(2, dtype=np.float32)[list(top)], ("happy", "sad"), np.array(["0", "1", "2"]),
    ...                        targets=np.array([0, 1, 1]))
    >>> result = compare(said(0, 0, 0), said(0, 1, 1))
    >>> result["only_b"], result["mcnemar_p"]
    (2, 0.5)
    """
    first, targets = with_targets(a)
    second, _ = with_targets(_aligned(a, b))
    right_a, right_b = first.labels == targets, second.labels == targets
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    result = {
        "schema_version": SCHEMA_VERSION,
        "source": first.source,
        "synthetic": first.synthetic or second.synthetic,
        "names": list(names),
        "faces": len(first),
        "unlabelled": len(a) - len(first),
        "classes": list(first.classes),
        "bootstrap": {"samples": bootstrap, "seed": seed, "level": LEVEL},
        "both_right": int((right_a & right_b).sum()),
        "only_a": only_a,
        "only_b": only_b,
        "both_wrong": int((~right_a & ~right_b).sum()),
        "same_label": int((first.labels == second.labels).sum()),
        "mcnemar_p": mcnemar(only_a, only_b),
        **_scores(first, second, bootstrap=bootstrap, seed=seed),
    }
    return {**result, "verdict": verdict(result)}


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


def verdict(result: dict[str, Any]) -> str:
    """Say in plain words what a comparison shows, and what it does not.

    Args:
        result: the other keys of `compare`.

    >>> verdict({"names": ["a", "b"], "faces": 9, "only_a": 0, "only_b": 0, "synthetic": False})
    'a and b are right on exactly the same of these 9 faces.'
    """
    a, b = result["names"]
    drawn = " The faces are drawn, not photographed." if result["synthetic"] else ""
    if not result["only_a"] and not result["only_b"]:
        return f"{a} and {b} are right on exactly the same of these {result['faces']:,} faces.{drawn}"
    gap, (low, high), p = result["accuracy_difference"], result["accuracy_difference_interval"], result["mcnemar_p"]
    score_a, score_b = result["a"]["accuracy"] * 100, result["b"]["accuracy"] * 100
    figures = (
        f"{a} {score_a:.2f} %, {b} {score_b:.2f} %, difference {gap * 100:+.2f} points, 95 % interval "
        f"{low * 100:+.2f} to {high * 100:+.2f}, McNemar p {_p(p)}"
    )
    if p < SIGNIFICANCE and not low <= 0 <= high:
        better = b if gap > 0 else a
        return (
            f"{better} is right more often on these {result['faces']:,} faces ({figures}). This holds for these "
            "two sets of predictions; to call one recipe better than the other, train both with several seeds."
            f"{drawn}"
        )
    return (
        f"These {result['faces']:,} faces do not show which of {a} and {b} is right more often ({figures}). "
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


def _scores(first: Predictions, second: Predictions, *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Return accuracy and macro-F1 of both, and the differences with their paired intervals; all faces have targets."""
    assert first.targets is not None
    targets, classes = first.targets, len(first.classes)
    kinds, draws = resample(
        np.stack([targets, first.labels, second.labels], axis=1), bootstrap, generator=np.random.default_rng(seed)
    )
    plain: list[dict[str, float]] = []
    drawn: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for column, labels in ((1, first.labels), (2, second.labels)):
        counts = confusion_matrix(targets, labels, classes=classes)
        plain.append(
            {
                "accuracy": int(counts.trace()) / len(targets),
                "macro_f1": float(macro_f1(counts.diagonal(), counts.sum(axis=1), labelled=counts.sum(axis=0))),
            }
        )
        hits, faces, labelled = tally(kinds[:, [0, column]], draws, classes=classes)
        drawn.append((hits.sum(axis=1) / len(targets), macro_f1(hits, faces, labelled=labelled)))
    scores: dict[str, Any] = {"a": plain[0], "b": plain[1]}
    for place, name in enumerate(("accuracy", "macro_f1")):
        scores[f"{name}_difference"] = plain[1][name] - plain[0][name]
        scores[f"{name}_difference_interval"] = percentile_interval(drawn[1][place] - drawn[0][place])
    return scores
