"""`RunData`: the faces of one training, opened, checked and split once; `TrainingRun`: a run folder that has them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.runs import EXCLUDED, FACES, RunDir
from mien.data.exclusion import read_digests, write_digests
from mien.data.ferplus import distribution
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.runtime.photo import face_finder
from mien.training.config import TrainConfig, stored_config

VALIDATION = "validation"
"""What the faces that a run held out are called."""

SOURCE_KEYS = ("data", "votes", "labels", "classes", "detect", "skip_bad", "exclude")
"""The config keys that say which faces there are, with which labels, and which are left out."""


@dataclass(frozen=True, eq=False)
class RunData:
    """The faces that a training is about.

    Attributes:
        config: names the data and says which rows are held out.
        faces: all faces of the data.
        learned: those that the network learns from.
        held_out: those that it is validated on.
        given: the faces as the user gave them, where no path names them, or as they were found in pictures; they are
            stored in the run.
        excluded: `uint64 (D,)`, the digests of faces that are not learned from.
    """

    config: TrainConfig
    faces: FaceSet
    learned: FaceSet
    held_out: FaceSet
    given: FaceSet | None = None
    excluded: NDArray[np.uint64] | None = None

    @classmethod
    def open(cls, config: TrainConfig, *, given: FaceSet | None = None) -> Self:
        """Read the faces that a config names, or take those that are `given`, and hold out some of the training rows.

        Raises:
            DataError: the data are missing or malformed, there are no votes to learn or no rows to hold out, fewer than
                one batch is left to learn from, or the file of excluded faces is malformed or names none of the faces.
        """
        faces = open_faces(
            given or config.data,
            votes=config.votes,
            labels=config.labels,
            classes=config.classes,
            find_face=face_finder() if config.detect else None,
            skip_bad=config.skip_bad,
        )
        if config.detect and faces.source == config.data:
            given = faces  # a run stores them, and later its own file names their source, so that they are found once
        excluded = _read_excluded(config, faces)
        learned, held_out = _hold_out(config, faces, excluded=excluded)
        return cls(config, faces, learned, held_out, given, excluded)

    def with_config(self, config: TrainConfig) -> "RunData":
        """Return the data of another config; they are read again only where it names other faces."""
        if config == self.config:
            return self
        for key in SOURCE_KEYS:
            if getattr(config, key) != getattr(self.config, key):
                found = self.config.detect  # in the pictures that the config names, which can be read again
                return RunData.open(config, given=None if found else self.given)
        learned, held_out = _hold_out(config, self.faces, excluded=self.excluded)
        return replace(self, config=config, learned=learned, held_out=held_out)

    def stored_in(self, run: RunDir) -> "RunData":
        """Store `given` faces, and what is excluded, in a run's folder, which its config names from now on."""
        stored = {}
        if self.given is not None:
            self.given.save(run.path / FACES)
            stored["data"] = str(run.path / FACES)
        if self.excluded is not None:
            write_digests(run.path / EXCLUDED, self.excluded)
            stored["exclude"] = str(run.path / EXCLUDED)
        return replace(self, config=self.config.model_copy(update=stored), given=None)

    @property
    def row_fingerprint(self) -> str:
        """Equal only where the same rows, in the same order, are read and learned from."""
        return f"{self.faces.row_fingerprint} {self.learned.row_fingerprint}"

    @property
    def left_out(self) -> int:
        """How many faces would be learned from if none were excluded, and are not."""
        if self.excluded is None:
            return 0
        learned, _ = _hold_out(self.config, self.faces, excluded=None)
        return len(learned) - len(self.learned)

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class in what is learned; votes count by their parts, and weighted classes alike."""
        faces = self.learned
        weights = np.bincount(faces.targets, minlength=len(faces.classes)).astype(float)  # (C,)
        if self.config.labels == "ferplus" and faces.votes is not None:
            weights = distribution(faces.votes).sum(axis=0, dtype=float)
        if self.config.loss.class_weights:
            weights = np.sign(weights)
        return dict(zip(faces.classes, (weights / weights.sum()).tolist(), strict=True))

    def doubts(self) -> Iterator[str]:
        """Yield what is probably not meant, a sentence each."""
        learned = np.bincount(self.learned.targets, minlength=len(self.faces.classes)) > 0  # (C,)
        found = set(self.faces.targets.tolist())
        missing = [name for i, name in enumerate(self.faces.classes) if i in found and not learned[i]]
        if missing:
            remedy = "Add faces"
            key = {"stratified": "holdout.seed", "kfold": "holdout.fold"}.get(self.config.holdout.method)
            if key:
                remedy += f", or hold out others (--set {key}=…)"
            yield (
                f"no face to learn from: {', '.join(missing)}; all are held out or excluded, so the network can't "
                f"recognise them. {remedy}"
            )
        own = int((self.faces.splits == VALIDATION).sum())
        if own and self.config.holdout.method != "file" and not self.faces.synthetic:
            yield (
                f"{own:,} faces of the split validation are not used, since faces of train are held out; "
                "--set holdout.method=file holds these out instead"
            )

    def split(self, name: str) -> FaceSet:
        """Return the faces of one split, or of several joined by commas; `validation` is what the run held out.

        Raises:
            DataError: no such split.
            UsageError: `validation` among others: the faces that are held out are in `train` too.
        """
        if name == VALIDATION:
            return self.held_out
        if VALIDATION in [part.strip() for part in name.split(",")]:
            raise UsageError(f"--split {name}: validation is what the run held out; score it alone")
        return self.faces.split(name)

    def training_beside(self, split: str) -> FaceSet:
        """Return the training faces among which duplicates of a split's faces are looked for.

        They are the whole split `train`, also what is held out, so that anybody with the data can repeat it; for
        `validation`, which is mostly a part of it, those that the network learns from.
        """
        return self.learned if split == VALIDATION else self.faces.split("train")


class TrainingRun(RunDir):
    """The folder of a training or a study, whose config and faces are read once."""

    @cached_property
    def config(self) -> TrainConfig:
        """The config that the run was made with."""
        config = stored_config(self)
        own = {"data": self.path / FACES, "exclude": self.path / EXCLUDED}  # the folder may have been moved since
        return config.model_copy(update={key: str(path) for key, path in own.items() if path.is_file()})

    @cached_property
    def data(self) -> RunData:
        """The faces that the run was made with.

        Raises:
            DataError: as in `RunData.open`; or they are other faces by now, or in another order.
        """
        data = RunData.open(self.config)
        _check_rows(self, data.faces)
        return data

    @classmethod
    def opened_with(cls, run: RunDir, data: RunData) -> Self:
        """Return a run whose faces are open already, after checking that they are its own.

        Raises:
            DataError: they are others by now, or in another order.
        """
        opened = cls(run.path)
        _check_rows(run, data.faces)
        opened.__dict__["data"] = data.with_config(opened.config)  # where `cached_property` keeps it
        return opened


def _check_rows(run: RunDir, faces: FaceSet) -> None:
    expected = run.row_fingerprint
    if faces.row_fingerprint != expected:
        raise DataError(
            f"{faces.source}: not the rows that the run learned from (their row fingerprint is "
            f"{faces.row_fingerprint}, it was {expected}), or not in that order; put the old file back"
        )


def _read_excluded(config: TrainConfig, faces: FaceSet) -> NDArray[np.uint64] | None:
    """Read which faces are not learned from; None where the config names no file."""
    if config.exclude is None:
        return None
    digests = read_digests(Path(config.exclude))
    if digests.size and not np.isin(digests, faces.digests).any():
        raise DataError(
            f"{config.exclude}: none of its {digests.size:,} faces is in {faces.source}; is it the audit of other data?"
        )
    return digests


def _hold_out(config: TrainConfig, faces: FaceSet, *, excluded: NDArray[np.uint64] | None) -> tuple[FaceSet, FaceSet]:
    """Split the training rows as the config says, and leave out what is excluded: (to learn from, held out).

    What is held out stays as it is: scores on easier faces would say less, and could not be compared.
    """
    chosen = config.holdout
    learned, held_out = hold_out(
        faces, method=chosen.method, rows=chosen.rows, fold=chosen.fold, folds=chosen.folds, seed=chosen.seed
    )
    if excluded is not None:
        learned = learned.select(~np.isin(learned.digests, excluded))
    if config.loss.votes_share and (learned.votes is None or not learned.votes.any()):
        raise DataError(
            f"{faces.source}: no votes, which loss.votes_share learns beside the labels; name their file (--votes), or "
            "set loss.votes_share to 0"
        )
    if len(learned) < config.batch:
        remedy = "lower --batch"
        if chosen.method in ("last", "stratified"):
            remedy = f"hold out fewer rows (--set holdout.rows=…) or {remedy}"
        raise DataError(
            f"{faces.source}: {len(learned):,} rows to learn from are fewer than one batch of {config.batch}; {remedy}"
        )
    if len(held_out) < config.devices:
        raise DataError(f"{faces.source}: {len(held_out)} rows held out, fewer than --devices {config.devices}")
    return learned, held_out
