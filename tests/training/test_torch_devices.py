import pytest

from mien.core.errors import UsageError
from mien.training import torch_devices


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs."""
    monkeypatch.setattr(torch_devices, "available", lambda: ["cuda:0", "cuda:1", "cpu"])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("name", "processes", "resolved", "lightning"),
    [
        ("auto", 1, "cuda:0", ("gpu", [0])),
        ("cuda", 1, "cuda:0", ("gpu", [0])),
        ("cuda:1", 1, "cuda:1", ("gpu", [1])),
        ("cuda", 2, "cuda:0", ("gpu", 2)),
        ("cpu", 1, "cpu", ("cpu", 1)),
        ("cpu", 2, "cpu", ("cpu", 2)),
    ],
)
def test_names(name: str, processes: int, resolved: str, lightning: tuple[str, object]) -> None:
    assert torch_devices.resolve_torch_device(name) == resolved
    assert torch_devices.lightning_device(name, processes) == lightning


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("name", ["mps", "cuda:2", "gpu", ""])
def test_absent_ones(name: str) -> None:
    with pytest.raises(UsageError, match="it has cuda:0, cuda:1, cpu"):
        torch_devices.resolve_torch_device(name)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("name", "processes"), [("cuda", 3), ("cuda:1", 2)])
def test_more_processes_than_devices(name: str, processes: int) -> None:
    with pytest.raises(UsageError, match=f"{processes} processes on '{name}'"):
        torch_devices.lightning_device(name, processes)


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_automatic_precision_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: {"cuda:1": capability}[device])
    assert torch_devices.resolve_precision("auto", "cuda:1") == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({}, "fp32"), ({"avx512_bf16": False}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"bf16": True}, "bf16")],
)
def test_automatic_precision(monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: str) -> None:
    monkeypatch.setattr(torch_devices, "cpu_capabilities", lambda: capabilities)
    assert torch_devices.resolve_precision("auto", "cpu") == expected
    assert torch_devices.resolve_precision("fp32", "cpu") == "fp32"
    assert torch_devices.resolve_precision("bf16", "cpu") == "bf16"
