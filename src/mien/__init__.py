"""mien: facial-expression recognition you can check.

Public names are imported when first used, so `import mien` is light.
"""

import os
from importlib import import_module
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would write to ~/.cache and open sockets

_HOMES = {
    "open_faces": "mien.data.formats",
    "describe": "mien.data.audit",
    "train": "mien.workflows.train",
    "resume": "mien.workflows.train",
    "predict": "mien.workflows.predict",
    "stream": "mien.workflows.predict",
    "evaluate": "mien.workflows.evaluate",
    "explain": "mien.workflows.explain",
    "ablate": "mien.workflows.ablate",
    "resume_ablation": "mien.workflows.ablate",
    "study": "mien.workflows.study",
    "resume_study": "mien.workflows.study",
    "ensemble": "mien.workflows.ensemble",
    "export": "mien.workflows.export",
    "doctor": "mien.workflows.doctor",
    "list_models": "mien.workflows.models",
    "compare": "mien.workflows.compare",
    "report": "mien.reporting.build",
    "FaceSet": "mien.core.faces",
    "Predictions": "mien.core.predictions",
    "Run": "mien.workflows.run",
    "Bundle": "mien.core.bundle",
    "load": "mien.workflows.predict",
    "Model": "mien.workflows.predict",
    "PictureResult": "mien.runtime.results",
    "Results": "mien.runtime.results",
    "find_faces": "mien.runtime.photo",
    "YuNet": "mien.runtime.detect",
    "annotate": "mien.runtime.annotate",
    "occlude": "mien.runtime.occlusion",
    "MienError": "mien.core.errors",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata  # what it imports takes as long as all the rest of mien

        return metadata.version("mien")
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
