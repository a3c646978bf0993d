"""`RunDir`: the folder in which one run keeps all that it read, decided and found.

```
runs/<verb>/<name>/
├── config.json        the resolved config and the command line; repeats the run
├── status.json        running | finished | stopped-early | interrupted | failed, with the reason
├── metrics.csv        one row an epoch; timing.csv: the same epochs in seconds and faces/s
├── model.safetensors  the best epoch's weights, with model.json: classes, normalisation, model name
├── checkpoints/       last.ckpt (all that resuming needs), best.ckpt
├── eval/<split>/      predictions.npz, metrics.json
└── report.html
```
"""

import glob
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mien.core.errors import DataError, UsageError
from mien.core.files import storage_errors, write_atomic, write_json

STATES = ("running", "finished", "stopped-early", "interrupted", "failed")
"""What `status.json` may say."""


@dataclass(frozen=True)
class RunDir:
    """A run folder; `path` is absolute."""

    path: Path

    @classmethod
    def create(cls, verb: str, *, name: str, out: Path | None = None, overwrite: bool = False) -> "RunDir":
        """Make a new folder: `runs/<verb>/<name>` below where you stand, with `-2`, `-3` added when taken, or `out`.

        Raises:
            UsageError: `name` is no plain folder name, or `out` is not empty and `overwrite` is False.
            StorageError: the folder can't be made.
        """
        if out is not None:
            return cls._at(out.absolute(), overwrite=overwrite)
        if not re.fullmatch(r"[\w][\w.+-]*", name):
            raise UsageError(f"'{name}' is no name for a run: letters, digits, '.', '_', '+' and '-' only")
        if name in ("latest", "latest.txt"):
            raise UsageError(f"'{name}' is no name for a run: it means the newest one")
        parent = Path("runs", verb).absolute()
        with storage_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
        count = 1
        while True:
            path = parent / (name if count == 1 else f"{name}-{count}")
            try:
                with storage_errors(path):
                    path.mkdir()
                break
            except Exception:
                if not path.exists():
                    raise
                count += 1
        write_atomic(parent / "latest.txt", path.name + "\n")
        return cls(path)

    @classmethod
    def _at(cls, path: Path, *, overwrite: bool) -> "RunDir":
        if path.exists() and (not path.is_dir() or any(path.iterdir())) and not overwrite:
            raise UsageError(f"{path}: not empty; choose another --out or add --overwrite")
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, where: str | Path) -> "RunDir":
        """Open an existing run: a path, a name below `runs/<verb>`, or `latest`, the newest run of any verb.

        Raises:
            DataError: there is no run.
        """
        if str(where) == "latest":
            newest = sorted(Path("runs").glob("*/latest.txt"), key=lambda path: path.stat().st_mtime_ns)
            if not newest:
                raise DataError(f"{Path('runs').absolute()}: no run yet; `mien train` makes one")
            where = newest[-1].parent / newest[-1].read_text().strip()
        for path in (Path(where), *sorted(Path("runs").glob(f"*/{glob.escape(str(where))}"))):
            if (path / "config.json").is_file():
                return cls(path.absolute())
        raise DataError(f"{where}: no run folder (no config.json in it)")

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of the run's JSON files.

        Raises:
            DataError: missing or damaged.
        """
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{self.path / name}: no such file") from None
        except ValueError as error:
            raise DataError(f"{self.path / name}: damaged ({error})") from None
        if not isinstance(value, dict):
            raise DataError(f"{self.path / name}: damaged (not an object)")
        return value

    def set_status(self, state: str, *, reason: str = "") -> None:
        """Write `status.json`; `state` is one of `STATES`."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(
            self.path / "status.json",
            {"schema_version": 1, "state": state, "reason": reason, "updated": now, "pid": os.getpid()},
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
