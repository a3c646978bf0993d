"""A few hundred inputs from a fixed seed; `benchmarks/fuzz.py` tries more, and watches time and memory."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from mien.core.bundle import Bundle
from mien.core.errors import DataError, MienError
from mien.core.runs import RunDir

from .originals import Originals
from .target import Target, outcome
from .targets import all_targets

COUNTS = {
    **{
        "faces in a CSV": 40,
        "FER+ votes": 40,
        "answers": 20,
        "excluded faces": 20,
        "Parquet": 40,
        "pictures": 80,
        "folders": 30,
        "videos": 40,
    },
    **{"HEIC": 15, "deep pictures": 30, "TIFF pages": 30, "animations": 30, "packed tables": 30, "packed votes": 20},
    **{"cards": 25, "graphs": 25, "damaged graphs": 10, "graph bytes": 5, "recipes": 25, "a run's config": 15},
    **{"settings": 10, "reports": 8, "run folders": 8, "predictions": 20, "records": 20, "latest": 5},
    **{"model cards": 10, "weights": 10, "checkpoints": 10, "PNG bombs": 2, "Parquet bombs": 1, "npz bombs": 1},
    **{"checkpoint bombs": 10, "flags": 60, "training steps": 20, "links": 40},
}


@pytest.fixture(scope="module")
def targets(studied: RunDir, exported: Bundle) -> dict[str, Target]:
    return all_targets(Originals(studied.path, exported.path))


def test_everything_is_fuzzed(targets: dict[str, Target]) -> None:
    assert targets.keys() == COUNTS.keys()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COUNTS)
def test_every_outcome_is_a_result_or_an_exception_of_ours(targets: dict[str, Target], name: str) -> None:
    ends: set[str] = set()

    @seed(0)
    @settings(
        max_examples=COUNTS[name],
        phases=[Phase.generate, Phase.shrink],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(targets[name].inputs)
    def each(value: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ends.add(outcome(targets[name], value, Path(folder)))

    each()
    kinds = {kind.__name__ for kind in (MienError, *MienError.__subclasses__(), *DataError.__subclasses__())}
    assert ends <= kinds | {"result", "ConfigError"}


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (ValueError("not ours"), ValueError),
        (DataError(""), AssertionError),
        (None, None),
    ],
)
def test_what_counts_as_a_good_end(tmp_path: Path, error: Exception | None, complaint: Any) -> None:
    def read(value: Any, folder: Path) -> None:
        if error is not None:
            raise error

    target = Target(None, read)  # type: ignore[arg-type]
    if complaint is None:
        assert outcome(target, 0, tmp_path) == "result"
        return
    with pytest.raises(complaint):
        outcome(target, 0, tmp_path)
