"""Whether probabilities mean what they say: of faces labelled with 0.8, are 80 % right?

Axes: `N` faces, `G` groups of faces, `C` classes, `B` bins, `S` resamples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.scores import CalibrationBin, ClassCalibration
from mien.core.stats import LEVEL, Interval
from mien.evaluation.intervals import Groups, count, normal_interval, share_interval

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


def calibration_bins(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], *, bins: int = BINS
) -> tuple[CalibrationBin, ...]:
    """Sort faces into bins of equal width by the probability of their top label.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1.
        bins: how many bins divide 0 to 1.

    Returns:
        The bins, from low to high.

    Guo et al. 2017, arXiv 1706.04599, section 2.

    >>> calibration_bins(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([0, 0]), bins=2)[1].accuracy
    0.5
    """
    confidences = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    edges = np.linspace(0, 1, bins + 1)
    places = _places(confidences, edges)
    faces = np.bincount(places, minlength=bins)
    filled = np.maximum(faces, 1)  # an empty bin has no mean; it must not divide by 0
    means = np.bincount(places, weights=confidences, minlength=bins) / filled
    shares = np.bincount(places, weights=right, minlength=bins) / filled
    found = []
    for k in range(bins):
        confidence, accuracy = None, None
        if faces[k]:
            confidence, accuracy = float(means[k]), float(shares[k])
        found.append(
            CalibrationBin(
                low=float(edges[k]),
                high=float(edges[k + 1]),
                faces=int(faces[k]),
                confidence=confidence,
                accuracy=accuracy,
            )
        )
    return tuple(found)


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Average the gap between confidence and accuracy over the bins, weighted by their faces.

    Returns:
        The expected calibration error (ECE) of the top label, 0 to 1, lower is better.

    Naeini et al. 2015 (AAAI); Guo et al. 2017, arXiv 1706.04599, equation 3.

    >>> calibration_error([CalibrationBin(low=0.5, high=0.8, faces=3, confidence=0.75, accuracy=0.5),
    ...                    CalibrationBin(low=0.8, high=1.0, faces=1, confidence=1.0, accuracy=1.0)])
    0.1875
    """
    faces = 0
    gaps = 0.0
    for one in bins:
        if one.confidence is not None and one.accuracy is not None:
            faces += one.faces
            gaps += one.faces * abs(one.confidence - one.accuracy)
    return gaps / faces


def calibration_interval(
    probabilities: NDArray[np.float32],
    targets: NDArray[np.int64],
    *,
    samples: int,
    generator: np.random.Generator,
    groups: Groups = None,
) -> Interval | None:
    """Return the interval of the calibration error that very many faces would have, in the same `BINS` bins.

    On few faces the error of each bin is partly chance and never cancels, so the ECE is too high, and that of resamples
    even higher.  The interval holds every error that explains the ECE that was found: the bins' errors are multiplied
    by a factor, chance is added to them as resamples show it, and the factor fits if the ECE that was found lies
    between the 2.5 and 97.5 % quantiles of the result.  It may end below the ECE, and begins at 0 where chance alone
    explains it.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1.
        samples: how many draws of chance, `S`.
        generator: where the draws come from.
        groups: of the faces; chance is then that of drawing other groups, and the high end is at least that of
            `normal_interval`.

    Returns:
        `(low, high)`, 0 to 1; None where all faces are right or all are wrong, for chance doesn't show then.

    Carpenter 1999, J. R. Stat. Soc. B 61, 159-172, for bootstrap intervals by inverting a test.
    """
    confidences = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    return _interval(confidences, right, samples=samples, generator=generator, groups=groups)


