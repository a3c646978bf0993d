"""`FaceSet`: labelled faces in memory, checked when built.  Axes: `N` faces, `C` classes, `H = W = 48`, `V` votes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.arguments import checked
from mien.core.arrays import read_arrays, write_arrays
from mien.core.errors import DataError
from mien.core.images import require_faces
from mien.core.labels import check_names

UNLABELLED = -1
"""The target of a face without a label."""

HASHED_AT_ONCE = 10_000
"""Rows of which a fingerprint holds the text."""


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Grey faces with their labels and splits.

    Attributes:
        images: `uint8 (N, 48, 48)`.
        targets: `int64 (N,)`, an index into `classes`, or `UNLABELLED`.
        classes: the C class names in label order.
        splits: `str (N,)`, which part each face belongs to: `train`, `validation`, `test`, or the data's own name.
        ids: `str (N,)`, how a person finds the face in the source: a row number or a file path.
        source: the path or name that it was read from.
        votes: `uint8 (N, V)` votes of annotators, or None.
        vote_names: the V names of the vote columns.
        synthetic: True when the faces were drawn, not photographed; said wherever a result shows.
        notes: what the reader decided that a person should know, such as folders that became one class; one sentence
            each.
        not_found: the pictures that were left out because no face was found in them.

    Raises:
        DataError: a shape, dtype or value that does not fit.

    >>> faces = FaceSet(images=np.zeros((2, 48, 48), np.uint8), targets=np.array([0, 1]), classes=("happy", "sad"),
    ...                 splits=np.array(["train", "test"]), ids=np.array(["0", "1"]), source="example")
    >>> len(faces.split("test"))
    1
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    splits: NDArray[np.str_]
    ids: NDArray[np.str_]
    source: str
    votes: NDArray[np.uint8] | None = None
    vote_names: tuple[str, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images = self.images
        require_faces(images, what=f"{self.source}: faces")
        for name in ("targets", "splits", "ids", "votes"):
            values = getattr(self, name)
            if values is not None and not isinstance(values, np.ndarray):
                raise DataError(f"{self.source}: {name} are a {type(values).__name__}, expected an array")
            if values is not None and len(values) != len(images):
                raise DataError(f"{self.source}: {len(values)} {name} for {len(images)} faces")
        if self.targets.ndim != 1 or self.targets.dtype.kind not in "iu":
            raise DataError(
                f"{self.source}: targets are {self.targets.dtype} {self.targets.shape}, expected int64 (N,)"
            )
        check_names(self.classes, source=self.source)
        wrong = np.flatnonzero((self.targets < UNLABELLED) | (self.targets >= len(self.classes)))
        if wrong.size:
            raise DataError(
                f"{self.source}, face {self.ids[wrong[0]]}: label {self.targets[wrong[0]]}, "
                f"expected 0 to {len(self.classes) - 1}"
            )
        if self.votes is not None and self.votes.shape[1:] != (len(self.vote_names),):
            raise DataError(f"{self.source}: votes {self.votes.shape} for {len(self.vote_names)} names")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """`bool (N,)`: which faces have a label."""
        labelled: NDArray[np.bool_] = self.targets != UNLABELLED
        return labelled

    @checked
    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "FaceSet":
        """Return the faces at `rows` (a mask `bool (N,)` or indices), in that order."""
        votes = None if self.votes is None else self.votes[rows]
        return replace(
            self,
            images=self.images[rows],
            targets=self.targets[rows],
            splits=self.splits[rows],
            ids=self.ids[rows],
            votes=votes,
        )

    @checked
    def split(self, names: str) -> "FaceSet":
        """Return one split, or several joined by commas (`"test,private-test"`).

        Raises:
            DataError: a split has no faces.
        """
        wanted = names.split(",")
        for name in wanted:
            if name not in self.splits:
                raise DataError(f"{self.source}: no faces in split '{name}'; it has {self._split_counts()}")
        return self.select(np.isin(self.splits, wanted))

    @checked
    def save(self, path: Path) -> None:
        """Write an `.npz` of plain arrays, atomically; `open_faces` reads it, too."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        write_arrays(path, {name: np.asarray(value) for name, value in values.items() if value is not None})

    @classmethod
    @checked
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: no such file, damaged, or not faces.
        """
        values: dict[str, Any] = dict(read_arrays(path, holds="faces"))
        known = {field.name for field in fields(cls)}
        missing = known - {"votes", "notes", "not_found"} - values.keys()
        unknown = values.keys() - known
        if missing or unknown:
            raise DataError(
                f"{path}: not a file of faces "
                f"(missing: {', '.join(sorted(missing)) or 'none'}; unknown: {', '.join(sorted(unknown)) or 'none'})"
            )
        for name in ("classes", "vote_names", "notes", "not_found"):
            values[name] = tuple(map(str, np.atleast_1d(values.get(name, ()))))
        try:
            values |= {"source": str(values["source"]), "synthetic": bool(values["synthetic"])}
            return cls(**values)
        except (TypeError, ValueError, AttributeError, DataError) as error:
            raise DataError(f"{path}: not a file of faces ({error})") from None

    def _split_counts(self) -> str:
        names, counts = np.unique(self.splits, return_counts=True)
        return ", ".join(f"{name} ({count:,})" for name, count in zip(names, counts, strict=True)) or "no rows"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: counts, and the first faces of each class."""
        from mien.core.notebook import show_faces

        return show_faces(self)

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """`uint64 (N,)`: a hash of each face's pixels; equal where the faces are exact copies."""
        parts = [hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in self.images]
        return np.frombuffer(b"".join(parts), dtype="<u8")

    def __deepcopy__(self, memo: object) -> "FaceSet":
        """Stay the same, as all that never changes may."""
        return self

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what the set holds (pixels, labels, splits), whatever the file format and the order of its rows."""
        return fingerprint(self.digests, self.targets, self.splits, classes=self.classes)

    @cached_property
    def row_fingerprint(self) -> str:
        """A hash of pixels, labels, splits and votes, equal only where the same rows come in the same order."""
        hashed = hashlib.sha256(self.digests.tobytes() + self.targets.astype("<i8").tobytes())
        hashed.update("\n".join((*self.classes, *self.splits.tolist())).encode())
        hashed.update(b"" if self.votes is None else self.votes.tobytes())
        return hashed.hexdigest()[:16]


def fingerprint(
    digests: NDArray[np.uint64], targets: NDArray[np.int64], splits: NDArray[np.str_], *, classes: tuple[str, ...]
) -> str:
    """Return what `FaceSet.fingerprint` is of N faces with these digests, targets and splits, each `(N,)`."""
    names = (*classes, "")  # the last is UNLABELLED's
    order = np.lexsort((splits, np.argsort(np.argsort(names))[targets], digests))
    hashed = hashlib.sha256()
    for start in range(0, len(order), HASHED_AT_ONCE):
        rows = order[start : start + HASHED_AT_ONCE]
        told = zip(digests[rows].tolist(), targets[rows].tolist(), splits[rows].tolist(), strict=True)
        text = "\n".join(f"{digest:016x} {names[target]} {split}" for digest, target, split in told)
        hashed.update((("\n" if start else "") + text).encode())
    return hashed.hexdigest()[:16]


def join(parts: Iterable[FaceSet]) -> FaceSet:
    """Put the faces of sets with the same classes and votes one after the other; at least one."""
    held = list(parts)
    votes = [part.votes for part in held if part.votes is not None]
    return replace(
        held[0],
        images=np.concatenate([part.images for part in held]),
        targets=np.concatenate([part.targets for part in held]),
        splits=np.concatenate([part.splits for part in held]),
        ids=np.concatenate([part.ids for part in held]),
        votes=np.concatenate(votes) if votes else None,
        notes=tuple(dict.fromkeys(note for part in held for note in part.notes)),
        not_found=tuple(name for part in held for name in part.not_found),
    )
