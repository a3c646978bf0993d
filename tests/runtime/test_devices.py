import pytest

from mien.core.errors import UsageError
from mien.runtime import devices


@pytest.mark.parametrize(
    ("present", "name", "resolved"),
    [
        (["cpu"], "auto", "cpu"),
        (["cuda", "cpu"], "auto", "cuda:0"),
        (["coreml", "cpu"], "auto", "cpu"),
        (["cuda", "cpu"], "cuda", "cuda:0"),
        (["cuda", "cpu"], "cuda:1", "cuda:1"),
        (["cuda", "cpu"], "cpu", "cpu"),
        (["coreml", "cpu"], "coreml", "coreml"),
    ],
)
def test_names(monkeypatch: pytest.MonkeyPatch, present: list[str], name: str, resolved: str) -> None:
    monkeypatch.setattr(devices, "available_devices", lambda: present)
    assert devices.resolve_device(name) == resolved
    assert devices.provider(resolved)[0] == devices.PROVIDERS[resolved.partition(":")[0]]


@pytest.mark.parametrize("name", ["coreml", "mps", "gpu", "", "cuda:", "cuda:x", "cuda:-1", "cpu:0"])
def test_absent_ones(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(devices, "available_devices", lambda: ["cuda", "cpu"])
    with pytest.raises(UsageError, match=f"no device '{name}' in this ONNX Runtime; it has cuda, cpu"):
        devices.resolve_device(name)


def test_providers_that_are_no_device_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["AzureExecutionProvider", "CPUExecutionProvider", "CUDAExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: given)
    assert devices.available_devices() == ["cuda", "cpu"]