def class_calibration(
    probabilities: NDArray[np.float32],
    targets: NDArray[np.int64],
    *,
    classes: Sequence[str],
    samples: int,
    generator: np.random.Generator,
    groups: Groups = None,
) -> tuple[ClassCalibration, ...]:
    """Measure the calibration of each class: of its probability over all faces, and of its label.

    Args:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        targets: `int64 (N,)`, 0 to C - 1.
        classes: the C class names.
        samples: how many draws of chance are behind an interval.
        generator: where the draws come from.
        groups: of the faces; with them, the intervals are by groups.

    Kull et al. 2019, arXiv 1910.12656, equation 2, for the error of a class; the mean over classes is their
    "classwise-ECE".

    >>> rows = np.array([[0.9, 0.1], [0.7, 0.3]], np.float32)
    >>> happy, sad = class_calibration(rows, np.array([0, 1]), classes=("happy", "sad"), samples=10,
    ...                                generator=np.random.default_rng(0))
    >>> happy.labelled, round(happy.too_sure, 2), round(happy.ece, 2), sad.too_sure
    (2, 0.3, 0.4, None)
    """
    labels, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    found = []
    for k, name in enumerate(classes):
        of_class, is_class = probabilities[:, k].astype(np.float64), targets == k
        places = _places(of_class, np.linspace(0, 1, BINS + 1))
        gaps = np.bincount(places, weights=of_class - is_class, minlength=BINS)
        gets_label = labels == k
        labelled = int(gets_label.sum())
        too_sure, too_sure_interval = None, None
        if labelled:
            mean, right = float(confidences[gets_label].mean(dtype=np.float64)), int(is_class[gets_label].sum())
            too_sure = mean - right / labelled
            interval = share_interval(count(gets_label & is_class, groups), count(gets_label, groups))
            if interval is not None:
                too_sure_interval = (mean - interval[1], mean - interval[0])
        found.append(
            ClassCalibration(
                name=name,
                ece=float(np.abs(gaps).sum() / len(targets)),
                ece_interval=_interval(of_class, is_class, samples=samples, generator=generator, groups=groups),
                labelled=labelled,
                too_sure=too_sure,
                too_sure_interval=too_sure_interval,
            )
        )
    return tuple(found)


def _interval(
    confidences: NDArray[np.float64],
    right: NDArray[np.bool_],
    *,
    samples: int,
    generator: np.random.Generator,
    groups: Groups,
) -> Interval | None:
    """Return what `calibration_interval` does, of probabilities `(N,)` of being `right`, `bool (N,)`."""
    if right.all() or not right.any():
        return None
    places = _places(confidences, np.linspace(0, 1, BINS + 1))
    errors = confidences - right
    means = np.bincount(places, weights=errors, minlength=BINS) / len(errors)
    found = float(np.abs(means).sum())
    if not found:  # all are sure and right
        return None
    if groups is None:
        covariance = _covariance(errors, places, means)
    else:
        covariance = _covariance_by_group(errors, places, means, groups=groups)
    chance = generator.standard_normal((samples, BINS)) @ _square_root(covariance)

    def quantile(factor: float, level: float) -> float:
        return float(np.quantile(np.abs(factor * means + chance).sum(axis=1), level))

    most = 1 + float(np.abs(chance).sum(axis=1).max() / found)  # no greater factor explains what was found
    low, high = 0.0, 0.0
    if quantile(0, (1 + LEVEL) / 2) < found:
        low = _bisect(lambda factor: quantile(factor, (1 + LEVEL) / 2) - found, most)
    if quantile(0, (1 - LEVEL) / 2) < found:
        high = _bisect(lambda factor: quantile(factor, (1 - LEVEL) / 2) - found, most)
    low, high = low * found, high * found
    if groups is not None:
        # The bins of one person are off together, so that the pattern of the bins' errors is itself unsure.
        linear = normal_interval(found, np.sign(means)[places] * errors, groups=groups)
        high = max(high, linear[1] if linear else 0.0)
    return low, min(1.0, high)


def _places(confidences: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each confidence."""
    return np.asarray(np.searchsorted(edges[1:-1], confidences, side="left"), dtype=np.int64)


def _covariance(
    errors: NDArray[np.float64], places: NDArray[np.int64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the covariance `(B, B)` of `means`, the bins' parts of the mean error."""
    squares = np.bincount(places, weights=errors**2, minlength=len(means)) / len(errors)
    return np.asarray((np.diag(squares) - np.outer(means, means)) / len(errors))


def _covariance_by_group(
    errors: NDArray[np.float64], places: NDArray[np.int64], means: NDArray[np.float64], *, groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the same where groups, not faces, are drawn."""
    faces = np.bincount(groups)  # (G,)
    added = np.zeros((len(faces), len(means)))
    np.add.at(added, (groups, places), errors)
    added -= faces[:, None] * means
    return np.asarray(len(faces) / (len(faces) - 1) * (added.T @ added) / len(errors) ** 2)


def _square_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _bisect(function: Callable[[float], float], high: float) -> float:
    """Return where a rising function crosses 0 between 0 and `high`."""
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
