"""What a run folder's own JSON files hold, for those who read them without the training libraries."""

from dataclasses import dataclass, field
from typing import Any

from mien.core.records import Record


@dataclass(frozen=True, kw_only=True)
class RunFaces(Record):
    """The faces that a run learned from: the part `data` of `config.json`.

    Attributes:
        source: the file, folder or `synthetic`.
        fingerprint: of all faces, in any order.
        synthetic: whether they are drawn.
        classes: names in label order.
        training: class → how many faces it was learned from.
        held_out: class → how many faces were held out.
        left_out: how many faces were not learned from because `exclude` names them.
    """

    source: str
    fingerprint: str | None = None
    synthetic: bool
    classes: tuple[str, ...]
    training: dict[str, int]
    held_out: dict[str, int]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class RunRecord(Record):
    """`config.json`: what a run was made from.

    Attributes:
        schema_version: of the run folder.
        command: the command line; empty for a run made in Python.
        config: the resolved training config, as `mien.training.config.TrainConfig` has it.
        data: the faces.
        versions: Python and packages → version.
        machine: `system`, `processor`, `cores`.
        git_commit: of the folder in which it was started.
        ablation: `factors` and `seeds` of an ablation; None for a training.
    """

    schema_version: int | None = None
    command: tuple[str, ...] = ()
    config: dict[str, Any]
    data: RunFaces
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    git_commit: str | None = None
    ablation: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RunStatus(Record):
    """`status.json`: how far a run is.

    Attributes:
        state: `running`, `finished`, `stopped-early`, `interrupted` or `failed`.
        reason: why it is in this state; may be empty.
        updated: when that was written, in UTC.
    """

    state: str
    reason: str = ""
    updated: str = ""


@dataclass(frozen=True, kw_only=True)
class RunModel(Record):
    """`model.json`: the network that a run has trained.

    Attributes:
        model: name of the network.
        epoch: the epoch whose weights are kept, from 1.
    """

    model: str
    epoch: int | None = None
