"""Calibration: one number by which logits are divided, so that probabilities mean what they say."""

import math

from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

LARGEST = 10.0
"""Temperatures lie between 1 / LARGEST and LARGEST: a network that is always right would ask for 0."""


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the temperature T for which the log loss of `softmax(logits / T)` is lowest.

    Args:
        logits: `float (N, C)` of faces that the network did not learn from.
        targets: `int64 (N,)`.

    Guo et al. 2017, arXiv 1706.04599, section 4.2.

    >>> import torch
    >>> sure = torch.tensor([[4.0, 0.0]])
    >>> round(fit_temperature(sure.repeat(4, 1), torch.tensor([0, 0, 0, 1])), 2)  # 4 / T = log(3): right 3 times in 4
    3.64
    """
    wide = logits.double()

    def loss(log_t: float) -> float:
        return float(functional.cross_entropy(wide / 2**log_t, targets))

    bound = math.log2(LARGEST)
    return float(2 ** minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-4}).x)
