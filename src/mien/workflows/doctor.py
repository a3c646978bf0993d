"""`examine`: what is installed, whether what ships is whole, and how fast it is; without the training libraries."""

import hashlib
import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

import mien
from mien.core.bundle import DEFAULT, GRAPHS, Bundle, Precision, shipped, weights
from mien.core.errors import DataError
from mien.core.schema import SCHEMA_VERSION

REPEATS = 30
WARM_UP = 3
"""Inferences before the first that is timed."""


def examine() -> dict[str, Any]:
    """Examine the installation, for a bug report; nothing is written, and of the user's folders only `~` is said.

    Returns:
        `mien`, `python`, `system`, `processor`: versions and names; `location` of the package; `packages`: name,
        version or None, and the extras that bring it, none if mien always needs it; `runtime`: ONNX Runtime's version,
        providers, mien's devices and the threads that compute by default; `files`: what ships trained, each with its
        sha256; `inference`: the median time of one face, in ms, in the network that ships as the default.  What fails
        has a `problem`, which is None elsewhere.

    >>> found = examine()
    >>> [file["file"] for file in found["files"] if file["problem"]], found["inference"]["ms_a_face"] > 0
    ([], True)
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "mien": mien.__version__,
        "location": _without_home(str(Path(mien.__file__).parent)),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "processor": _processor(),
        "packages": packages(),
        "runtime": _tried(_runtime),
        "files": _files(),
        "inference": _tried(_inference),
    }


def packages() -> list[dict[str, Any]]:
    """Versions of what mien depends on, and the extras that bring it; those for developers are left out."""
    extras: dict[str, list[str]] = {}
    for line in metadata.requires("mien") or []:
        name, extra = re.split(r"[^\w.-]", line, maxsplit=1)[0], re.search(r"extra == ['\"](.+?)['\"]", line)
        if not extra or extra[1] != "dev":
            extras.setdefault(name, []).extend([extra[1]] if extra else [])
    return [{"name": name, "version": _version(name), "extras": brought_by} for name, brought_by in extras.items()]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")  # Linux
    named = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.is_file() else None
    return named[1] if named else platform.processor() or platform.machine()


def _runtime() -> dict[str, Any]:
    import onnxruntime

    from mien.runtime.devices import available_devices, usable_cores

    return {
        "version": onnxruntime.__version__,
        "providers": onnxruntime.get_available_providers(),
        "devices": available_devices(),
        "threads": usable_cores(),
    }


def _files() -> list[dict[str, Any]]:
    graphs = [
        _checked(f"{name}/{file}", partial(_graph, name, cast(Precision, precision)))
        for name in shipped()
        for precision, file in _graphs(name).items()
    ]
    return [*graphs, _checked("yunet", _detector)]


def _graphs(name: str) -> dict[str, str]:
    """Name a bundle's graphs: those of its card, or all that there may be where it can't be read."""
    try:
        files = Bundle.open(weights() / name).card["files"]
    except DataError:
        return GRAPHS  # reading them says what is wrong with the card
    return {precision: files[precision]["file"] for precision in files}


def _checked(file: str, read: Callable[[], bytes]) -> dict[str, Any]:
    return {"file": file} | _tried(lambda: {"sha256": hashlib.sha256(read()).hexdigest()})


def _graph(name: str, precision: Precision) -> bytes:
    return Bundle.open(weights() / name).read_model(precision)


def _detector() -> bytes:
    from mien.runtime.detect import model_path, read_model

    return read_model(model_path())


def _inference() -> dict[str, Any]:
    from mien.runtime.session import BundleModel

    model, face, times_s = BundleModel.open(weights() / DEFAULT), np.zeros((1, 48, 48), np.uint8), []
    for _ in range(WARM_UP + REPEATS):
        start_s = time.perf_counter()
        model(face)
        times_s.append(time.perf_counter() - start_s)
    return {
        "model": DEFAULT,
        "precision": model.precision,
        "device": model.device,
        "repeats": REPEATS,
        "ms_a_face": round(1000 * statistics.median(times_s[WARM_UP:]), 3),
    }


def _tried(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a check finds, and its problem: whatever is broken, that is what the report is for."""
    try:
        return check() | {"problem": None}
    except Exception as error:
        return {"problem": _without_home(f"{type(error).__name__}: {error}")}


def _without_home(text: str) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where the user has none
    return text if home == os.sep else text.replace(home, "~")  # as some containers have it
