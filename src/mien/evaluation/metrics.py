"""`score_predictions`: every figure about one set of predictions.  Axes: `N` faces, `C` classes.

`docs/metrics.md` defines the figures one by one.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.confusions import Confusion
from mien.core.errors import DataError
from mien.core.faces import UNLABELLED
from mien.core.predictions import Predictions
from mien.core.scores import Bootstrap, HeadlineScores, Scores, ScoresWithoutDuplicates
from mien.core.stats import LEVEL, Interval
from mien.evaluation.calibration import calibration_bins, calibration_error, calibration_interval, class_calibration
from mien.evaluation.confusion import (
    add_groups,
    balanced_accuracy_interval,
    confused_pairs,
    confusion_matrix,
    macro_f1,
    macro_f1_interval,
    per_class,
    row_shares,
    tally,
)
from mien.evaluation.intervals import (
    Groups,
    count,
    mask_interval,
    normal_interval,
    number_groups,
    percentile_interval,
    resample,
    standard_error,
)
from mien.evaluation.selective import area_interval, area_under_risk_coverage, risk_coverage
from mien.evaluation.top_confusions import score_top_confusions
from mien.evaluation.votes import FLOOR, score_against_votes


def score_predictions(
    predictions: Predictions, *, bootstrap: int = 1000, seed: int = 0, groups: NDArray[np.int64] | None = None
) -> Scores:
    """Score predictions on the faces that have a target.

    Args:
        predictions: probabilities with targets.
        bootstrap: resamples behind the intervals that need some.
        seed: of the resamples; the same seed gives the same result, in any order of faces.
        groups: `int64 (N,)`, the person or video of each face; the intervals take whole groups as independent then.

    Raises:
        DataError: no face has a target, a target is no class, or there is a single group.
        UsageError: `bootstrap` is below 1.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1", "2"]), targets=np.array([0, 1, 1]))
    >>> scores = score_predictions(predictions)
    >>> round(scores.accuracy, 3), round(scores.macro_f1, 3), scores.confused_pairs[0].classes
    (0.667, 0.667, ('happy', 'sad'))
    """
    scored, targets = with_targets(predictions)
    if groups is not None:
        groups = number_groups(groups, predictions)
    by_group = confusion_matrix(targets, scored.labels, classes=len(scored.classes), groups=groups)
    counts = add_groups(by_group)
    classes = per_class(by_group, scored.classes)
    recalls = [scores.recall for scores in classes if scores.recall is not None]
    headline = _headline(scored, bootstrap=bootstrap, seed=seed, groups=groups)
    losses = _log_losses(scored.probabilities, targets)
    squares = _squared_errors(scored.probabilities, targets)
    return Scores(
        source=scored.source,
        synthetic=scored.synthetic,
        faces=len(scored),
        unlabelled=len(predictions) - len(scored),
        duplicates=None if scored.duplicates is None else int(scored.duplicates.sum()),
        classes=scored.classes,
        absent=tuple(scores.name for scores in classes if not scores.faces),
        groups=None if groups is None else int(groups.max()) + 1,
        bootstrap=Bootstrap(samples=bootstrap, seed=seed, level=LEVEL),
        accuracy=headline.accuracy,
        accuracy_interval=headline.accuracy_interval,
        accuracy_interval_method=headline.accuracy_interval_method,
        accuracy_standard_error=headline.accuracy_standard_error,
        macro_f1=headline.macro_f1,
        macro_f1_interval=headline.macro_f1_interval,
        balanced_accuracy=float(np.mean(recalls)),
        balanced_accuracy_interval=balanced_accuracy_interval(by_group),
        top2_accuracy=top2_accuracy(scored.probabilities, targets),
        top2_accuracy_interval=_top2_interval(scored.probabilities, targets, groups=groups),
        log_loss=log_loss(scored.probabilities, targets),
        log_loss_interval=normal_interval(float(losses.mean()), losses, groups=groups),
        brier=brier(scored.probabilities, targets),
        brier_interval=normal_interval(float(squares.mean()), squares, groups=groups, highest=2),
        ece=headline.ece,
        ece_interval=headline.ece_interval,
        ece_bins=calibration_bins(scored.probabilities, targets),
        class_calibration=class_calibration(
            scored.probabilities,
            targets,
            classes=scored.classes,
            samples=bootstrap,
            generator=np.random.default_rng(seed),
            groups=groups,
        ),
        aurc=area_under_risk_coverage(scored.probabilities, targets),
        aurc_interval=area_interval(scored.probabilities, targets, groups=groups),
        risk_coverage=risk_coverage(scored.probabilities, targets),
        per_class=classes,
        confusion=Confusion(counts=_rows(counts), row_shares=_rows(row_shares(counts))),
        confused_pairs=confused_pairs(by_group, scored.classes),
        top_confusions=score_top_confusions(scored, groups=groups),
        without_duplicates=_without_duplicates(scored, bootstrap=bootstrap, seed=seed, groups=groups),
        annotators=score_against_votes(scored, groups=groups),
    )


def with_targets(predictions: Predictions) -> tuple[Predictions, NDArray[np.int64]]:
    """Leave out the faces that have no target.

    Returns:
        The other faces, and their targets `int64 (M,)`, 0 to C - 1.

    Raises:
        DataError: no face has a target, or a target is no class.

    >>> predictions = Predictions(np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), ("happy", "sad"),
    ...                           np.array(["0", "1"]), targets=np.array([-1, 1]))
    >>> with_targets(predictions)[1]
    array([1])
    """
    source = predictions.source or "predictions"
    if predictions.targets is None or not (predictions.targets != UNLABELLED).any():
        raise DataError(f"{source}: none of the {len(predictions)} faces has a target; scores need labelled faces")
    wrong = np.flatnonzero((predictions.targets < UNLABELLED) | (predictions.targets >= len(predictions.classes)))
    if wrong.size:
        raise DataError(
            f"{source}, face {predictions.ids[wrong[0]]}: target {predictions.targets[wrong[0]]}, "
            f"expected 0 to {len(predictions.classes) - 1}, or {UNLABELLED} for none"
        )
    labelled = predictions.targets != UNLABELLED
    return predictions.select(labelled), predictions.targets[labelled].astype(np.int64)


def accuracy(predictions: Predictions) -> float:
    """Return the share of right labels among the faces that have a target.

    Raises:
        DataError: no face has a target.
    """
    scored, targets = with_targets(predictions)
    return float((scored.labels == targets).mean())


def top2_accuracy(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float | None:
    """Return the share of faces whose target is among the two most probable classes; None below three classes.

    Of equal probabilities the earlier class counts as the greater, as it does for the label.

    >>> top2_accuracy(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float32), np.array([1, 2]))
    0.5
    """
    if probabilities.shape[1] < 3:
        return None
    return float(_among_best_two(probabilities, targets).mean())


def _top2_interval(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, groups: Groups
) -> Interval | None:
    if probabilities.shape[1] < 3:
        return None
    return mask_interval(_among_best_two(probabilities, targets), groups)


def _among_best_two(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return np.asarray((best == targets[:, None]).any(axis=1))


def log_loss(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Return the mean of `-log(probability of the target)`, in nats; a probability below 1.2e-7 counts as that.

    >>> round(log_loss(np.array([[0.5, 0.5]], np.float32), np.array([0])), 4)
    0.6931
    """
    return float(_log_losses(probabilities, targets).mean())


