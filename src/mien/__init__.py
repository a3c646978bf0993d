"""mien: facial-expression recognition you can check.

Public names are imported when they are first used, so `import mien` is light.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.core.bundle import Bundle
    from mien.core.errors import MienError
    from mien.core.faces import FaceSet
    from mien.core.predictions import Predictions
    from mien.data.formats import open_faces
    from mien.jobs.run import predict_job
    from mien.jobs.status import JobStatus, job_status
    from mien.reporting.build import report
    from mien.runtime.annotate import annotate
    from mien.runtime.detect import YuNet
    from mien.runtime.occlusion import occlude
    from mien.runtime.photo import find_faces
    from mien.runtime.results import PictureResult, Results
    from mien.workflows.ablate import ablate, resume_ablation
    from mien.workflows.audit import audit_labels
    from mien.workflows.compare import compare
    from mien.workflows.describe import describe
    from mien.workflows.doctor import doctor
    from mien.workflows.ensemble import ensemble
    from mien.workflows.evaluate import evaluate
    from mien.workflows.explain import explain
    from mien.workflows.export import export
    from mien.workflows.hub import export_hub
    from mien.workflows.models import list_models
    from mien.workflows.page import export_page
    from mien.workflows.predict import Model, load, predict, stream
    from mien.workflows.run import Run
    from mien.workflows.study import resume_study, study
    from mien.workflows.train import resume, train

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would write to ~/.cache and open sockets

__all__ = [
    "Bundle",
    "FaceSet",
    "JobStatus",
    "MienError",
    "Model",
    "PictureResult",
    "Predictions",
    "Results",
    "Run",
    "YuNet",
    "ablate",
    "annotate",
    "audit_labels",
    "compare",
    "describe",
    "doctor",
    "ensemble",
    "evaluate",
    "explain",
    "export",
    "export_hub",
    "export_page",
    "find_faces",
    "job_status",
    "list_models",
    "load",
    "occlude",
    "open_faces",
    "predict",
    "predict_job",
    "report",
    "resume",
    "resume_ablation",
    "resume_study",
    "stream",
    "study",
    "train",
]

_HOMES = {
    "FaceSet": "mien.core.faces",
    "open_faces": "mien.data.formats",
    "describe": "mien.workflows.describe",
    "audit_labels": "mien.workflows.audit",
    "train": "mien.workflows.train",
    "resume": "mien.workflows.train",
    "study": "mien.workflows.study",
    "resume_study": "mien.workflows.study",
    "ablate": "mien.workflows.ablate",
    "resume_ablation": "mien.workflows.ablate",
    "ensemble": "mien.workflows.ensemble",
    "Run": "mien.workflows.run",
    "Predictions": "mien.core.predictions",
    "evaluate": "mien.workflows.evaluate",
    "compare": "mien.workflows.compare",
    "explain": "mien.workflows.explain",
    "report": "mien.reporting.build",
    "Bundle": "mien.core.bundle",
    "export": "mien.workflows.export",
    "export_hub": "mien.workflows.hub",
    "export_page": "mien.workflows.page",
    "list_models": "mien.workflows.models",
    "doctor": "mien.workflows.doctor",
    "load": "mien.workflows.predict",
    "predict": "mien.workflows.predict",
    "stream": "mien.workflows.predict",
    "Model": "mien.workflows.predict",
    "predict_job": "mien.jobs.run",
    "job_status": "mien.jobs.status",
    "JobStatus": "mien.jobs.status",
    "Results": "mien.runtime.results",
    "PictureResult": "mien.runtime.results",
    "find_faces": "mien.runtime.photo",
    "annotate": "mien.runtime.annotate",
    "occlude": "mien.runtime.occlusion",
    "YuNet": "mien.runtime.detect",
    "MienError": "mien.core.errors",
}
"""The module of each public name; the imports above are the same for type checkers."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata  # what it imports takes as long as all the rest of mien

        return metadata.version("mien")
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute '{name}'")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from mien.core.errors import missing_extra

        missing = missing_extra(error)
        if missing is None:
            raise
        return _unavailable(name, missing)
    if isinstance(value, type):
        return value
    function = import_module("mien.core.arguments").checked(value)
    function.__module__ = __name__  # where pickle finds it
    return function


def _unavailable(name: str, missing: Exception) -> Any:
    """Return what stands for a public name whose optional part is not installed: calling it says what to install."""

    def unavailable(*_: Any, **__: Any) -> Any:
        raise missing

    unavailable.__name__ = unavailable.__qualname__ = name
    unavailable.__doc__ = f"Not available here: {missing}."
    return unavailable


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
