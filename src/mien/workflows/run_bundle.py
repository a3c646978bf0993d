"""From what a user calls a model to a bundle; a training run is exported into its own folder when it is needed."""

import hashlib
import logging
from pathlib import Path

from mien.core.bundle import CARD, DEFAULT, Bundle, weights
from mien.core.errors import DataError, MissingExtraError, pip_install
from mien.core.open_model import open_model
from mien.core.runs import RunDir

log = logging.getLogger(__name__)

FOLDER = "bundle"
"""Where in a run's folder its bundle lies."""


def find_model(model: RunDir | Bundle | str | Path | None) -> Bundle:
    """Return the bundle that a user means: by its name or folder, or that of a training run.

    Args:
        model: as in `mien.load`.

    Raises:
        DataError: no such model, or a file of it is missing or damaged.
        MissingExtraError: a run that is not exported yet, and PyTorch is not installed.
        UsageError: a run and a bundle have that name.
    """
    if model is None:
        return Bundle.open(weights() / DEFAULT)
    try:
        opened = open_model(model)
    except DataError:
        if not isinstance(model, str | Path):
            raise
        return Bundle.open(model)  # its error names the bundles that there are
    return bundle_of(opened) if isinstance(opened, RunDir) else opened


def bundle_of(run: RunDir) -> Bundle:
    """Return a training run's bundle, exported now unless the one in its folder is of the same weights.

    Raises:
        DataError: the run has no network (yet), or its data have changed.
        MissingExtraError: it must be exported, and PyTorch is not installed.
    """
    run.check_trained()
    folder = run.path / FOLDER
    if (folder / CARD).is_file():
        bundle = Bundle.open(folder)
        if bundle.card.training.weights_sha256 == weights_sha256(run):
            return bundle
    try:
        from mien.workflows.export import export
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{run.path}: a training run, which must be exported once, and that needs {error.name}: "
            f"{pip_install('train')}"
        ) from None
    log.info("exporting %s into %s", run.path.name, folder)
    with run.locked():
        return export(run, out=folder, overwrite=True)


def weights_sha256(run: RunDir) -> str:
    """Return the sha256 of a run's `model.safetensors`; raises `DataError` if it can't be read."""
    path = run.path / "model.safetensors"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); train the run to its end first") from None
