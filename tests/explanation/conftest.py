"""Classifiers and real faces for the explanation tests."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real_faces() -> np.ndarray:
    """1,000 real training faces `uint8`, where the data are present (`MIEN_DATA` or `../shared/data`)."""
    from mien.data.sniff import open_faces

    folder = Path(os.environ.get("MIEN_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "fer2013_public.parquet"
    if not path.is_file():
        pytest.skip(f"no real data: {path} is absent, MIEN_DATA names another folder")
    return open_faces(path).split("train").images[:1000]
