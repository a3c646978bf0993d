"""One tiny finished study, made once and shared; nobody changes it."""

from pathlib import Path

import pytest

from mien.core.rundir import RunDir


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """`mien study` on 210 drawn faces for one epoch."""
    from mien.verbs.study import study

    out = tmp_path_factory.mktemp("study") / "run"
    return study(
        "synthetic:210",
        recipe="demo",
        ablation=None,
        settings=["holdout.rows=35"],
        out=out,
        epochs=1,
        batch=32,
        device="cpu",
    )


@pytest.fixture
def course_csv(tmp_path: Path) -> Path:
    """A course file with two faces of each of FER2013's seven classes."""
    path = tmp_path / "train.csv"
    rows = [f"{i % 7},{' '.join([str(10 * i)] * 2304)}" for i in range(14)]
    path.write_text("\n".join(["label,feature", *rows]) + "\n")
    return path
