import numpy as np
import pytest
import torch

from mien.training.batches import EpochBatches, InOrder


def test_an_epoch_is_rows_div_batch_batches_without_repeats() -> None:
    batches = list(EpochBatches(26_709, batch=128, seed=0))
    rows = torch.cat(batches)
    assert len(batches) == 26_709 // 128 == 208
    assert {len(batch) for batch in batches} == {128}
    assert len(rows.unique()) == len(rows)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = EpochBatches(100, batch=10, seed=seed)
        sampler.set_epoch(epoch)
        return torch.cat(list(sampler)).tolist()

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)


def test_all_rows_are_seen_over_a_few_epochs() -> None:
    sampler, seen = EpochBatches(100, batch=32, seed=0), set()
    for epoch in range(12):
        sampler.set_epoch(epoch)
        seen |= set(torch.cat(list(sampler)).tolist())
    assert seen == set(range(100))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(world: int) -> None:
    whole = list(EpochBatches(200, batch=30, seed=0))
    parts = [list(EpochBatches(200, batch=30, seed=0, rank=rank, world=world)) for rank in range(world)]
    for batch, *shares in zip(whole, *parts, strict=True):
        assert torch.cat(shares).sort().values.equal(batch.sort().values)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_validation_sees_every_row_once(world: int) -> None:
    parts = [list(InOrder(101, batch=25, rank=rank, world=world)) for rank in range(world)]
    assert np.array_equal(np.sort(np.concatenate([torch.cat(part) for part in parts])), np.arange(101))
    assert len({len(part) for part in parts}) == 1, "processes wait for each other at every batch"
    assert all(0 < len(batch) <= 25 for part in parts for batch in part)