def _log_losses(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log loss of each face, `float64 (N,)`."""
    of_target = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    return -np.log(np.clip(of_target, FLOOR, 1)) + 0.0  # + 0.0: never -0.0


def brier(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Return the mean over faces of the squared error summed over all classes, 0 to 2.

    Brier 1950, Mon. Weather Rev. 78, 1-3: the original, multi-class definition, twice the halved one for two classes.

    >>> brier(np.array([[0.5, 0.5]], np.float32), np.array([0]))
    0.5
    """
    return float(_squared_errors(probabilities, targets).mean())


def _squared_errors(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Brier score of each face, `float64 (N,)`."""
    truth = np.eye(probabilities.shape[1])[targets]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1))


def _rows(matrix: NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    """Turn `(C, C)` into plain numbers."""
    return tuple(tuple(row) for row in matrix.tolist())


def _headline(scored: Predictions, *, bootstrap: int, seed: int, groups: Groups) -> HeadlineScores:
    """Compute the figures that are given with and without duplicates; every face has a target."""
    assert scored.targets is not None
    faces, classes = len(scored), len(scored.classes)
    by_group = confusion_matrix(scored.targets, scored.labels, classes=classes, groups=groups)
    counts = add_groups(by_group)
    right = scored.targets == scored.labels
    generator = np.random.default_rng(seed)
    pairs = np.stack([scored.targets, scored.labels], axis=1)
    kinds, draws = resample(pairs, bootstrap, generator=generator, groups=groups)
    hits, of_class, labelled = tally(kinds, draws, classes=classes)
    method: Literal["bootstrap", "wilson"] = "bootstrap"
    interval: Interval | None = percentile_interval(hits.sum(axis=1) / of_class.sum(axis=1))
    if groups is not None or right.all() or not right.any():
        # Where all are right no resample differs from another, which is no evidence of certainty; and resamples of few
        # groups differ too little.
        method, interval = "wilson", mask_interval(right, groups)
    assert interval is not None  # for there are faces
    return HeadlineScores(
        accuracy=int(right.sum()) / faces,
        accuracy_interval=interval,
        accuracy_interval_method=method,
        accuracy_standard_error=standard_error(count(right, groups), count(np.ones_like(right), groups)),
        macro_f1=float(macro_f1(counts.diagonal(), counts.sum(axis=1), labelled=counts.sum(axis=0))),
        macro_f1_interval=macro_f1_interval(by_group, right=hits, faces=of_class, labelled=labelled),
        ece=calibration_error(calibration_bins(scored.probabilities, scored.targets)),
        ece_interval=calibration_interval(
            scored.probabilities, scored.targets, samples=bootstrap, generator=generator, groups=groups
        ),
    )


def _without_duplicates(
    scored: Predictions, *, bootstrap: int, seed: int, groups: Groups
) -> ScoresWithoutDuplicates | None:
    """Score the faces that duplicate no training face.

    Returns:
        None where that is not known, where all do, or where the others are of one group.
    """
    if scored.duplicates is None or scored.duplicates.all():
        return None
    rest = scored.select(~scored.duplicates)
    if groups is not None:
        names, groups = np.unique(groups[~scored.duplicates], return_inverse=True)
        if len(names) < 2:
            return None
    headline = _headline(rest, bootstrap=bootstrap, seed=seed, groups=groups)
    return ScoresWithoutDuplicates(faces=len(rest), duplicates=len(scored) - len(rest), **headline.to_dict())
