"""How many threads a run computes with, that it keeps them, and when it says that others slow it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mien.core.errors import ConfigError
from mien.core.runs import RunDir
from mien.training import threads as module
from mien.training import torch_devices
from mien.training.callbacks import History
from mien.training.config import stored_config
from mien.training.module import TrainingModule
from mien.training.threads import SlownessCallback, thread_times, use_threads
from mien.workflows.train import resume

from .conftest import Small


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """PyTorch's own number is 1 in these tests, whatever the machine."""
    with use_threads(1):
        yield


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads computed each epoch, of all trainings of a test."""
    counted: list[int] = []
    keep_row = History.on_train_epoch_end

    def counting(self: History, trainer: Any, pl_module: Any) -> None:
        counted.append(torch.get_num_threads())
        keep_row(self, trainer, pl_module)

    monkeypatch.setattr(History, "on_train_epoch_end", counting)
    return counted


def machine(run: RunDir) -> tuple[int | None, str]:
    config = stored_config(run)
    return config.threads, config.precision


def test_a_run_keeps_what_the_machine_made_of_its_defaults(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    for native, precision in ((False, "fp32"), (True, "bf16")):
        monkeypatch.setattr(torch_devices, "cpu_capabilities", lambda native=native: {"avx512_bf16": native})
        assert machine(small(precision, epochs=1, precision="auto")) == (1, precision)


@pytest.mark.long
def test_a_run_computes_with_its_own_threads_also_when_resumed(small: Small, used: list[int]) -> None:
    whole, parts = small("whole", epochs=2, threads=2), small("parts", epochs=1, threads=2)
    assert torch.get_num_threads() == 1
    resume(parts.path, epochs=2)
    assert used == [2, 2, 2, 2]
    assert machine(parts) == (2, "fp32")
    for name in ("metrics.csv", "model.safetensors", "model.json"):
        assert (whole.path / name).read_bytes() == (parts.path / name).read_bytes()


@pytest.mark.long
def test_a_resumed_run_may_have_other_threads_and_another_precision(small: Small, used: list[int]) -> None:
    run = small("run", epochs=1, threads=2)
    resume(run.path, epochs=2, threads=1, precision="bf16")
    assert used == [2, 1]
    assert machine(run) == (1, "bf16")


def test_a_machine_with_bf16_does_not_change_the_precision_of_a_run(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_devices, "cpu_capabilities", dict)
    run = small("run", epochs=1, precision="auto")
    monkeypatch.setattr(torch_devices, "cpu_capabilities", lambda: {"avx512_bf16": True})
    resume(run.path, epochs=2)
    assert machine(run) == (1, "fp32")


@pytest.mark.parametrize("threads", [0, 1025, 1.5])
def test_impossible_numbers_of_threads(small: Small, threads: float) -> None:
    with pytest.raises(ConfigError, match="'threads' is"):
        small("run", threads=threads)


@pytest.mark.parametrize(("threads", "machines", "each"), [(4, 1, 2), (1, 1, 1), (4, 2, 4)])
def test_processes_share_the_threads_of_their_machine(threads: int, machines: int, each: int) -> None:
    trainer = SimpleNamespace(world_size=2, num_nodes=machines)
    training: Any = SimpleNamespace(trainer=trainer, config=SimpleNamespace(threads=threads))
    TrainingModule.on_fit_start(training)
    assert torch.get_num_threads() == each


class Clock:
    """The time, and what Linux counts of two threads that share it; `waiting` is the share that they wait."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s, self.ran_ns, self.waited_ns = folder, 1000.0, 0, 0
        self.advance(0, waiting=0)

    def advance(self, seconds: float, *, waiting: float) -> None:
        self.now_s += seconds
        self.ran_ns += round(1e9 * seconds * (1 - waiting))
        self.waited_ns += round(1e9 * seconds * waiting)
        for thread in ("11", "12"):
            (self.folder / thread).mkdir(exist_ok=True)
            (self.folder / thread / "schedstat").write_text(f"{self.ran_ns} {self.waited_ns} 5\n")


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(tmp_path)
    monkeypatch.setattr(module, "THREADS", tmp_path)
    monkeypatch.setattr(module.time, "monotonic", lambda: made.now_s)
    return made


def watch(clock: Clock, waiting: list[float]) -> None:
    """Train for so many times ten seconds."""
    watched, trainer, network = SlownessCallback(), SimpleNamespace(), SimpleNamespace()
    watched.on_train_start(trainer, network)  # type: ignore[arg-type]
    for share in waiting:
        clock.advance(10, waiting=share)
        watched.on_train_batch_end(trainer, network)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waiting", "warnings"),
    [
        ([0.01] * 20, 0),  # nothing else is running
        ([0.9] * 5 + [0.0] * 15, 1),  # a minute of which most was waited
        ([0.9] + [0.0] * 19, 0),  # a moment
        ([0.4] * 20, 1),  # only once
        ([0.0] * 6 + [0.4] * 6, 1),  # later
    ],
)
def test_a_run_that_others_slow_for_a_minute_says_so_once(
    clock: Clock, caplog: pytest.LogCaptureFixture, waiting: list[float], warnings: int
) -> None:
    watch(clock, waiting)
    assert len(caplog.records) == warnings
    for record in caplog.records:
        assert record.levelname == "WARNING"
        assert record.getMessage().endswith("stop the run (Ctrl+C) and resume it with --threads 1")


def test_sleeping_is_not_waiting(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    watched: Any = SlownessCallback()
    watched.on_train_start(None, None)
    for _ in range(20):
        clock.advance(1, waiting=0.01)
        clock.now_s += 9  # neither running nor ready to
        watched.on_train_batch_end(None, None)
    assert not caplog.records


def test_where_nobody_counts_nothing_is_said(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "THREADS", tmp_path / "absent")
    assert thread_times() == {}
    watch(clock, [0.9] * 20)
    assert not caplog.records


@pytest.mark.parametrize(("threads", "watching"), [pytest.param(2, True, marks=pytest.mark.long), (1, False)])
def test_several_threads_on_the_processor_are_watched(
    small: Small, monkeypatch: pytest.MonkeyPatch, threads: int, watching: bool
) -> None:
    started = []
    monkeypatch.setattr(SlownessCallback, "on_train_start", lambda self, *_: started.append(self) or self._begin())
    small("run", epochs=1, threads=threads)
    assert bool(started) == watching
