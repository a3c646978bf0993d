"""Calibration: logits are divided by one number and shifted by one per class, so that probabilities mean what they say.

Axes: `N` faces that the network did not learn from, `C` classes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor
from torch.nn import functional

from mien.core.faces import FaceSet
from mien.models.classifier import Classifier

LARGEST = 10.0
"""Temperatures lie between 1 / LARGEST and LARGEST: a network that is always right would ask for 0."""

FOLDS = 5
LEAST_FACES = 100
"""Fewer faces are too few to try biases on `FOLDS` folds of them."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Probabilities are `softmax(logits / temperature + bias)`.

    Attributes:
        temperature: above 0.
        bias: `float64 (C,)`, sums to 0; None where biases help no other faces than those that they are fitted on.
    """

    temperature: float
    bias: NDArray[np.float64] | None = None

    def apply(self, logits: Tensor) -> Tensor:
        """Return the calibrated logits, `float64 (N, C)`."""
        calibrated = logits.double() / self.temperature
        return calibrated if self.bias is None else calibrated + torch.as_tensor(self.bias)

    def log_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the log loss of each face, `float64 (N,)`."""
        return functional.cross_entropy(self.apply(logits), targets, reduction="none")


def calibrate(logits: Tensor, targets: Tensor) -> Calibration:
    """Find a temperature, and a bias per class where folds say that it lowers the log loss of other faces.

    Args:
        logits: `float (N, C)`.
        targets: `int64 (N,)`.
    """
    plain = Calibration(fit_temperature(logits, targets))
    if len(targets) < LEAST_FACES:
        return plain
    return fit_biases(logits, targets) if gain_of_biases(logits, targets).mean() > 0 else plain


def calibrate_classifier(classifier: Classifier, held_out: FaceSet) -> None:
    """Set a classifier's temperature and biases by labelled faces that it did not learn from."""
    classifier.temperature, classifier.bias = 1.0, None  # the logits are measured without
    found = calibrate(classifier.logits(held_out.images), torch.as_tensor(held_out.targets))
    classifier.temperature = found.temperature
    if found.bias is not None:
        classifier.bias = torch.as_tensor(found.bias, dtype=torch.float32, device=classifier.normalise.mean.device)


def gain_of_biases(logits: Tensor, targets: Tensor) -> Tensor:
    """Return by how much biases lower each face's log loss, `float64 (N,)`, when other faces have set them.

    Args:
        logits: `float (N, C)`.
        targets: `int64 (N,)`.
    """
    folds = torch.arange(len(targets)) % FOLDS
    gain = torch.empty(len(targets), dtype=torch.float64)
    for fold in range(FOLDS):
        fitted, other = folds != fold, folds == fold
        without = Calibration(fit_temperature(logits[fitted], targets[fitted]))
        biased = fit_biases(logits[fitted], targets[fitted])
        gain[other] = without.log_loss(logits[other], targets[other]) - biased.log_loss(logits[other], targets[other])
    return gain


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the temperature T for which the log loss of `softmax(logits / T)` is lowest.

    Args:
        logits: `float (N, C)`.
        targets: `int64 (N,)`.

    Guo et al. 2017, arXiv 1706.04599, section 4.2.

    >>> sure = torch.tensor([[4.0, 0.0]])
    >>> round(fit_temperature(sure.repeat(4, 1), torch.tensor([0, 0, 0, 1])), 2)  # 4 / T = log(3): right 3 times in 4
    3.64
    """
    wide = logits.double()

    def loss(log_t: float) -> float:
        return float(functional.cross_entropy(wide / 2**log_t, targets))

    bound = math.log2(LARGEST)
    return float(2 ** minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-4}).x)


def fit_biases(logits: Tensor, targets: Tensor) -> Calibration:
    """Find the temperature T and each class's bias b for which the log loss of `softmax(logits / T + b)` is lowest.

    A class with few faces keeps a small bias: each has a normal prior with standard deviation 1.

    Args:
        logits: `float (N, C)`.
        targets: `int64 (N,)`.

    Alexandari, Kundaje and Shrikumar 2020, arXiv 1901.06852: "bias-corrected temperature scaling".

    >>> even = torch.zeros((1000, 2))
    >>> fitted = fit_biases(even, torch.tensor([0, 0, 0, 1]).repeat(250))  # right 3 times in 4
    >>> round(float(fitted.bias[0] - fitted.bias[1]), 2), round(math.log(3), 2)
    (1.1, 1.1)
    """
    wide = logits.double()
    faces, classes = wide.shape

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        free = torch.tensor(values, requires_grad=True)
        found = functional.cross_entropy(wide / 2 ** free[0] + free[1:], targets) + (free[1:] ** 2).sum() / (2 * faces)
        (slope,) = torch.autograd.grad(found, free)
        return float(found.detach()), slope.numpy()

    bound = math.log2(LARGEST)
    bounds = [(-bound, bound), *[(None, None)] * classes]
    values = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(2 ** values[0]), values[1:] - values[1:].mean())
