"""Where to compute, and with how many bits."""

from collections.abc import Mapping
from typing import Any

import torch

from mien.core.errors import UsageError

AMPERE = (8, 0)
"""Compute capability from which NVIDIA's GPUs compute bf16; older ones emulate it, slowly."""


def available() -> list[str]:
    """Devices of this machine, best first.

    >>> "cpu" in available()
    True
    """
    devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_torch_device(name: str) -> str:
    """Turn `auto` into the best device there is, and check any other.

    Raises:
        UsageError: this machine has no such device; the message lists those it has.
    """
    found = available()
    chosen = {"auto": found[0], "cuda": "cuda:0"}.get(name, name)
    if chosen not in found:
        raise UsageError(f"no device '{name}' on this machine; it has {', '.join(found)}")
    return chosen


def describe_device(device: str) -> str:
    """Name a resolved device and its model, as in `cuda:1 (NVIDIA …)`."""
    if not device.startswith("cuda"):
        return device
    return f"{device} ({torch.cuda.get_device_name(device)})"


def lightning_device(name: str, processes: int) -> tuple[str, int | list[int]]:
    """Return Lightning's accelerator and devices for a `--device` and `--devices`.

    Raises:
        UsageError: no such device, or fewer devices than processes.
    """
    kind, _, index = resolve_torch_device(name).partition(":")
    accelerator = {"cuda": "gpu"}.get(kind, kind)
    if processes == 1 and index:
        return accelerator, [int(index)]
    if processes == 1:
        return accelerator, 1
    there = sum(device.startswith(kind) for device in available())
    if ":" in name or (kind != "cpu" and processes > there):
        raise UsageError(f"{processes} processes on '{name}': this machine has {', '.join(available())}")
    return accelerator, processes


def resolve_precision(precision: str, device: str) -> str:
    """Turn `auto` into `bf16` where the processor computes it natively, else `fp32`."""
    if precision != "auto":
        return precision
    if device == "cpu":
        native = any(cpu_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    else:
        native = device.startswith("cuda") and torch.cuda.get_device_capability(device) >= AMPERE
    return "bf16" if native else "fp32"


def cpu_capabilities() -> Mapping[str, Any]:
    """Return what the processor can do, in torch's names; empty where torch is too old to know."""
    return getattr(torch.cpu, "get_capabilities", dict)()
