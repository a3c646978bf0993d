"""`doctor`: what is installed, whether what ships is whole, and how fast it is; without the training libraries."""

import hashlib
import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

from mien.core.bundle import DEFAULT, GRAPHS, Bundle, shipped, weights
from mien.core.card import GraphPrecision
from mien.core.diagnosis import Diagnosis, FileInfo, InferenceTime, PackageInfo, RuntimeInfo
from mien.core.errors import DataError

REPEATS = 30
WARM_UP = 3
"""Inferences before the first that is timed."""


def doctor() -> Diagnosis:
    """Examine the installation, for a bug report.

    Nothing is written, and the user's home folder appears as `~`.  Whatever fails has a `problem`, which is None
    elsewhere: a broken installation gets a report too.

    >>> found = doctor()
    >>> [file.file for file in found.files if file.problem], found.inference.ms_per_face > 0
    ([], True)
    """
    return Diagnosis(
        mien=metadata.version("mien"),
        location=_without_home(str(Path(__file__).parents[1])),
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        system=platform.platform(),
        processor=_processor(),
        packages=tuple(_packages()),
        runtime=_runtime(),
        files=tuple(_files()),
        inference=_inference(),
    )


def _packages() -> list[PackageInfo]:
    """List what mien depends on, and the extras that bring it; what only developers need is left out."""
    extras: dict[str, list[str]] = {}
    for line in metadata.requires("mien") or []:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"](.+?)['\"]", line)
        if extra is None:
            extras.setdefault(name, [])
        elif extra[1] != "dev":
            extras.setdefault(name, []).append(extra[1])
    packages = []
    for name, brought_by in extras.items():
        packages.append(PackageInfo(name=name, version=_version(name), extras=tuple(brought_by)))
    return packages


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")  # only Linux has it
    if cpu_info.is_file():
        named = re.search(r"^model name\s*: (.+)$", cpu_info.read_text(), re.MULTILINE)
        if named:
            return named[1]
    return platform.processor() or platform.machine()


def _runtime() -> RuntimeInfo:
    try:
        import onnxruntime

        from mien.runtime.devices import available_devices, usable_cores

        return RuntimeInfo(
            problem=None,
            version=onnxruntime.__version__,
            providers=tuple(onnxruntime.get_available_providers()),
            devices=tuple(available_devices()),
            threads=usable_cores(),
        )
    except Exception as error:  # whatever is broken belongs into the report
        return RuntimeInfo(problem=_problem(error))


def _files() -> list[FileInfo]:
    files = []
    for name in shipped():
        for precision in _precisions(name):
            files.append(_file(f"{name}/{GRAPHS[precision]}", lambda: _read_graph(name, precision)))  # noqa: B023 - called at once
    files.append(_file("yunet", _read_detector))
    return files


def _precisions(name: str) -> list[GraphPrecision]:
    """Name a bundle's graphs: those of its card, or all that there may be where the card can't be read."""
    try:
        return list(Bundle.open(weights() / name).card.files)
    except DataError:
        return list(GRAPHS)  # reading them says what is wrong with the card


def _file(file: str, read: Callable[[], bytes]) -> FileInfo:
    try:
        return FileInfo(file=file, problem=None, sha256=hashlib.sha256(read()).hexdigest())
    except Exception as error:  # whatever is broken belongs into the report
        return FileInfo(file=file, problem=_problem(error))


def _read_graph(name: str, precision: GraphPrecision) -> bytes:
    return Bundle.open(weights() / name).read_model(precision)


def _read_detector() -> bytes:
    from mien.runtime.detect import model_path, read_model

    return read_model(model_path())


def _inference() -> InferenceTime:
    try:
        from mien.runtime.session import BundleModel

        model = BundleModel.open(weights() / DEFAULT)
        face = np.zeros((1, 48, 48), np.uint8)
        times_s = []
        for _ in range(WARM_UP + REPEATS):
            start_s = time.perf_counter()
            model(face)
            times_s.append(time.perf_counter() - start_s)
        return InferenceTime(
            problem=None,
            model=DEFAULT,
            precision=model.precision,
            device=model.device,
            repeats=REPEATS,
            ms_per_face=round(1000 * statistics.median(times_s[WARM_UP:]), 3),
        )
    except Exception as error:  # whatever is broken belongs into the report
        return InferenceTime(problem=_problem(error))


def _problem(error: Exception) -> str:
    return _without_home(f"{type(error).__name__}: {error}")


def _without_home(text: str) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where the user has none
    if home == os.sep:  # as in some containers
        return text
    return text.replace(home, "~")
