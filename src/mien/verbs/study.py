"""`study`: the whole experiment in one run folder."""

from typing import Any

from mien.core.rundir import RunDir
from mien.reporting.build import report
from mien.training.start import stored_config, train
from mien.verbs.score import evaluate, tested_split


def study(data: str, *, recipe: str, **options: Any) -> RunDir:
    """Do the whole experiment in one run folder: describe the data, train, evaluate, report.

    Scores the split `test`, or the held-out rows where the data have no labelled test rows.

    Args:
        data: a file or folder that `open_faces` reads, or `synthetic`.
        recipe: the name of a shipped recipe or a TOML file.
        options: everything else that `train` takes.

    Raises:
        MienError: as `train`, `evaluate` and `report` do.
    """
    run = train(data, recipe=recipe, verb="study", **options)
    evaluate(run, split=tested_split(run), device=stored_config(run).device)
    report(run)
    return run
