"""A small training that every test here can run in a second or two."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.core.rundir import RunDir
from mien.training.start import train

SMALL = ["holdout.rows=70", "stopping.patience=0", "plateau.patience=2", "plateau.min_delta=9"]
"""No fall of the validation loss is large enough: the learning rate halves at every second epoch."""

Small = Callable[..., RunDir]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    def run(name: str, *, data: str = "synthetic:420", settings: tuple[str, ...] = (), **flags: Any) -> RunDir:
        values = {"batch": 32, "epochs": 6, "precision": "fp32", "device": "cpu"} | flags
        return train(data, recipe="demo", settings=[*SMALL, *settings], out=tmp_path / name, **values)

    return run
