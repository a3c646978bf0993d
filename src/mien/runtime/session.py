"""Running a bundle's graph in ONNX Runtime.  Axes: `N` faces, `C` classes, `H = W = 48`."""

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.core.arguments import checked
from mien.core.bundle import DEFAULT, Bundle, Precision, weights
from mien.core.errors import DataError, UsageError
from mien.core.images import require_faces
from mien.core.labels import MOST_CLASSES
from mien.core.prior import Prior, change_prior
from mien.runtime.devices import provider, resolve_device, usable_cores
from mien.runtime.onnx_file import require_whole

if TYPE_CHECKING:
    from mien.core.model_id import ModelId

BATCH = 64
MOST_THREADS = 1024


class Graph:
    """An ONNX file's content, ready to classify faces.

    Args:
        content: the file.
        threads: how many compute; None takes as many as the process may use.  They sleep between calls: ONNX Runtime
            would let them spin, which takes the cores from all other programs (`docs/exporting.md` has figures).
        device: what `resolve_device` gave.

    Raises:
        DataError: no graph from `faces` to `probabilities`, or one with weights in other files.
        UsageError: `threads` is not 1 to 1024, or the device can't be used.
    """

    def __init__(self, content: bytes, *, threads: int | None = None, device: str = "cpu") -> None:
        self._session = open_graph(content, threads=threads, device=device)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        ends = [(end.name, end.type, len(end.shape)) for end in (*inputs, *outputs)]
        if ends != [("faces", "tensor(uint8)", 3), ("probabilities", "tensor(float)", 2)]:
            raise DataError(f"not a graph from faces to probabilities (it has {ends})")
        self._classes = outputs[0].shape[1]
        if not isinstance(self._classes, int) or not 0 < self._classes <= MOST_CLASSES:
            raise DataError(f"not a graph from faces to probabilities (of {self._classes} classes)")

    @checked
    def __call__(self, faces: NDArray[np.uint8], *, batch: int = BATCH) -> NDArray[np.float32]:
        """Classify faces `uint8 (N, 48, 48)`: `float32 (N, C)`, rows that sum to 1.

        `batch` faces are computed at a time.

        Raises:
            DataError: another dtype or shape, or the graph can't be computed or gives no probabilities.
            UsageError: no array, or `batch` is below 1.
        """
        require_faces(faces, what="faces")
        if batch < 1:
            raise UsageError(f"batch is {batch}, expected 1 or more")
        probabilities = np.empty((len(faces), self._classes), np.float32)
        for i in range(0, len(faces), batch):
            probabilities[i : i + batch] = self._run(faces[i : i + batch])
        return probabilities

    def _run(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            probabilities: NDArray[np.float32] = self._session.run(["probabilities"], {"faces": faces})[0]
        except Exception as error:  # ONNX Runtime has an exception of its own for each way to fail
            raise DataError(f"the graph can't be computed ({error})") from None
        shape = probabilities.shape
        wrong = shape != (len(faces), self._classes) or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
        if wrong or (probabilities < 0).any():
            raise DataError(
                f"the graph gives no probabilities of {self._classes} classes ({probabilities.dtype} {shape})"
            )
        return probabilities


class BundleModel(Graph):
    """A bundle, ready to classify faces; `BundleModel.open` makes one.

    Attributes:
        bundle: what was opened.
        precision: `fp32` or `int8`.
        device: `cpu`, `cuda:0`, …
        threads: how many compute; None is as many as the process may use.
        prior: the share of each class that the probabilities assume.
    """

    def __init__(self, bundle: Bundle, *, precision: Precision, threads: int | None, device: str) -> None:
        if precision == "default" and device != "cpu":
            if "fp32" not in bundle.card.files:
                raise UsageError(f"device '{device}' computes in fp32, and {bundle.path} holds int8 alone; choose cpu")
            precision = "fp32"
        self.bundle, self.precision = bundle, bundle.resolve(precision)
        self.device, self.threads = device, threads
        self.prior = bundle.card.assumed_shares
        super().__init__(bundle.read_model(precision), threads=threads, device=device)
        if self._classes != len(self.classes):
            raise DataError(
                f"{bundle.path}: the graph tells {self._classes} classes apart, the card names {len(self.classes)}"
            )

    @classmethod
    def open(
        cls,
        bundle: str | Path | Bundle | None = None,
        *,
        precision: Precision = "default",
        threads: int | None = None,
        device: str = "auto",
    ) -> Self:
        """Make a bundle ready to classify faces: `model(faces)` takes `uint8 (N, 48, 48)` and gives `float32 (N, C)`.

        Args:
            bundle: a bundle, its folder, its name below `runs/export`, or the name of one that ships with mien; None
                takes `mien-s`.
            precision: `default` takes the one that the card names; off the CPU fp32, since int8 is made for CPUs.
            threads: see `Graph`.
            device: `cpu`, `cuda`, `cuda:1`, `coreml`, or `auto`: CUDA if it is there and starts, else the CPU; not
                CoreML, see `mien.runtime.devices.resolve_device`.

        Raises:
            DataError: no such bundle, or a file of it is missing or damaged.
            UsageError: no such precision or device, or `threads` is not 1 to 1024.

        >>> model = BundleModel.open(threads=1)
        >>> model(np.zeros((2, 48, 48), np.uint8)).shape, model.classes[:2]
        ((2, 7), ('angry', 'disgust'))
        """
        if not isinstance(bundle, Bundle):
            bundle = Bundle.open(bundle or weights() / DEFAULT)
        chosen = resolve_device(device)
        try:
            return cls(bundle, precision=precision, threads=threads, device=chosen)
        except UsageError:
            if device != "auto" or chosen == "cpu":
                raise
            # ONNX Runtime was built for CUDA, and no GPU is there.
            return cls(bundle, precision=precision, threads=threads, device="cpu")

    def __call__(self, faces: NDArray[np.uint8], *, batch: int = BATCH) -> NDArray[np.float32]:
        """Classify faces as `Graph` does, for the mixture of classes that `prior` says."""
        probabilities = super().__call__(faces, batch=batch)
        assumed = self.bundle.card.assumed_shares
        if self.prior == assumed:
            return probabilities
        return change_prior(probabilities, old=assumed, new=self.prior)

    @checked
    def with_prior(self, prior: Prior) -> Self:
        """Return the same model with probabilities for another mixture of classes.

        Args:
            prior: `training`: as the network learned; `uniform`: every class is equally frequent; or a number for each
                class, in proportion to its share.

        Raises:
            UsageError: a class that the network doesn't know or never saw, one that is left out, or no share.

        >>> model = BundleModel.open("mien-n", threads=1).with_prior("uniform")
        >>> round(model.prior["disgust"], 3)
        0.143
        """
        changed = copy(self)
        changed.prior = self.bundle.card.shares_for(prior)
        return changed

    @property
    def id(self) -> "ModelId":
        """Which network this is: the bundle's name, the mien that exported it, the graph's sha256."""
        return self.bundle.model_id(self.precision)

    @property
    def classes(self) -> tuple[str, ...]:
        """The C class names, in the order of the probabilities."""
        return self.bundle.classes

    @property
    def crop_margin(self) -> float:
        """The `margin` with which `find_faces` cuts what this network learned from."""
        return self.bundle.card.input.crop_margin


def open_graph(content: bytes, *, threads: int | None, device: str = "cpu") -> onnxruntime.InferenceSession:
    """Open an ONNX file's content; arguments and errors as in `Graph`."""
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"{threads} threads, expected 1 to {MOST_THREADS}")
    require_whole(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; exceptions tell the rest
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = [provider(device)]
    if device != "cpu":
        wanted.append(provider("cpu"))
    try:
        session = onnxruntime.InferenceSession(content, options, providers=wanted, enable_fallback=0)
    except Exception as error:  # ONNX Runtime has an exception of its own for each way to fail
        if device != "cpu":
            raise UsageError(f"device '{device}' can't be used ({error}); choose another, such as cpu") from None
        raise DataError(f"not a graph that ONNX Runtime can run ({error})") from None
    if session.get_providers()[0] != wanted[0][0]:  # what can't start is left out without an exception
        raise UsageError(f"device '{device}' can't be used: {wanted[0][0]} did not start; choose another, such as cpu")
    return session
