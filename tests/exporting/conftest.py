"""Faces, networks, and their graphs."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier, Normalisation

CLASSES = ("angry", "happy", "sad")


@pytest.fixture(scope="session")
def faces() -> NDArray[np.uint8]:
    levels = np.linspace(0, 255, 9).astype(np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (9, 48, 48)).astype(np.uint8)
    return np.concatenate([np.minimum(levels, noise), levels[4:5]])  # of many contrasts; the last is blank


def build(name: str, normalisation: Normalisation, faces: NDArray[np.uint8], *, smallest_scale: float) -> Classifier:
    """A network whose batch norms have seen something, and whose probabilities differ from face to face."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = Classifier(name, CLASSES, normalisation=normalisation).eval()
        for module in classifier.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, smallest_scale, 1.5)
                nn.init.normal_(module.bias, 0, 0.1)
    classifier.normalise.fit(faces)
    logits = classifier.logits(faces)
    output = [module for module in classifier.modules() if isinstance(module, nn.Linear)][-1]
    output.bias.data -= logits.mean(dim=0)
    classifier.temperature = float(logits.std(dim=0).max())
    return classifier


Export = Callable[[str, Normalisation], tuple[Classifier, bytes]]


@pytest.fixture(scope="session")
def export(faces: NDArray[np.uint8]) -> Export:
    """Each network is exported once; some of its batch norms have scales below 0, which no max-pool lets through."""

    @functools.cache
    def make(name: str, normalisation: Normalisation) -> tuple[Classifier, bytes]:
        classifier = build(name, normalisation, faces, smallest_scale=-0.5)
        return classifier, to_onnx(classifier)

    return make


@pytest.fixture(scope="session")
def small(faces: NDArray[np.uint8]) -> Classifier:
    return build("mien-n", "global", faces, smallest_scale=0.5)


@pytest.fixture(scope="session")
def graph(small: Classifier) -> bytes:
    return to_onnx(small)
