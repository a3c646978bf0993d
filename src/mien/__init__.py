"""mien: facial-expression recognition you can check.

Public names are imported when first used, so `import mien` is light.
"""

import os
from importlib import import_module
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would write to ~/.cache and open sockets

_HOMES = {
    "open_faces": "mien.data.sniff",
    "describe": "mien.data.audit",
    "train": "mien.training.start",
    "resume": "mien.training.start",
    "predict": "mien.verbs.predict",
    "see": "mien.verbs.predict",
    "evaluate": "mien.verbs.score",
    "explain": "mien.verbs.explain",
    "ablate": "mien.verbs.ablate",
    "resume_ablation": "mien.verbs.ablate",
    "study": "mien.verbs.study",
    "resume_study": "mien.verbs.study",
    "ensemble": "mien.verbs.ensemble",
    "export": "mien.verbs.export",
    "evaluate_bundle": "mien.verbs.score_bundle",
    "examine": "mien.verbs.doctor",
    "compare": "mien.evaluation.compare",
    "report": "mien.reporting.build",
    "FaceSet": "mien.core.faces",
    "Predictions": "mien.core.predictions",
    "RunDir": "mien.core.rundir",
    "Bundle": "mien.core.bundle",
    "load": "mien.runtime.session",
    "find_faces": "mien.runtime.photo",
    "YuNet": "mien.runtime.detect",
    "annotate": "mien.runtime.draw",
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
