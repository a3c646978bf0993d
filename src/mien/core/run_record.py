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
class InitialWeights(Record):
    """The trained network that a training began with: the part `init` of `config.json`.

    Attributes:
        name: of the network.
        sha256: of the file with its weights.
        data: the name of the file that it learned from.
        classes: its class names, in label order.
        tensors: how many tensors were taken over as a whole: all but those of the last layer.
        last_layer: the tensors with a row for each class; the rows of classes that both have were taken over.
        new_classes: those that it doesn't have; their rows were fitted to the faces before the training.
        judged: how many labelled faces the new network is judged by: held out, or of another split than `train`.
        judged_seen: how many of these the old network had learned from, and the new one hasn't; None: not known.
    """

    name: str
    sha256: str
    data: str
    classes: tuple[str, ...]
    tensors: int
    last_layer: tuple[str, ...]
    new_classes: tuple[str, ...]
    judged: int
    judged_seen: int | None

    def limit(self) -> str:
        """Say that scores are too high, or may be, because the old network had seen the faces; empty if it hadn't."""
        if self.judged_seen == 0:
            return ""
        if self.judged_seen is None:
            return (
                f"It was fine-tuned from {self.name}: scores on the faces of {self.data} from which that network "
                "learned are too high."
            )
        return (
            f"It was fine-tuned from {self.name}, which had learned from {self.judged_seen:,} of the {self.judged:,} "
            "faces that it is judged by: its scores are too high."
        )


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
        init: the trained network that it began with; None where it began with random weights.
        ablation: `factors` and `seeds` of an ablation; None for a training.
    """

    schema_version: int | None = None
    command: tuple[str, ...] = ()
    config: dict[str, Any]
    data: RunFaces
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    git_commit: str | None = None
    init: InitialWeights | None = None
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
