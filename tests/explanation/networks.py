"""Networks whose maps are known without computing them, and what of a network must stay as it is."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.models.classifier import Classifier
from mien.models.registry import MODELS

CLASSES = ("angry", "happy", "sad")


def faces(count: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Draw faces of plain noise."""
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


class Linear(nn.Module):
    """Logits are weighted sums of the pixels; the maps of every method but Grad-CAM are known."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.output = nn.Linear(48 * 48, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.output(pixels.flatten(1))
        return logits


class OneConv(nn.Module):
    """One convolution, the mean of each of its maps, and weighted sums of these: Grad-CAM is known."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5, stride=4)
        self.output = nn.Linear(4, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.output(self.conv(pixels).mean(dim=(2, 3)))
        return logits


@pytest.fixture(autouse=True)
def known_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry have these two while a test runs; a test file that needs them imports this name."""
    monkeypatch.setitem(MODELS, "linear", Linear)
    monkeypatch.setitem(MODELS, "one-conv", OneConv)


def made(model: str, *, seed: int = 0) -> Classifier:
    """Build a classifier of three classes with weights drawn by a seed; its batch norms know something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(model, CLASSES, normalisation="none")
        for module in classifier.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                nn.init.normal_(module.weight, 1, 0.2)
                nn.init.normal_(module.running_mean, 0, 0.2)  # type: ignore[arg-type]
    return classifier.eval()


def two_classes() -> Classifier:
    """Build a linear classifier of two classes with opposite weights: its true order of pixels is known."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = Classifier("linear", ("happy", "sad"), normalisation="none")
    output = classifier.network.output
    assert isinstance(output, nn.Linear)
    with torch.no_grad():
        output.weight[1] *= 10
        output.weight[0] = -output.weight[1]
    return classifier.eval()


def weights(classifier: Classifier) -> NDArray[np.float64]:
    """Return a linear classifier's weights a grey level: `float64 (C, 48, 48)`."""
    output = classifier.network.output
    assert isinstance(output, nn.Linear)
    return output.weight.detach().numpy().astype(np.float64).reshape(-1, 48, 48) / 255


def state(classifier: Classifier) -> dict[str, Any]:
    """Copy all that an explanation might leave changed."""
    found: dict[str, Any] = {name: tensor.clone().numpy().tobytes() for name, tensor in classifier.state_dict().items()}
    found |= {f"{name} wants": (each.requires_grad, each.grad) for name, each in classifier.named_parameters()}
    for name, module in classifier.named_modules():
        hooks = [len(value) for key, value in vars(module).items() if key.endswith("_hooks")]
        found[f"{name} is"] = (module.training, hooks)
    return found
