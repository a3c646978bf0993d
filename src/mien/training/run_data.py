"""`RunData`: the faces of one training, opened, checked and split once; `TrainingRun`: a run folder that has them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.runs import RunDir
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.training.config import TrainConfig, stored_config

VALIDATION = "validation"
"""What the faces that a run held out are called."""

SOURCE_KEYS = ("data", "votes", "labels", "skip_bad")
"""The config keys that say which faces there are, and with which labels."""


@dataclass(frozen=True, eq=False)
class RunData:
    """The faces that a training is about.

    Attributes:
        config: names the data and says which rows are held out.
        faces: all faces of the data.
        learned: those that the network learns from.
        held_out: those that it is validated on.
    """

    config: TrainConfig
    faces: FaceSet
    learned: FaceSet
    held_out: FaceSet

    @classmethod
    def open(cls, config: TrainConfig) -> Self:
        """Read the faces that a config names, and hold out its share of the training rows.

        Raises:
            DataError: the data are missing or malformed, there are no rows to hold out, or fewer than one batch is left
                to learn from.
        """
        return cls.of(config, _read(config))

    @classmethod
    def of(cls, config: TrainConfig, faces: FaceSet) -> Self:
        """Hold out a config's share of the training rows of faces that are open already; errors as in `open`."""
        learned, held_out = _hold_out(config, faces)
        return cls(config, faces, learned, held_out)

    @classmethod
    def of_run(cls, run: RunDir) -> Self:
        """Read the faces that a run was made with.

        Raises:
            DataError: as in `open`; or they are other faces by now, or in another order.
        """
        config = stored_config(run)
        faces = _read(config)
        _check_rows(run, faces)
        return cls.of(config, faces)

    def with_config(self, config: TrainConfig) -> "RunData":
        """Return the data of another config; they are read again only where it names other faces."""
        for key in SOURCE_KEYS:
            if getattr(config, key) != getattr(self.config, key):
                return RunData.open(config)
        return RunData.of(config, self.faces)

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


class TrainingRun(RunDir):
    """The folder of a training or a study, whose config and faces are read once."""

    @cached_property
    def config(self) -> TrainConfig:
        """The config that the run was made with."""
        return stored_config(self)

    @cached_property
    def data(self) -> RunData:
        """The faces that the run was made with; errors as in `RunData.of_run`."""
        return RunData.of_run(self)

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


def _read(config: TrainConfig) -> FaceSet:
    return open_faces(config.data, votes=config.votes, labels=config.labels, skip_bad=config.skip_bad)


def _check_rows(run: RunDir, faces: FaceSet) -> None:
    expected = run.row_fingerprint
    if faces.row_fingerprint != expected:
        raise DataError(
            f"{faces.source}: not the rows that the run learned from (their row fingerprint is "
            f"{faces.row_fingerprint}, it was {expected}), or not in that order; put the old file back"
        )


def _hold_out(config: TrainConfig, faces: FaceSet) -> tuple[FaceSet, FaceSet]:
    """Split the training rows as the config says: (to learn from, held out)."""
    chosen = config.holdout
    learned, held_out = hold_out(
        faces, method=chosen.method, rows=chosen.rows, fold=chosen.fold, folds=chosen.folds, seed=chosen.seed
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
