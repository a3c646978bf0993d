"""Real faces for the explanation tests."""

import numpy as np
import pytest

from mien.core.faces import FaceSet


@pytest.fixture(scope="session")
def real_faces(real: FaceSet) -> np.ndarray:
    """1,000 real training faces `uint8`."""
    return real.split("train").images[:1000]
