"""`Predictions`: a classifier's probabilities for N faces, and what evaluation needs.  Axes: `N` faces, `C` classes."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.arguments import checked
from mien.core.arrays import read_arrays, write_arrays
from mien.core.errors import DataError
from mien.core.labels import check_names

_ARRAYS = {"ids": ("str", 1), "targets": ("int", 1), "duplicates": ("bool", 1), "votes": ("int", 2)}
"""What each array holds, and its number of axes; the first has N entries."""

_KINDS = {"str": "UTiu", "int": "iu", "bool": "b"}
"""The dtypes (NumPy's `kind`) that hold it; numbers may be ids too."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities, and what is known about the faces they belong to.

    Attributes:
        probabilities: `float32 (N, C)`, rows that sum to 1.
        classes: the C class names in label order.
        ids: `str (N,)`, as in `FaceSet.ids`.
        targets: `int64 (N,)`, or None where nothing is labelled; -1 for single faces without a label.
        duplicates: `bool (N,)`, True where the face is an exact duplicate of a training face, or None where not known.
        votes: `uint8 (N, V)` annotators' votes, or None.
        vote_names: the V names of the vote columns.
        source: the data they were made from.
        synthetic: True when the faces were drawn.

    Raises:
        DataError: a shape or dtype that does not fit, or rows that do not sum to 1.
    """

    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    targets: NDArray[np.int64] | None = None
    duplicates: NDArray[np.bool_] | None = None
    votes: NDArray[np.uint8] | None = None
    vote_names: tuple[str, ...] = ()
    source: str = ""
    synthetic: bool = False

    def __post_init__(self) -> None:
        check_names(self.classes, source=self.source)
        shape = self.probabilities.shape
        if self.probabilities.dtype.kind != "f":
            raise DataError(f"{self.source}: probabilities are {self.probabilities.dtype}, expected float32")
        if len(shape) != 2 or shape[1] != len(self.classes):
            raise DataError(f"{self.source}: probabilities {shape} for {len(self.classes)} classes")
        for name, (kind, axes) in _ARRAYS.items():
            values = getattr(self, name)
            if values is None:
                continue
            if not isinstance(values, np.ndarray):
                raise DataError(f"{self.source}: {name} are a {type(values).__name__}, expected an array")
            if values.ndim != axes or values.dtype.kind not in _KINDS[kind]:
                raise DataError(
                    f"{self.source}: {name} are {values.dtype} {values.shape}, expected {kind} "
                    + ("(N,)" if axes == 1 else "(N, V)")
                )
            if len(values) != shape[0]:
                raise DataError(f"{self.source}: {len(values)} {name} for {shape[0]} faces")
        with np.errstate(invalid="ignore"):  # infinities
            sums = self.probabilities.sum(axis=1, dtype=np.float64)
        wrong = np.flatnonzero(~(np.abs(sums - 1) < 1e-3) | (self.probabilities < 0).any(axis=1))
        if wrong.size:
            raise DataError(
                f"{self.source}, face {self.ids[wrong[0]]}: not probabilities (they sum to {sums[wrong[0]]:.4g})"
            )

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> NDArray[np.int64]:
        """`int64 (N,)`: the most probable class of each face."""
        labels: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return labels

    @checked
    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Predictions":
        """Return the faces at `rows` (a mask `bool (N,)` or indices), in that order."""
        return replace(
            self,
            probabilities=self.probabilities[rows],
            ids=self.ids[rows],
            targets=None if self.targets is None else self.targets[rows],
            duplicates=None if self.duplicates is None else self.duplicates[rows],
            votes=None if self.votes is None else self.votes[rows],
        )

    @checked
    def save(self, path: Path) -> None:
        """Write an `.npz` of plain arrays, atomically."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        write_arrays(path, {name: np.asarray(value) for name, value in values.items() if value is not None})

    @classmethod
    @checked
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` wrote.

        Raises:
            DataError: no such file, damaged, or not predictions.
        """
        values: dict[str, Any] = dict(read_arrays(path, holds="predictions"))
        missing = {"probabilities", "classes", "ids"} - values.keys()
        unknown = values.keys() - {field.name for field in fields(cls)}
        if missing or unknown:
            raise DataError(
                f"{path}: not a file of predictions "
                f"(missing: {', '.join(sorted(missing)) or 'none'}; unknown: {', '.join(sorted(unknown)) or 'none'})"
            )
        for name in ("classes", "vote_names"):
            values[name] = tuple(map(str, np.atleast_1d(values.get(name, np.empty(0, str)))))
        try:
            values |= {"source": str(values.get("source", path)), "synthetic": bool(values.get("synthetic", False))}
            return cls(**values)
        except (TypeError, ValueError, DataError) as error:
            message = str(error).removeprefix(f"{path}: ")
            raise DataError(f"{path}: not a file of predictions ({message})") from None
