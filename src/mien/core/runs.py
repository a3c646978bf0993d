"""`RunDir`: the folder in which one run keeps all that it read, decided and found.

```
runs/<verb>/<name>/
├── config.json        the resolved config and the command line; repeats the run
├── status.json        running | finished | stopped-early | interrupted | failed, with the reason
├── faces.npz         the faces, where they were given in memory
├── exclude.csv       the digests of the faces that were left out
├── metrics.csv        one row an epoch; timing.csv: the same epochs in seconds and faces/s
├── model.safetensors  the kept epoch's weights, with model.json: classes, normalisation, model name
├── checkpoints/       last.ckpt (all that resuming needs), best.ckpt
├── eval/<split>/      predictions.npz, metrics.json, examples.npz, top_confusions.npz; <data>-<split>/ for other data
├── explain/           what the network looks at: attributions, filters, feature maps
├── arms/<arm>/seed-0/ of an ablation: one run folder each, with ablation.json and ablation.csv above them
├── ensemble.json     of an ensemble: its members, temperature and gain
└── report.html
```
"""

import contextlib
import glob
import hashlib
import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mien.core.bundle import find as find_bundle
from mien.core.errors import DataError, Interrupted, UsageError
from mien.core.files import (
    is_file,
    read_json,
    refuse_address,
    refuse_links,
    remove,
    remove_leftovers,
    set_aside,
    storage_errors,
    write_json,
)
from mien.core.lock import locked
from mien.core.model_id import ModelId
from mien.core.records import Record
from mien.core.run_names import check_name
from mien.core.schema import SCHEMA_VERSION, check_schema

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Epoch(Record):
    """A row of `metrics.csv`.

    Attributes:
        epoch: counts from 1.
        lr: the learning rate at its end.
        train_loss: the mean loss over its training batches, as they were learned from.
        train_accuracy: the share of those faces that were classified right.
        val_loss: the log loss on the held-out faces after it.
        val_accuracy: the accuracy on them.
    """

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float


HISTORY = tuple(field.name for field in fields(Epoch))
"""The columns of `metrics.csv`."""

TIMING = ("epoch", "seconds", "train_faces_per_s")
"""The columns of `timing.csv`."""

RESULTS = ("eval", "explain", "report.html", "bundle")
"""What describes the model of a run, and is out of date as soon as it is trained further."""

OWN = (
    *("config.json", "status.json", "data.json", "model_info.json", "metrics.csv", "timing.csv"),
    *("model.safetensors", "model.json", "checkpoints", "arms", "ablation", "ablation.json", "ablation.csv"),
    *("ensemble.json", "faces.npz", *RESULTS),
    *("audit.json", "audit.csv", "audit.html", "copies.csv", "exclude.csv"),
)
"""Everything that mien writes into a run folder."""

STATES = ("running", "finished", "stopped-early", "interrupted", "failed")
"""What `status.json` may say."""

FINISHED = ("finished", "stopped-early")
"""The states of a run that has nothing more to train."""

FACES = "faces.npz"
"""The faces of a run that was given some in memory."""

EXCLUDED = "exclude.csv"
"""The digests of the faces that a run does not learn from."""

TRAINED = ("train", "study")
"""The folders below `runs` whose runs have a network."""

REPORTED = (*TRAINED, "ablate")
"""The folders below `runs` whose runs have a report."""


