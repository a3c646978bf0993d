"""`open_model`: the run or the bundle that a user means."""

import logging
from pathlib import Path

from mien.core.bundle import Bundle, find
from mien.core.errors import UsageError
from mien.core.runs import RunDir, runs_named

log = logging.getLogger(__name__)


def open_model(model: str | Path | RunDir | Bundle) -> RunDir | Bundle:
    """Open the run or the bundle that a user means.

    A run in the folder of that name, here, comes before a bundle that has the name elsewhere, which is told.

    Raises:
        DataError: there is none.
        UsageError: a run and a bundle have that name elsewhere.
    """
    if isinstance(model, RunDir | Bundle):
        return model
    bundle = find(model)
    if bundle is None:
        return RunDir.open(model)
    # A folder that is both a run's and a bundle's counts as the bundle.
    runs = [path for path in runs_named(model) if path.absolute() != bundle]
    if runs == [Path(model)]:
        log.info("'%s': the run in this folder, not the bundle %s", model, bundle)
        return RunDir.open(model)
    if runs:
        raise UsageError(f"'{model}' names a bundle and a run: {bundle} and {runs[0]}; give the path")
    return Bundle.open(model)
