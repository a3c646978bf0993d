"""A network with its normalisation and class names: `uint8` faces in, logits out.  Axes: `N` faces, `C` classes."""

import copy
import math
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor, nn
from torch.nn import functional

from mien.core.bundle import Bundle
from mien.core.config import Normalisation
from mien.core.errors import DataError, UsageError, nearest
from mien.core.files import read_json, write_atomic, write_json
from mien.core.images import SIZE
from mien.core.labels import check_names
from mien.core.prior import Shares
from mien.core.schema import SCHEMA_VERSION, check_schema
from mien.models.registry import build

SMALLEST_SD = 1.0
"""Standard deviations are at least one grey level, so that constant pixels and blank faces stay finite."""


NEVER = -1e4
"""Added to the logit of a class that has no share: its probability is 0 then, without an infinite number in a graph."""

BLOCK = 512
"""Number of faces whose pixels are summed at once."""


class Normalise(nn.Module):
    """Standardise faces: grey levels `(N, 1, 48, 48)` in 0…255, any dtype → `float32` of the same shape.

    `none` divides by 255.  `per-pixel` subtracts each pixel's mean over the training faces and divides by its standard
    deviation, as in the reference report.  `global` uses one mean and standard deviation for all pixels, `per-face`
    those of each face.

    Raises:
        UsageError: `kind` is none of these.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, kind: Normalisation) -> None:
        super().__init__()
        if kind not in get_args(Normalisation):
            raise UsageError(f"no normalisation '{kind}', {nearest(kind, get_args(Normalisation))}")
        self.kind = kind
        self.register_buffer("mean", torch.zeros(1, 1, SIZE, SIZE))
        self.register_buffer("sd", torch.full((1, 1, SIZE, SIZE), 255.0))

    def fit(self, images: NDArray[np.uint8]) -> None:
        """Take mean and standard deviation from training faces, `uint8 (N, 48, 48)`."""
        if self.kind in ("per-pixel", "global"):
            axis = 0 if self.kind == "per-pixel" else (0, 1, 2)
            total: Any = np.int64(0)
            squares: Any = np.int64(0)
            for i in range(0, len(images), BLOCK):  # all at once in 64 bits would need eight times the memory
                block = images[i : i + BLOCK].astype(np.int64)
                total, squares = total + block.sum(axis=axis), squares + (block**2).sum(axis=axis)
            count = images.size / np.size(total)
            mean = total / count
            self.mean[:] = torch.as_tensor(mean)
            self.sd[:] = torch.as_tensor(np.sqrt(squares / count - mean**2)).clamp(min=SMALLEST_SD)

    def forward(self, faces: Tensor) -> Tensor:
        faces = faces.float()
        if self.kind == "per-face":
            mean = faces.mean(dim=(2, 3), keepdim=True)
            sd = faces.std(dim=(2, 3), keepdim=True, correction=0).clamp(min=SMALLEST_SD)
            return (faces - mean) / sd
        return (faces - self.mean) / self.sd


def full_precision() -> AbstractContextManager[None]:
    """Convolve `float32` in full precision; by default a GPU uses only ten bits of the mantissa (TF32)."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


class Classifier(nn.Module):
    """Maps grey levels `(N, 1, 48, 48)` in 0…255 to logits `float (N, C)`; the network sees faces of `side_px`.

    With `flip`, which is set for an export alone, the network's logits are those of the face and of its mirror image,
    averaged.  They are divided by `temperature`, and `bias`, `float32 (C,)`, is added; these are 1 and None until the
    network has been calibrated.
    """

    bias: Tensor | None

    def __init__(self, model: str, classes: tuple[str, ...], *, normalisation: Normalisation) -> None:
        super().__init__()
        self.model, self.classes = model, classes
        self.normalise = Normalise(normalisation)
        self.flip = False
        self.temperature = 1.0
        self.register_buffer("bias", None, persistent=False)
        self.network = build(model, len(classes)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, faces: Tensor, *, side_px: int = SIZE) -> Tensor:
        if self.flip:
            faces = with_mirror_images(faces)
        maps = self.normalise(faces)
        if side_px != SIZE:  # after the normalisation, which may differ for each pixel
            maps = functional.interpolate(maps, (side_px, side_px), mode="bilinear", antialias=True)
        logits: Tensor = self.network(maps.contiguous(memory_format=torch.channels_last))
        if self.flip:
            logits = mean_of_views(logits)
        logits = logits / self.temperature
        return logits if self.bias is None else logits + self.bias

    def for_prior(self, *, old: Shares, new: Shares) -> "Classifier":
        """Return a copy whose probabilities are those of `mien.core.prior.change_prior`."""
        changed = copy.deepcopy(self)
        ratios = torch.tensor([new[name] / old[name] if old[name] else 0.0 for name in self.classes])
        shift = ratios.log().clamp(min=NEVER).to(self.normalise.mean.device)
        changed.bias = shift if self.bias is None else self.bias + shift
        return changed

    def probabilities(self, images: NDArray[np.uint8], *, batch: int = 256) -> NDArray[np.float32]:
        """Classify faces `uint8 (N, 48, 48)` in full precision: `float32 (N, C)`, rows that sum to 1."""
        return self.logits(images, batch=batch).softmax(dim=1).numpy()

    @torch.inference_mode()
    def logits(self, images: NDArray[np.uint8], *, batch: int = 256) -> Tensor:
        """Compute the logits of faces `uint8 (N, 48, 48)` in full precision, in evaluation mode: `float32 (N, C)`."""
        device = self.normalise.mean.device
        training = self.training
        self.eval()
        parts = (images[i : i + batch].copy() for i in range(0, len(images), batch))  # torch wants writable arrays
        with full_precision():
            rows = [self(torch.as_tensor(part, device=device)[:, None]).float().cpu() for part in parts]
        self.train(training)
        return torch.cat(rows) if rows else torch.empty((0, len(self.classes)))


