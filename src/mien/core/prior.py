"""Probabilities for another mixture of classes than the one that a network learned.  Axes: `N` faces, `C` classes."""

import logging
import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError, nearest
from mien.core.stats import STANDARD_ERRORS
from mien.core.text import percentage

log = logging.getLogger(__name__)

Shares = Mapping[str, float]
"""The share of each class among the faces, in the order of the classes; they sum to 1."""

Prior = str | Mapping[str, float]
"""What a user asks for: `training`, `uniform`, `estimate`, or a number for each class, in proportion to its share."""

NAMES = ("training", "uniform", "estimate")
CHANGE = 1e-6
MOST_ROUNDS = 1000
"""The estimate ends when no share changes by more than `CHANGE`, or after so many rounds."""

ENOUGH_FACES = 100
ALMOST_ALL = 0.99
WIDEST = 0.2
"""An estimate is doubtful from fewer faces, if one class gets that share, or if a share may be that far off."""

LEAST = 0.001
"""A class with a smaller share doesn't occur."""

TINY = 1e-6
"""Is added to what N faces tell, so that nothing at all has an inverse too."""


def change_prior(probabilities: NDArray[np.float32], *, old: Shares, new: Shares) -> NDArray[np.float32]:
    """Turn probabilities that assume one mixture of classes into those for another: `p · new / old`, made to sum to 1.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        old: the shares that they assume; a class without a share keeps none.
        new: the shares of the faces at hand.

    Returns:
        `float32 (N, C)`, rows that sum to 1; a row that has nothing left for classes that occur becomes `new`.

    Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41: a class looks the same in both mixtures, only
    its share differs.

    >>> change_prior(np.array([[0.5, 0.5]], np.float32), old={"happy": 0.8, "sad": 0.2}, new={"happy": 0.5, "sad": 0.5})
    array([[0.2, 0.8]], dtype=float32)
    """
    changed = probabilities * _ratios(old, new)
    sums = changed.sum(axis=1, keepdims=True)
    rows: NDArray[np.float64] = np.divide(changed, sums, out=np.tile(_array(new), (len(changed), 1)), where=sums > 0)
    return rows.astype(np.float32)


def estimate_prior(probabilities: NDArray[np.float32], *, old: Shares) -> dict[str, float]:
    """Estimate the shares of the classes among faces without labels, by expectation maximisation.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        old: the shares that they assume.

    Raises:
        DataError: there are no faces.

    An estimate that says little is told: from few faces, or by a network that can hardly tell the classes apart.  Then
    all mixtures make the faces about as likely, so that a share may be far off, or one class gets all faces.

    Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41.

    >>> rows = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], np.float32)
    >>> {name: round(share, 2) for name, share in estimate_prior(rows, old={"happy": 0.5, "sad": 0.5}).items()}
    {'happy': 0.81, 'sad': 0.19}
    """
    if not len(probabilities):
        raise DataError("no faces to estimate the shares of the classes from; give pictures with faces")
    shares = _array(old)
    for _ in range(MOST_ROUNDS):
        before = shares
        shares = change_prior(probabilities, old=old, new=dict(zip(old, before, strict=True))).mean(axis=0, dtype=float)
        if np.abs(shares - before).max() < CHANGE:
            break
    estimate = dict(zip(old, shares.tolist(), strict=True))
    for doubt in _doubts(probabilities, old=old, estimate=estimate):
        log.warning(doubt)
    return estimate


def _doubts(probabilities: NDArray[np.float32], *, old: Shares, estimate: Shares) -> Iterator[str]:
    """Say why an estimate tells little."""
    faces = len(probabilities)
    if faces < ENOUGH_FACES:
        yield f"the shares of the classes are estimated from {faces:,} faces; fewer than {ENOUGH_FACES} say little"
    hint = "say the shares with --prior, or leave it out"
    most = max(estimate, key=lambda name: estimate[name])
    if len(estimate) > 1 and estimate[most] >= ALMOST_ALL:
        yield (
            f"by the estimate {percentage(estimate[most])} of the {faces:,} faces are {most}, and nearly every face "
            f"gets that label; if that can't be, the network can't tell the classes of these faces apart: {hint}"
        )
        return
    errors = standard_errors(probabilities, old=old, shares=estimate)
    widest = max(errors, key=lambda name: errors[name])
    off = STANDARD_ERRORS * errors[widest]
    if off > WIDEST:
        yield (
            f"these {faces:,} faces hardly tell how frequent the classes are: the share of {widest} is estimated as "
            f"{percentage(estimate[widest])} and may be off by {min(100, round(100 * off))} points; there are too few, "
            f"or the network can hardly tell the classes apart: {hint}"
        )


