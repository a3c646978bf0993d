"""Where ONNX Runtime computes."""

import os
import re
from typing import Any

import onnxruntime

from mien.core.errors import UsageError

PROVIDERS = {"cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider", "cpu": "CPUExecutionProvider"}
"""ONNX Runtime's name of each device, best first."""

CUDA = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
"""Without TF32, whose 10 bits are fewer than the card's parity needs; an exhaustive search would be repeated for every
number of faces."""


def available_devices() -> list[str]:
    """Devices that the installed ONNX Runtime was built for, best first.

    >>> "cpu" in available_devices()
    True
    """
    present = onnxruntime.get_available_providers()
    return [device for device, name in PROVIDERS.items() if name in present]


def resolve_device(name: str) -> str:
    """Turn `auto` into `cuda:0` or `cpu`, and check any other name.

    `auto` leaves CoreML out: it computes some layers in 16 bits, so the card's accuracy would not hold, and it
    translates the graph at each start.

    Raises:
        UsageError: this ONNX Runtime has no such device; the message lists those it has.
    """
    found = available_devices()
    if name == "auto":
        name = "cuda" if "cuda" in found else "cpu"
    if not re.fullmatch(r"cpu|coreml|cuda(:\d+)?", name) or name.partition(":")[0] not in found:
        raise UsageError(f"no device '{name}' in this ONNX Runtime; it has {', '.join(found)}")
    return "cuda:0" if name == "cuda" else name


def provider(device: str) -> tuple[str, dict[str, Any]]:
    """ONNX Runtime's provider of a resolved device, and its options."""
    kind, _, index = device.partition(":")
    options: dict[str, Any] = {}
    if kind == "cuda":
        options = CUDA | {"device_id": index}
    return PROVIDERS[kind], options


def usable_cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