def with_mirror_images(faces: Tensor) -> Tensor:
    """Put the mirror images of faces behind them: `(N, …, W)` → `(2 N, …, W)`."""
    return torch.cat([faces, faces.flip(-1)])


def mean_of_views(logits: Tensor) -> Tensor:
    """Average the logits of `with_mirror_images`: `float (2 N, C)` → `float (N, C)`."""
    return logits.reshape(2, -1, logits.shape[1]).mean(dim=0)


def save_classifier(classifier: Classifier, folder: Path, *, epoch: int) -> None:
    """Write `model.safetensors` and `model.json` atomically; the weights are those after `epoch` (from 1)."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    write_atomic(folder / "model.safetensors", save(tensors))
    card = {
        "schema_version": SCHEMA_VERSION,
        "model": classifier.model,
        "classes": classifier.classes,
        "normalisation": classifier.normalise.kind,
        "temperature": classifier.temperature,
        "epoch": epoch,
    }
    if classifier.bias is not None:
        card["bias"] = classifier.bias.tolist()
    write_json(folder / "model.json", card)


def half_weights(classifier: Classifier) -> bytes:
    """Return the weights as a safetensors file in 16 bits; `classifier_of` reads it."""
    tensors = {}
    for name, tensor in classifier.state_dict().items():
        short = tensor.half() if tensor.is_floating_point() else tensor
        tensors[name] = short.cpu().contiguous()
    return save(tensors)


def classifier_of(bundle: Bundle) -> Classifier:
    """Return the classifier of a bundle that has weights, in `float32` and in evaluation mode.

    Raises:
        DataError: the file is missing or damaged, or the weights belong to another network.
        UsageError: the bundle has only graphs.
    """
    card, content = bundle.card, bundle.read_weights()
    try:
        kind: Any = card.normalisation  # checked by what it is given to
        classifier = Classifier(card.network.model, card.classes, normalisation=kind)
        classifier.load_state_dict(load(content))
    except (RuntimeError, SafetensorError, UsageError) as error:
        raise DataError(f"{bundle.path}: damaged weights ({str(error).splitlines()[0]})") from None
    classifier.flip = bool(card.flip)
    classifier.temperature = card.temperature
    if card.bias:
        classifier.bias = torch.tensor([card.bias[label] for label in card.classes])
    return classifier.eval()


def load_classifier(folder: Path, *, device: str = "cpu") -> Classifier:
    """Read what `save_classifier` wrote; the result is in evaluation mode.

    Raises:
        DataError: a file is missing or damaged, was written by another version of mien, or the weights belong to
            another network.
    """
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no trained model; `mien train` writes it when it ends")
    card = read_json(folder / "model.json")
    check_schema(card, folder, again="train it again")
    try:
        classes, temperature = card["classes"], float(card.get("temperature", 1.0))
        bias = card.get("bias")
        if not isinstance(classes, list) or not temperature > 0:
            raise ValueError(f"classes {classes!r}, temperature {temperature}")
        if bias is not None and not (len(bias) == len(classes) and all(map(math.isfinite, bias))):
            raise ValueError(f"bias {bias!r} of {len(classes)} classes")
        check_names(classes, source=folder / "model.json")
        classifier = Classifier(card["model"], tuple(classes), normalisation=card["normalisation"])
        classifier.load_state_dict(load_file(folder / "model.safetensors"))
        classifier.temperature = temperature
        if bias is not None:
            classifier.bias = torch.tensor(bias, dtype=torch.float32)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: can't be read ({error.strerror or error})") from None
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError, DataError, UsageError) as error:
        raise DataError(f"{folder}: damaged model ({str(error).splitlines()[0]})") from None
    return classifier.to(device).eval()
