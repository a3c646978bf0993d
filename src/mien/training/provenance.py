"""What a run folder keeps about where its numbers come from: data, versions, machine, git commit."""

import os
import platform
import subprocess
from importlib import metadata
from typing import Any

import numpy as np
import torch

from mien.core.faces import FaceSet
from mien.training.torch_devices import cpu_capabilities

PACKAGES = ("mien", "torch", "lightning", "numpy", "pillow", "pyarrow", "scipy")


def data_card(faces: FaceSet, *, training: FaceSet, held_out: FaceSet, left_out: int) -> dict[str, Any]:
    """Describe the faces that a run learns from: fingerprint, classes, rows of each part and class."""
    splits, counts = np.unique(faces.splits, return_counts=True)
    return {
        "source": faces.source,
        "fingerprint": faces.fingerprint,
        "row_fingerprint": faces.row_fingerprint,
        "synthetic": faces.synthetic,
        "classes": list(faces.classes),
        "not_found": len(faces.not_found),
        "splits": dict(zip(splits.tolist(), counts.tolist(), strict=True)),
        "training": _class_counts(training),
        "held_out": _class_counts(held_out),
        "left_out": left_out,
    }


def _class_counts(faces: FaceSet) -> dict[str, int]:
    return dict(zip(faces.classes, np.bincount(faces.targets, minlength=len(faces.classes)).tolist(), strict=True))


def environment() -> dict[str, Any]:
    """Versions of what computes, and the machine."""
    return {
        "versions": _versions(),
        "machine": {
            "system": platform.platform(),
            "processor": cpu_capabilities().get("cpu_name", platform.machine()),
            "cores": os.cpu_count(),
        },
        "git_commit": _git_commit(),
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}
    versions["torch"] = str(torch.__version__)  # with its build (+cpu, +cu130), which PyPI's metadata lack
    return versions


def _git_commit() -> str | None:
    """The commit of the folder where the user stands, if it is a git checkout."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError:  # no git, or one that can't be started
        return None
    return done.stdout.strip() if done.returncode == 0 else None
