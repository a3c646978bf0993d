"""`compare`: whether evaluated runs, or sets of predictions, differ on the same faces."""

from pathlib import Path
from typing import overload

from mien.core.comparison import Comparison, Comparisons
from mien.core.errors import DataError, UsageError
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.data.groups import read_groups
from mien.evaluation.compare import compare_all, compare_predictions

Source = str | Path | RunDir | Predictions
"""A run, its folder, its name or `latest`; a file `predictions.npz`; or predictions."""


@overload
def compare(
    a: Source,
    b: Source,
    *,
    split: str | None = None,
    group: str | Path | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Comparison: ...


@overload
def compare(
    a: Source,
    b: Source,
    c: Source,
    /,
    *others: Source,
    split: str | None = None,
    group: str | Path | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Comparisons: ...


def compare(
    a: Source,
    b: Source,
    *others: Source,
    split: str | None = None,
    group: str | Path | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Comparison | Comparisons:
    """Compare sets of predictions of the same faces, face by face: McNemar's test and a paired bootstrap.

    Args:
        a: a run that has been evaluated (`RunDir`, folder, name or `latest`), a file `predictions.npz`, or predictions.
        b: the other one; differences are b minus a.
        others: more of them; every pair is compared then, with Holm's correction for the number of pairs.
        split: which faces of runs; None takes `test`, or `validation` where no run was evaluated on `test`.
        group: a CSV with two columns, `id` and one such as `subject` or `video`: faces with the same value there are
            resampled, and tested, together.
        bootstrap: resamples behind each interval; faces are drawn in pairs, the same ones for both.
        seed: of the resamples.

    Raises:
        DataError: no such run or file, a run that was not evaluated on the split, predictions of other faces, or a file
            of groups that doesn't fit.
        UsageError: `split` without a run, or `bootstrap` is below 1.
    """
    given = [a, b, *others]
    names = [_name(source, chr(ord("a") + place)) for place, source in enumerate(given)]
    sources = [_open_run(source) for source in given]
    runs = [source for source in sources if isinstance(source, RunDir)]
    if split and not runs:
        raise UsageError("--split belongs to runs; predictions have the faces that they have")
    split = split or _common_split(runs)
    read = [_read(source, split) for source in sources]
    predictions = [found for found, _ in read]
    models = [model for _, model in read]
    groups = None
    if group is not None:
        groups = read_groups(group, predictions[0].ids)
    if len(read) == 2:
        return compare_predictions(
            *predictions,
            bootstrap=bootstrap,
            seed=seed,
            names=(names[0], names[1]),
            models=(models[0], models[1]),
            groups=groups,
        )
    return compare_all(predictions, bootstrap=bootstrap, seed=seed, names=names, models=models, groups=groups)


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
