"""Reading what `mien explain` left: each part a JSON file with an `.npz` of the same name beside it.

Axes: `K` faces, `F` filters, `R` real faces beside a filter, `M` feature maps, `C` classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.files import read_arrays
from mien.core.images import SIZE
from mien.core.runs import RunDir

Axes = dict[str, tuple[str | int, ...]]
"""Array → its axes: lengths, or names of axes that are as long everywhere in the part."""
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
    "units": ("F",),
    "pictures": ("F", *FACE),
    "activations": ("F",),
    "real_images": ("F", "R", *FACE),
    "real_activations": ("F", "R"),
}
FEATURE_MAPS: Axes = {"channels": ("M",), "maps": ("M", "h", "w"), "responses": ("M",), "image": FACE}
PARTS = {"attribution": ATTRIBUTION, "filters": FILTERS, "feature_maps": FEATURE_MAPS}
PICTURES = ("images", "masked", "pictures", "real_images", "image")
"""Arrays that are pictures, `uint8`; the others are numbers."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """One part: the values of its JSON file and the arrays of its `.npz`."""

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def read_part(run: RunDir, name: str, *, values: dict[str, Any] | None) -> Explanation | None:
    """Read the arrays that belong to `explain/<name>.json`.

    Args:
        run: the run folder.
        name: `attribution`, `filters` or `feature_maps`.
        values: the content of the JSON file; None where there is none.

    Raises:
        DataError: the `.npz` is missing or damaged, or an array is missing or of another shape than the others.
    """
    if values is None:
        return None
    path = run.path / "explain" / f"{name}.npz"
    arrays = read_arrays(path, holds="explanations")
    expected = PARTS[name]
    sizes: dict[str | int, int] = {}
    if name == "attribution":
        sizes["C"] = len(values["classes"])
        expected = expected | {
            f"{method}/{key}": axes for method in values["methods"] for key, axes in OF_EACH_METHOD.items()
        }
    for key, axes in expected.items():
        if not _fits(arrays.get(key), key, axes, sizes=sizes):
            found = f"{arrays[key].dtype} {arrays[key].shape}" if key in arrays else "missing"
            raise DataError(f"{path}: {key} is {found}, expected {axes}; explain the run again: mien explain RUN")
    return Explanation(values, arrays)


def _fits(array: NDArray[Any] | None, key: str, axes: tuple[str | int, ...], *, sizes: dict[str | int, int]) -> bool:
    """Whether an array has these axes; a named axis is as long as in the first array that had it."""
    if array is None or array.ndim != len(axes):
        return False
    if key.rpartition("/")[2] in PICTURES:
        if array.dtype != np.uint8:
            return False
    elif array.dtype.kind not in ("U" if key == "ids" else "if"):
        return False
    return all(
        length == (sizes.setdefault(axis, length) if isinstance(axis, str) else axis)
        for axis, length in zip(axes, array.shape, strict=True)
    )
