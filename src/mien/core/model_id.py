"""`ModelId`: which network a result is of."""

from dataclasses import dataclass

from mien.core.records import Record


@dataclass(frozen=True, kw_only=True)
class ModelId(Record):
    """The identity of a network, at the head of every machine-readable result.

    Attributes:
        name: the bundle's or the run's own name: `mien-s-ferplus`.
        version: the version of mien that made it.
        sha256: of the file with the weights: the graph in a bundle, `model.safetensors` in a run.
    """

    name: str
    version: str
    sha256: str