def standard_errors(probabilities: NDArray[np.float32], *, old: Shares, shares: Shares) -> dict[str, float]:
    """Return the standard error of the share of each class, from how sharply the likelihood falls around the estimate.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        old: the shares that they assume.
        shares: the estimate; those that are practically 0 count as known.

    Returns:
        Fractions; above 1 where the faces tell nothing.

    Efron and Hinkley 1978, Biometrika 65, 457-487: the observed information.
    """
    estimate = _array(shares)
    occurs = estimate > LEAST
    classes = int(occurs.sum())
    # Of the log likelihood of each face, by the shares: (N, K) for the K classes that occur.
    slopes = change_prior(probabilities, old=old, new=shares)[:, occurs] / estimate[occurs]
    # Shares sum to 1, so the last is what the others leave: `free` turns changes of K - 1 shares to those of all K.
    free = np.vstack([np.eye(classes - 1), -np.ones(classes - 1)])
    information = free.T @ (slopes.T @ slopes) @ free + TINY * np.eye(classes - 1)
    errors = np.zeros(len(estimate))
    errors[occurs] = np.sqrt(np.diag(free @ np.linalg.inv(information) @ free.T))
    return dict(zip(shares, errors.tolist(), strict=True))


def prior_shares(prior: Prior, *, training: Shares) -> dict[str, float]:
    """Return the shares that a prior means; an estimate needs faces, which `estimate_prior` has.

    Args:
        prior: `training`, `uniform`, or a number for each class, in proportion to its share.
        training: the shares that the network learned; a class without one can't be given any.

    Raises:
        UsageError: no such name; a class that the network doesn't know, one that is left out or that it never saw; a
            number that is no share; nothing but zeros.

    >>> prior_shares("uniform", training={"happy": 0.7, "sad": 0.3})
    {'happy': 0.5, 'sad': 0.5}
    >>> prior_shares({"happy": 3, "sad": 1}, training={"happy": 0.7, "sad": 0.3})
    {'happy': 0.75, 'sad': 0.25}
    """
    if prior == "training":
        return dict(training)
    if prior == "uniform":
        learned = [name for name in training if training[name] > 0]
        return {name: 1 / len(learned) if name in learned else 0.0 for name in training}
    if prior == "estimate":
        raise UsageError(
            "prior 'estimate' needs all faces at once, and here they come later; estimate the shares with "
            "`mien predict SAMPLE --prior estimate`, and give these, or uniform"
        )
    if isinstance(prior, str):
        example = ",".join(f"{name}={share:.2f}" for name, share in training.items())
        raise UsageError(
            f"no prior '{prior}', expected {', '.join(NAMES)}, or a share for every class, such as {example}"
        )
    for name, share in prior.items():
        if name not in training:
            raise UsageError(f"prior: no class '{name}', {nearest(name, training)}")
        if not 0 <= share < math.inf:
            raise UsageError(f"prior: {name}={share}, expected a share of at least 0")
        if share and not training[name]:
            raise UsageError(f"prior: {name}={share}, but the network never saw a face of {name}; give it 0")
    missing = [name for name in training if name not in prior]
    if missing:
        raise UsageError(f"prior: no share for {', '.join(missing)}; name every class, with 0 if it doesn't occur")
    total = math.fsum(prior.values())
    if not total:
        raise UsageError("prior: all shares are 0; give at least one class some")
    return {name: prior[name] / total for name in training}


def _ratios(old: Shares, new: Shares) -> NDArray[np.float64]:
    """Return `new / old`, `float64 (C,)`; 0 for what has no old share."""
    before = _array(old)
    return np.divide(_array(new), before, out=np.zeros(len(before)), where=before > 0)


def _array(shares: Shares) -> NDArray[np.float64]:
    return np.array(list(shares.values()), np.float64)
