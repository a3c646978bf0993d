"""Fixtures of the data tests: small faces made here, and the real rows where they are present."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from mien.core.faces import FaceSet
from mien.core.labels import FER2013


@pytest.fixture
def images() -> np.ndarray:
    """`uint8 (12, 48, 48)`, every grey level somewhere."""
    return np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write a CSV file from rows of values; an image becomes its pixel text."""

    def write(name: str, header: str, rows: Iterable[Iterable[object]]) -> Path:
        lines = [
            ",".join(
                " ".join(map(str, value.ravel())) if isinstance(value, np.ndarray) else str(value) for value in row
            )
            for row in rows
        ]
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def make_faces() -> Callable[..., FaceSet]:
    """Make faces of given targets and contents: two with the same content are exact copies."""

    def make(
        targets: Iterable[int],
        *,
        contents: Iterable[int] | None = None,
        splits: Iterable[str] | str = "train",
        classes: tuple[str, ...] = FER2013,
        **more: object,
    ) -> FaceSet:
        targets = np.array(list(targets), np.int64)
        contents = np.arange(len(targets)) if contents is None else np.array(list(contents))
        pictures = np.zeros((len(targets), 48, 48), np.uint8)
        pictures[:, 0, 0], pictures[:, 0, 1], pictures[:, 0, 2] = contents % 256, contents // 256, 255
        splits = np.full(len(targets), splits) if isinstance(splits, str) else np.array(list(splits))
        return FaceSet(
            images=pictures,
            targets=targets,
            classes=classes,
            splits=splits,
            ids=np.arange(len(targets)).astype(str),
            source="made",
            **more,
        )

    return make


@pytest.fixture(scope="session")
def formats(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 real rows of each split in every format."""
    out = tmp_path_factory.mktemp("formats")
    script = data_dir / "make_formats.py"
    subprocess.run([sys.executable, str(script), str(out), "--limit", "150"], check=True, capture_output=True)
    return out
