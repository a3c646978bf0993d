"""A training of which torchrun has started a process on each device of one or several machines.

Each process opens the data and computes its share of each batch.  The first one makes, locks and writes the run; the
others only read it, so all machines need to see its folder.
"""

import os
from dataclasses import dataclass

from mien.core.errors import UsageError


@dataclass(frozen=True)
class Processes:
    """This process among all that torchrun has started.

    Attributes:
        rank: its number, from 0.
        count: how many there are.
        on_this_machine: how many of them run here.
    """

    rank: int
    count: int
    on_this_machine: int

    @property
    def machines(self) -> int:
        """How many machines there are, each with as many processes."""
        return self.count // self.on_this_machine


def processes() -> Processes | None:
    """Return what torchrun says of this process in its environment; None where torchrun did not start it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    return Processes(
        rank=int(os.environ["RANK"]),
        count=int(os.environ["WORLD_SIZE"]),
        on_this_machine=int(os.environ["LOCAL_WORLD_SIZE"]),
    )


def is_assistant() -> bool:
    """Whether another process of torchrun writes the run."""
    started = processes()
    return started is not None and started.rank > 0


def devices_here(devices: int) -> int:
    """Return how many of a training's processes run on this machine."""
    started = processes()
    return devices if started is None else started.on_this_machine


def devices_of(given: int) -> int:
    """Return how many processes share each batch: as many as torchrun has started, or what the recipe says.

    Raises:
        UsageError: both, and they differ.
    """
    started = processes()
    if started is None:
        return given
    if given not in (1, started.count):
        raise UsageError(f"--devices {given}: torchrun has started {started.count} processes; leave --devices out")
    return started.count
