"""Reading what `mien explain` stored: each part is a JSON file with an `.npz` of the same name beside it.

Axes: `K` faces, `F` filters, `R` real faces beside a filter, `M` feature maps, `C` classes.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.core.arrays import read_arrays
from mien.core.errors import DataError
from mien.core.explanations import Explanation, FeatureMapSummary, FilterSummary
from mien.core.images import SIZE
from mien.core.runs import RunDir

Axes = dict[str, tuple[str | int, ...]]
"""The axes of each array: lengths, or names of axes that have one length in all arrays of a part."""

FACE = (SIZE, SIZE)
ATTRIBUTION: Axes = {
    "images": ("K", *FACE),
    "labels": ("K",),
    "targets": ("K",),
    "ids": ("K",),
    "probabilities": ("K", "C"),
}
OF_EACH_METHOD: Axes = {"maps": ("K", *FACE), "masked": ("K", *FACE), "class_maps": ("C", *FACE)}
FILTERS: Axes = {
    "channels": ("F",),
    "pictures": ("F", *FACE),
    "activations": ("F",),
    "real_images": ("F", "R", *FACE),
    "real_activations": ("F", "R"),
}
OF_SIMPLE_PICTURES: Axes = {
    "real_means": ("F",),
    "real_sds": ("F",),
    "simple_images": ("F", *FACE),
    "simple_names": ("F",),
    "simple_activations": ("F",),
}
"""In addition, where simple pictures were searched."""
FEATURE_MAPS: Axes = {"channels": ("M",), "maps": ("M", "h", "w"), "responses": ("M",), "image": FACE}

PICTURES = ("images", "masked", "pictures", "real_images", "simple_images", "image")
"""Arrays that are pictures, `uint8`."""
WORDS = ("ids", "simple_names")
"""Arrays of text; the others are numbers."""

Summary = TypeVar("Summary", Explanation, FilterSummary, FeatureMapSummary)


@dataclass(frozen=True, eq=False)
class Part(Generic[Summary]):
    """One part: the record in its JSON file and the arrays of its `.npz`."""

    summary: Summary
    arrays: dict[str, NDArray[Any]]


def read_attribution(run: RunDir) -> Part[Explanation] | None:
    """Read the attribution maps of a run; None where there are none.

    Raises:
        DataError: a file is missing or damaged, or an array is missing or of another shape than the others.
    """
    summary = _read_summary(run, "attribution", Explanation)
    if summary is None:
        return None
    expected = dict(ATTRIBUTION)
    for method in summary.methods:
        for key, axes in OF_EACH_METHOD.items():
            expected[f"{method}/{key}"] = axes
    return Part(summary, _read_arrays(run, "attribution", expected, {"C": len(summary.classes)}))


def read_filters(run: RunDir) -> Part[FilterSummary] | None:
    """Read the pictures of a run's filters, as `read_attribution`."""
    summary = _read_summary(run, "filters", FilterSummary)
    if summary is None:
        return None
    expected = FILTERS
    if summary.simple_pictures:
        expected = FILTERS | OF_SIMPLE_PICTURES
    return Part(summary, _read_arrays(run, "filters", expected, {"F": summary.filters}))


def read_feature_maps(run: RunDir) -> Part[FeatureMapSummary] | None:
    """Read the feature maps of a run, as `read_attribution`."""
    summary = _read_summary(run, "feature_maps", FeatureMapSummary)
    if summary is None:
        return None
    return Part(summary, _read_arrays(run, "feature_maps", FEATURE_MAPS, {}))


def _read_summary(run: RunDir, name: str, kind: type[Summary]) -> Summary | None:
    path = run.path / "explain" / f"{name}.json"
    return kind.read(path) if path.is_file() else None


def _read_arrays(run: RunDir, name: str, expected: Axes, lengths: dict[str, int]) -> dict[str, NDArray[Any]]:
    """Read an `.npz` and check its arrays; `lengths` has the lengths of named axes that are known already."""
    path = run.path / "explain" / f"{name}.npz"
    arrays = read_arrays(path, holds="explanations")
    lengths = dict(lengths)
    for key, axes in expected.items():
        if not _fits(arrays.get(key), key, axes, lengths):
            found = f"{arrays[key].dtype} {arrays[key].shape}" if key in arrays else "missing"
            raise DataError(f"{path}: {key} is {found}, expected {axes}; explain the run again: mien explain RUN")
    return arrays


def _fits(array: NDArray[Any] | None, key: str, axes: tuple[str | int, ...], lengths: dict[str, int]) -> bool:
    """Whether an array has these axes; a named axis is as long as in the first array that has it."""
    if array is None or array.ndim != len(axes):
        return False
    if key.rpartition("/")[2] in PICTURES:
        if array.dtype != np.uint8:
            return False
    elif array.dtype.kind not in ("U" if key in WORDS else "if"):
        return False
    for axis, length in zip(axes, array.shape, strict=True):
        expected = lengths.setdefault(axis, length) if isinstance(axis, str) else axis
        if length != expected:
            return False
    return True
