"""`Diagnosis`: what is installed, whether it is whole, and how fast it is; for a bug report."""

from dataclasses import dataclass
from typing import ClassVar

from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class PackageInfo(Record):
    """A package that mien depends on.

    Attributes:
        name: as pip knows it.
        version: None where it is not installed.
        extras: the optional parts that bring it; empty where mien always needs it.
    """

    name: str
    version: str | None
    extras: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RuntimeInfo(Record):
    """ONNX Runtime.

    Attributes:
        problem: why it can't be used; None where it can.
        version: its version.
        providers: its execution providers.
        devices: what mien calls those that can be chosen.
        threads: how many compute by default.
    """

    problem: str | None
    version: str | None = None
    providers: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class FileInfo(Record):
    """A file that ships with mien: its sha256, or the problem with it."""

    file: str
    problem: str | None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class InferenceTime(Record):
    """How long one face takes in the default network.

    Attributes:
        problem: why it can't be measured; None where it can.
        model: the network.
        precision: of its graph.
        device: that computes.
        repeats: how often it was timed.
        ms_per_face: the median, in milliseconds.
    """

    problem: str | None
    model: str | None = None
    precision: str | None = None
    device: str | None = None
    repeats: int | None = None
    ms_per_face: float | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Record):
    """The state of an installation.

    Attributes:
        mien: its version.
        location: of the package; the user's home folder is written as `~`.
        python: version and implementation.
        system: the operating system.
        processor: its name.
        packages: what mien depends on.
        runtime: ONNX Runtime.
        files: what ships with mien.
        inference: how fast it is.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    mien: str
    location: str
    python: str
    system: str
    processor: str
    packages: tuple[PackageInfo, ...]
    runtime: RuntimeInfo
    files: tuple[FileInfo, ...]
    inference: InferenceTime