@dataclass(frozen=True)
class RunDir:
    """A run folder; `path` is absolute."""

    path: Path

    @classmethod
    def create(cls, verb: str, *, name: str, out: str | Path | None = None, overwrite: bool = False) -> Self:
        """Make a new folder: `runs/<verb>/<name>` below where you stand, with `-2`, `-3` added when taken, or `out`.

        With `overwrite` the run that is in `out` stays until it is replaced: see `replacing`.

        Raises:
            UsageError: `name` is no plain folder name, `out` is not empty and `overwrite` is False, or another process
                is at work in `out`.
            StorageError: the folder can't be made.
        """
        if out is not None:
            path = Path(out).absolute()
            refuse_if_full(path, overwrite=overwrite)
            with storage_errors(path):
                path.mkdir(parents=True, exist_ok=True)
            return cls(path)
        check_name(name)
        parent = Path("runs", verb).absolute()
        with storage_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = parent / (name if number == 1 else f"{name}-{number}")
            with storage_errors(path), contextlib.suppress(FileExistsError):
                path.mkdir()
                return cls(path)
        raise AssertionError("there is always a next number")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the run while the block runs; what killed ones left half-written is removed.

        Raises:
            DataError: what mien writes into a run is a link here, which would lead out of it.
            StorageError: the folder can't be written.
            UsageError: another process is at work in it.
        """
        with locked(self.path):
            refuse_links(self.path, OWN)
            remove_leftovers(self.path)
            yield

    @contextlib.contextmanager
    def replacing(self) -> Iterator[None]:
        """Keep other processes out while the block makes a new run here; what was here goes when the block ends.

        Where the block fails before the new run has anything to resume, what was here is put back.

        Raises:
            StorageError: the folder can't be written.
            UsageError: another process is at work in it.
        """
        with self.locked(), set_aside(self.path, OWN, unless=self._can_be_resumed):
            yield

    def _can_be_resumed(self, error: BaseException) -> bool:
        """Whether the run or one of its arms has an epoch, or the user has stopped it and is told how to resume it."""
        last = "checkpoints/last.ckpt"
        has_epoch = (self.path / last).exists() or any(self.path.glob(f"arms/*/*/{last}"))
        return has_epoch or isinstance(error, KeyboardInterrupt | Interrupted)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files and folders of the run, if they exist."""
        for name in names:
            remove(self.path / name)

    @classmethod
    def open(cls, where: "str | Path | RunDir", *, verbs: Sequence[str] = TRAINED, unfinished: bool = False) -> Self:
        """Open an existing run, and log which one it is, unless it is finished and was named by its whole path.

        Args:
            where: a path, a name below `runs/<verb>`, or `latest`; a run that is open already stays as it is.
            verbs: which folders below `runs` the latest run is looked for in.
            unfinished: whether `latest` is the newest run that has something left to do, not the newest trained one.

        Raises:
            DataError: there is no run, another version of mien has written it, or its `config.json` is damaged.
            UsageError: runs of several verbs have that name.
        """
        if isinstance(where, cls):
            return where
        if isinstance(where, RunDir):
            return cls(where.path)
        try:
            run = cls._latest(verbs, unfinished=unfinished) if str(where) == "latest" else cls._found(where)
        except OSError as error:  # a name that is too long for one
            raise DataError(f"{where}: can't be read ({error.strerror})") from None
        if run.describe() != str(where):
            log.info("run: %s", run.describe())
        return run

    @classmethod
    def _found(cls, where: str | Path) -> Self:
        refuse_address(where)
        named = runs_named(where)
        if len(named) > 1:
            raise UsageError(f"'{where}' names several runs: {', '.join(map(str, named))}; give the path")
        if not named and find_bundle(where):
            raise DataError(
                f"{where}: a bundle, and this needs the folder of a training run, as `mien train` leaves it"
            )
        if not named:
            raise DataError(f"{where}: no run folder (no config.json in it); name one that `mien train` has made")
        run = cls(named[0].absolute())
        run.read_json("config.json")
        return run

    @classmethod
    def _latest(cls, verbs: Sequence[str], *, unfinished: bool) -> Self:
        folder = Path("runs").absolute()
        runs: list[tuple[int, Path]] = []
        for verb in verbs:
            for config in folder.glob(f"{verb}/*/config.json"):
                runs.append(((config.parent / "status.json").stat().st_mtime_ns, config.parent))
        if not runs:
            raise DataError(f"{folder}: no run of {' or '.join(verbs)} yet; `mien {verbs[0]}` makes one")
        runs.sort(reverse=True)
        for _, path in runs:
            run = cls(path)
            if unfinished and not run.is_complete:
                return run
            if not unfinished and run.state in FINISHED:
                return run
        newest = cls(runs[0][1])
        if unfinished:
            raise DataError(
                f"{folder}: no unfinished run of {' or '.join(verbs)}; the newest is {newest.path}, name it"
            )
        raise DataError(
            f"{folder}: no finished run of {' or '.join(verbs)}; name one, the newest is {newest.describe()}, "
            f"and mien {newest.path.parent.name} --resume latest continues it"
        )

    def describe(self) -> str:
        """Name the run, and its state where it is not finished."""
        if not (self.path / "status.json").exists() or self.state in FINISHED:
            return str(self.path)
        return f"{self.path} ({self.state})"

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do; of a study, its explanations and its ablation count, too."""
        if self.state not in FINISHED:
            return False
        study = self.read_json("config.json").get("study")
        if not study:
            return True
        if not (self.path / "explain/attribution.json").exists():
            return False
        ablation = RunDir(self.path / "ablation")
        return study["ablation"] is None or ((ablation.path / "status.json").exists() and ablation.is_complete)

    def check_trained(self) -> None:
        """Raise `DataError` where the folder is an ensemble's or an ablation's: they have no network of their own."""
        config = self.read_json("config.json")
        if "ensemble" in config:
            raise DataError(f"{self.path}: an ensemble, which has no network of its own; name one of its members")
        if "ablation" in config:
            raise DataError(
                f"{self.path}: an ablation, which has no network of its own; name one of its runs in arms/, or "
                f"resume it: mien ablate --resume {self.path}"
            )

    @property
    def model_id(self) -> ModelId:
        """Which network the run has trained.

        Raises:
            DataError: `model.safetensors` or `config.json` is missing or damaged.
        """
        versions = self.read_json("config.json").get("versions")
        version = versions.get("mien") if isinstance(versions, dict) else None
        if not isinstance(version, str):
            raise DataError(f"{self.path / 'config.json'}: damaged (versions.mien {version!r}, expected a version)")
        weights = self.path / "model.safetensors"
        try:
            sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{weights}: can't be read ({error.strerror})") from None
        return ModelId(name=self.path.name, version=version, sha256=sha256)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of the run's JSON files.

        Raises:
            DataError: missing, damaged, or written by another version of mien.
        """
        values = read_json(self.path / name)
        check_schema(values, self.path, again="train it again")
        return values

    def read_table(self, name: str, columns: tuple[str, ...]) -> list[dict[str, float]]:
        """Read one of the run's CSV files: one mapping a row; empty where the file is missing.

        Raises:
            DataError: damaged.
        """
        import csv

        path = self.path / name
        if not path.is_file():
            return []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = []
                for row in csv.DictReader(file):
                    rows.append({column: float(row[column]) for column in columns})
                return rows
        except OSError as error:
            raise DataError(f"{path}: can't be read ({error.strerror})") from None
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise DataError(f"{path}: damaged, expected numbers below {','.join(columns)} ({error})") from None

    @property
    def history(self) -> list[Epoch]:
        """What is known of each epoch so far.

        Raises:
            DataError: `metrics.csv` is damaged.
        """
        epochs = []
        for row in self.read_table("metrics.csv", HISTORY):
            values: dict[str, float] = dict(row)
            if row["epoch"].is_integer():  # else `from_dict` refuses it
                values["epoch"] = int(row["epoch"])
            epochs.append(Epoch.from_dict(values, source=self.path / "metrics.csv"))
        return epochs

    def set_status(self, state: str, *, reason: str = "") -> None:
        """Write `status.json`; `state` is one of `STATES`."""
        import socket

        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(
            self.path / "status.json",
            {
                "schema_version": SCHEMA_VERSION,
                "state": state,
                "reason": reason,
                "updated": now,
                "pid": os.getpid(),
                "host": socket.gethostname(),
            },
        )

    @property
    def state(self) -> str:
        """What `status.json` says.

        Raises:
            DataError: missing or damaged.
        """
        state = self.read_json("status.json").get("state")
        if state not in STATES:
            raise DataError(f"{self.path / 'status.json'}: damaged (state {state!r}, expected {', '.join(STATES)})")
        return str(state)

    @property
    def default_split(self) -> str:
        """The split that the run is judged by: `test`, or `validation` where its data have no labelled test faces.

        Raises:
            DataError: `data.json` is missing or damaged.
        """
        try:
            tested = self.read_json("data.json")["splits"].get("test", {"faces": 0, "unlabelled": 0})
            return "test" if tested["faces"] > tested["unlabelled"] else "validation"
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{self.path / 'data.json'}: damaged ({type(error).__name__}: {error})") from None

    @property
    def row_fingerprint(self) -> str | None:
        """The `FaceSet.row_fingerprint` of the faces that the run was made with; None where `config.json` has none.

        Raises:
            DataError: `config.json` is missing or damaged.
        """
        data = self.read_json("config.json").get("data")
        found = data.get("row_fingerprint") if isinstance(data, dict) else None
        return found if isinstance(found, str) else None


def runs_named(where: str | Path) -> list[Path]:
    """Return the run folders that a path or a name below `runs/<verb>` can mean; a path means itself alone."""
    if is_file(Path(where) / "config.json"):
        return [Path(where)]
    return sorted(path.parent for path in Path("runs").glob(f"*/{glob.escape(str(where))}/config.json"))


def refuse_replacing(out: str | Path | None, runs: Iterable[RunDir]) -> None:
    """Raise `UsageError` if `out` is, or has in it, one of the runs that a new one is made of."""
    for run in runs:
        if out is not None and run.path.resolve().is_relative_to(Path(out).resolve()):
            raise UsageError(f"{out}: is or holds {run.path}, which is needed for it; choose another --out")


def refuse_if_full(path: Path, *, overwrite: bool) -> None:
    """Raise `UsageError` if `path` is no empty folder and `overwrite` is False."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())) and not overwrite:
        raise UsageError(f"{path}: not empty; choose another --out or add --overwrite")
