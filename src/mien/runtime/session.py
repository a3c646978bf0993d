"""Running a bundle's graph in ONNX Runtime.  Axes: `N` faces, `C` classes, `H = W = 48`."""

import os

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.core.bundle import Bundle, Precision
from mien.core.errors import DataError, UsageError
from mien.core.pixels import require_faces

BATCH = 64


class Graph:
    """An ONNX file's content, ready to run on the CPU.

    Args:
        content: the file.
        threads: how many compute; None takes as many as the process may use.  They sleep between calls (ONNX Runtime
            would let them spin, which takes the cores from everyone else; `docs/exporting.md` has what that costs).

    Raises:
        DataError: no graph from `faces` to `probabilities`.
        UsageError: `threads` is below 1.
    """

    def __init__(self, content: bytes, *, threads: int | None = None) -> None:
        self._session = open_graph(content, threads=threads)
        try:
            self._classes = int(self._session.get_outputs()[0].shape[1])
        except (IndexError, TypeError, ValueError) as error:
            raise DataError(f"not a graph from faces to probabilities ({error})") from None

    def probabilities(self, images: NDArray[np.uint8], *, batch: int = BATCH) -> NDArray[np.float32]:
        """Classify faces `uint8 (N, 48, 48)`: `float32 (N, C)`, rows that sum to 1.

        `batch` faces are computed at a time.

        Raises:
            DataError: another dtype or shape.
        """
        require_faces(images, what="faces")
        said = np.empty((len(images), self._classes), np.float32)
        for i in range(0, len(images), batch):
            said[i : i + batch] = self._session.run(["probabilities"], {"faces": images[i : i + batch]})[0]
        return said


class Session(Graph):
    """A bundle, ready to classify faces.

    Args:
        bundle: what `Bundle.open` gave.
        precision: `default` takes the one that the card names.
        threads: see `Graph`.

    Raises:
        DataError: the file is missing or damaged.
        UsageError: no such precision, or `threads` is below 1.
    """

    def __init__(self, bundle: Bundle, *, precision: Precision = "default", threads: int | None = None) -> None:
        super().__init__(bundle.read_model(precision), threads=threads)
        self.labels = bundle.labels
        """The C class names, in the order of the probabilities."""


def open_graph(content: bytes, *, threads: int | None) -> onnxruntime.InferenceSession:
    """Open an ONNX file's content on the CPU; `threads` and errors as in `Graph`."""
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads, expected 1 or more")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; the rest is said by exceptions
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception of its own for each way to fail
        raise DataError(f"not a graph that ONNX Runtime can run ({error})") from None


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
