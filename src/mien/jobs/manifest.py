"""What a job's folder says about itself, so that only the same job goes on in it.

```
<job>/
├── part-000000.parquet   the faces of a part, whole; pandas, DuckDB and PyArrow read the folder as one table
└── _job/                 passed over by what reads tables
    ├── manifest.json     what is done with what
    ├── bundle/           the network, so that every worker has it
    ├── begun/            the picture at which a part is that was lost before
    └── failed/           why a part could not be done
```
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from mien.core.errors import DataError, UsageError
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION
from mien.runtime.tracking import SMOOTH_S

INSIDE = "_job"
MANIFEST, BUNDLE, BEGUN, FAILED = "manifest.json", "bundle", "begun", "failed"


@dataclass(frozen=True, kw_only=True)
class JobOptions(Record):
    """How pictures are looked at; `mien.predict` explains each.  `prior` has a share for each class, or is None."""

    align: bool = True
    every: int = 1
    fps: float | None = None
    smooth_s: float = SMOOTH_S
    crops: bool = False
    min_confidence: float = 0.0
    min_px: float = 0.0
    largest: bool = False
    prior: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest(Record):
    """What a job does.

    Attributes:
        version: of mien.
        model: which network classifies.
        precision: `fp32` or `int8`.
        classes: the C class names.
        options: how pictures are looked at.
        inputs: a hash of the names of all pictures and how they are cut into parts.
        pictures: how many pictures there are; a video counts as one.
        parts: how many parts there are.
    """

    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    version: str
    model: ModelId
    precision: str
    classes: tuple[str, ...]
    options: JobOptions
    inputs: str
    pictures: int
    parts: int

    def require_same(self, wanted: "Manifest", *, folder: Path) -> None:
        """Raise `UsageError` unless `wanted` is the job that this manifest of a folder describes."""
        for field in fields(self):
            there, here = getattr(self, field.name), getattr(wanted, field.name)
            if there == here:
                continue
            if field.name == "inputs":
                what = f"other inputs ({self.pictures:,} pictures, now {wanted.pictures:,})"
            elif field.name == "model":
                what = (
                    f"another network ({there.name}, sha256 {there.sha256[:12]}…, now {here.name}, {here.sha256[:12]}…)"
                )
            else:
                what = f"other settings ({field.name}: {there}, now {here})"
            raise UsageError(f"{folder}: the folder of a job with {what}; give the same as before, or another folder")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a job's folder; raises `DataError` if it is none, or damaged."""
    path = folder / INSIDE / MANIFEST
    if not path.exists():
        raise DataError(f"{folder}: not the folder of a job: there is no {INSIDE}/{MANIFEST} in it")
    return Manifest.read(path)
