"""Whether probabilities mean what they say: of faces labelled with 0.8, are 80 % right?

Axes: `N` faces, `C` classes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.scores import CalibrationBin

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
    places = np.searchsorted(edges[1:-1], confidences, side="left")
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
