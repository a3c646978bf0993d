"""Do two versions of a network give the same probabilities?  Axes: `N` faces, `C` classes."""

import numpy as np
from numpy.typing import NDArray

from mien.core.card import Differences
from mien.core.errors import GateError

LIMIT = 1e-4
"""The largest difference allowed between a probability of the exported graph and the network's."""


def differences(one: NDArray[np.float32], other: NDArray[np.float32]) -> Differences:
    """Measure how far two sets of probabilities `(N, C)` of the same faces differ.

    >>> differences(np.array([[0.75, 0.25]], np.float32), np.array([[0.5, 0.5]], np.float32))
    Differences(faces=1, max=0.25, mean=0.25, other_label=0)
    """
    distance = np.abs(one.astype(np.float64) - other)
    return Differences(
        faces=len(one),
        max=float(distance.max()),
        mean=float(distance.mean()),
        other_label=int((one.argmax(axis=1) != other.argmax(axis=1)).sum()),
    )


def check_parity(network: NDArray[np.float32], graph: NDArray[np.float32]) -> Differences:
    """Return the `differences` between a network and its exported graph.

    Raises:
        GateError: a probability differs by more than `LIMIT`, or is not a number.
    """
    found = differences(network, graph)
    if not found.max <= LIMIT:  # also where it is NaN
        raise GateError(
            f"the exported graph differs from the network: on {found.faces:,} held-out faces its probabilities are off "
            f"by up to {found.max:.2g}, expected at most {LIMIT}; nothing was written"
        )
    return found
