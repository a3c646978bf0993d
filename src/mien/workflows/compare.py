"""`compare`: whether two evaluated runs, or two sets of predictions, differ on the same faces."""

from pathlib import Path

from mien.core.comparison import Comparison
from mien.core.errors import DataError, UsageError
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.evaluation.compare import compare_predictions

Source = str | Path | RunDir | Predictions
"""A run, its folder, its name or `latest`; a file `predictions.npz`; or predictions."""


def compare(a: Source, b: Source, *, split: str | None = None, bootstrap: int = 1000, seed: int = 0) -> Comparison:
    """Compare two sets of predictions of the same faces, face by face: McNemar's test and a paired bootstrap.

    Args:
        a: a run that has been evaluated (`RunDir`, folder, name or `latest`), a file `predictions.npz`, or predictions.
        b: the other one; differences are b minus a.
        split: which faces of runs; None takes `test`, or `validation` where no run was evaluated on `test`.
        bootstrap: resamples behind each interval; faces are drawn in pairs, the same ones for both.
        seed: of the resamples.

    Raises:
        DataError: no such run or file, a run that was not evaluated on the split, or the two are not of the same faces.
        UsageError: `split` without a run, or `bootstrap` is below 1.
    """
    names = (_name(a, "a"), _name(b, "b"))
    a = _open_run(a)
    b = _open_run(b)
    runs = [source for source in (a, b) if isinstance(source, RunDir)]
    if split and not runs:
        raise UsageError("--split belongs to runs; predictions have the faces that they have")
    split = split or _common_split(runs)
    first, model_a = _read(a, split)
    second, model_b = _read(b, split)
    return compare_predictions(first, second, bootstrap=bootstrap, seed=seed, names=names, models=(model_a, model_b))


def _open_run(source: Source) -> Source:
    """Open what is the name of a run, and leave the rest."""
    if isinstance(source, RunDir | Predictions) or str(source).endswith(".npz"):
        return source
    return RunDir.open(source)


def _common_split(runs: list[RunDir]) -> str:
    for split in ("test", "validation"):
        if any((run.path / "eval" / split).exists() for run in runs):
            return split
    return "test"


def _read(source: Source, split: str) -> tuple[Predictions, ModelId | None]:
    if isinstance(source, Predictions):
        return source, None
    if not isinstance(source, RunDir):
        return Predictions.load(Path(source)), None
    folder = source.path / "eval" / split
    if not (folder / "predictions.npz").is_file():
        raise DataError(f"{source.path}: not scored on '{split}' yet; first: mien eval {source.path} --split {split}")
    return Predictions.load(folder / "predictions.npz"), Scores.read(folder / "metrics.json").model


def _name(source: Source, otherwise: str) -> str:
    if isinstance(source, Predictions):
        return otherwise
    return str(source.path if isinstance(source, RunDir) else source)
