"""Faces in memory, served as whole batches in an order that depends on nothing but the seed and the epoch."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler

from mien.core.faces import FaceSet
from mien.data.ferplus import distribution
from mien.data.formats import LabelSource

Batch = tuple[Tensor, Tensor, Tensor]
"""Faces `uint8 (n, 1, 48, 48)`, targets `float32 (n, C)`, rows that sum to 1, and row numbers `int64 (n,)`."""


class FaceTensors(Dataset[Batch]):
    """Indexed by a tensor of row numbers."""

    def __init__(self, faces: FaceSet, targets: Tensor) -> None:
        self.images = torch.from_numpy(np.ascontiguousarray(faces.images))[:, None]
        self.targets = targets

    def __getitem__(self, rows: Tensor) -> Batch:
        return self.images[rows], self.targets[rows], rows


def view_of(epoch: int, *, views: int) -> int:
    """Return the epoch whose order and augmentation come in `epoch`: itself, or one of the first `views` over again.

    >>> [view_of(epoch, views=2) for epoch in range(4)], view_of(3, views=0)
    ([0, 1, 0, 1], 3)
    """
    return epoch % views if views else epoch


class EpochBatches(Sampler[Tensor]):
    """Row numbers of each batch: `rows // batch` shuffled batches an epoch, the rest of the rows left out.

    With several processes each gets its share of every batch, so `batch` stays the size of one optimizer step.
    With `views` the orders of so many epochs come again and again.  Lightning calls `set_epoch`.
    """

    def __init__(self, rows: int, *, batch: int, seed: int, rank: int = 0, world: int = 1, views: int = 0) -> None:
        self.rows, self.batch, self.seed, self.rank, self.world = rows, batch, seed, rank, world
        self.views, self.epoch = views, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (from 0) whose order comes next."""
        self.epoch = view_of(epoch, views=self.views)

    def __len__(self) -> int:
        return self.rows // self.batch

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.from_numpy(np.random.default_rng([self.seed, self.epoch]).permutation(self.rows))
        for i in range(len(self)):
            yield order[i * self.batch + self.rank : (i + 1) * self.batch : self.world]


class InOrder(Sampler[Tensor]):
    """Row numbers of consecutive batches, all of about the same size; with several processes each gets its share."""

    def __init__(self, rows: int, *, batch: int, rank: int = 0, world: int = 1) -> None:
        batches = torch.tensor_split(torch.arange(rows), -(-rows // batch))
        self.parts = [rows_of_all[rank::world] for rows_of_all in batches]

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.parts)


def loader(faces: FaceSet, targets: Tensor, *, sampler: Sampler[Tensor]) -> DataLoader[Batch]:
    """Serve the batches that `sampler` names, with `targets` as `targets_of` makes them."""
    return DataLoader(FaceTensors(faces, targets), sampler=sampler, batch_size=None)


def hard_targets(faces: FaceSet) -> Tensor:
    """Give each face's label the probability 1: `float32 (N, C)`."""
    return functional.one_hot(torch.as_tensor(faces.targets), len(faces.classes)).float()


def targets_of(faces: FaceSet, *, labels: LabelSource) -> Tensor:
    """Return what is learned of each face: `float32 (N, C)`, rows that sum to 1.

    With `ferplus` they are the shares of the classes in the annotators' votes; the faces are `ferplus.relabel`'s then.
    """
    if labels == "ferplus" and faces.votes is not None:
        return torch.from_numpy(distribution(faces.votes))
    return hard_targets(faces)
