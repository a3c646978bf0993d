"""`connect`: an executor whose workers are those of a Dask cluster, checked before anything is begun."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from mien.core.errors import DataError, MissingExtraError, UsageError, pip_install

WAIT_S = 10
"""So long an answer is waited for."""

SHOWN = 3
"""So many workers are named in an error."""


@contextmanager
def connect(address: str, *, folder: Path, picture: str) -> Iterator[Executor]:
    """Connect to a Dask cluster's scheduler.

    Args:
        address: of the scheduler, such as `tcp://10.0.0.1:8786`.
        folder: the job's folder, absolute; it must exist.  Workers must be able to write in it.
        picture: the name of one input, which workers must be able to read.

    Raises:
        DataError: workers don't see the folder or the picture under these names.
        MissingExtraError: Dask is not installed.
        UsageError: no scheduler answers at the address, it has no workers, or they have another version of mien.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError(f"a cluster needs Dask: {pip_install('cluster')}") from None
    try:
        client = Client(address, timeout=WAIT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UsageError(f"{address}: no Dask scheduler answers there ({error or 'no answer'})") from None
    with client:
        found = client.run(look, str(folder), picture, on_error="return")
        if not found:
            raise UsageError(f"{address}: the scheduler has no workers; start some with `dask worker {address}`")
        _check(found, folder, picture)
        # Dask would take the result of an equal call, also of a part whose file was removed since.
        with client.get_executor(pure=False) as executor:  # type: ignore[no-untyped-call]
            yield executor


def look(folder: str, picture: str) -> tuple[str, bool, bool]:
    """Say, on a worker, which version of mien it has, and whether it sees a folder and a picture."""
    return metadata.version("mien"), Path(folder).is_dir(), Path(picture).exists()


def _check(found: dict[str, object], folder: Path, picture: str) -> None:
    """Raise unless all workers, by their addresses, answered `look` as they should."""
    here = metadata.version("mien")
    foreign, blind, without = [], [], []
    for worker, answer in found.items():
        if not isinstance(answer, tuple):  # the exception, such as that there is no mien
            foreign.append(f"{worker}: {answer}")
            continue
        version, sees_folder, sees_picture = answer
        if version != here:
            foreign.append(f"{worker}: {version}")
        if not sees_folder:
            blind.append(worker)
        if not sees_picture:
            without.append(worker)
    if foreign:
        raise UsageError(f"workers need mien {here}, as here ({_some(foreign)})")
    if blind:
        raise DataError(f"{folder}: not seen by {_some(blind)}; workers need the same file system under the same names")
    if without:
        raise DataError(
            f"{picture}: not seen by {_some(without)}; workers need the same files under the same names, and a name "
            "that is not absolute counts from the folder in which a worker was started"
        )


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return "; ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
