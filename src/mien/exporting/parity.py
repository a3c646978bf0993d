"""Whether two versions of a network say the same.  Axes: `N` faces, `C` classes."""

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import GateError

LIMIT = 1e-4
"""The most by which a probability of the exported graph may differ from the network's own."""


def differences(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[str, float | int]:
    """Say how far two sets of probabilities `(N, C)` of the same faces are apart.

    Returns:
        `faces`; `max` and `mean` of `|Δp|` over faces and classes; `other_label`, how many faces get another label.

    >>> differences(np.array([[0.75, 0.25]], np.float32), np.array([[0.5, 0.5]], np.float32))
    {'faces': 1, 'max': 0.25, 'mean': 0.25, 'other_label': 0}
    """
    apart = np.abs(one.astype(np.float64) - other)
    return {
        "faces": len(one),
        "max": float(apart.max()),
        "mean": float(apart.mean()),
        "other_label": int((one.argmax(axis=1) != other.argmax(axis=1)).sum()),
    }


def check_parity(network: NDArray[np.float32], graph: NDArray[np.float32]) -> dict[str, float | int]:
    """Return `differences` of what a network and its exported graph say.

    Raises:
        GateError: they are more than `LIMIT` apart, or one is no number.
    """
    found = differences(network, graph)
    if not found["max"] <= LIMIT:
        raise GateError(
            f"the exported graph is not the network: on {found['faces']:,} held-out faces their probabilities differ "
            f"by up to {found['max']:.2g}, expected at most {LIMIT}; nothing was written"
        )
    return found
