"""The last layer, fitted alone where a network gets new classes.  Axes: `N` faces, `C` classes, `F` features."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.core.faces import FaceSet
from mien.models.classifier import Classifier
from mien.models.registry import last_layer

PULL = 0.1
"""How strongly the last layer is held to what it was, against the mean cross-entropy; .03 to .3 do as well."""


def fit_last_layer(classifier: Classifier, faces: FaceSet, *, targets: Tensor, weights: Tensor | None = None) -> None:
    """Fit the last layer alone: a logistic regression that is held to the weights that the layer has.

    With random rows the first steps of a training would spoil the layers below (Kumar et al. 2022, arXiv 2202.10054).

    Args:
        classifier: the network; rows of classes that it didn't have are 0.
        faces: N of them.
        targets: `float32 (N, C)`, rows that sum to 1.
        weights: `float32 (C,)`, of the classes in the loss; None weighs them alike.
    """
    layer = last_layer_of(classifier)
    features = features_of(classifier, faces)
    given = [parameter.detach().clone() for parameter in layer.parameters()]
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(layer(features), targets, weight=weights)
        for now, before in zip(layer.parameters(), given, strict=True):
            value = value + PULL / 2 * (now - before).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    optimizer.zero_grad()


def features_of(classifier: Classifier, faces: FaceSet) -> Tensor:
    """Return what the last layer is given for N faces: `float32 (N, F)`."""
    with keep_features(classifier) as batches:
        classifier.logits(faces.images)
    return torch.cat(batches)


@contextlib.contextmanager
def keep_features(classifier: Classifier) -> Iterator[list[Tensor]]:
    """Fill a list with what the last layer is given for each batch that is classified meanwhile: `float (n, F)`."""
    batches: list[Tensor] = []
    hook = last_layer_of(classifier).register_forward_pre_hook(lambda _, given: batches.append(given[0]))
    try:
        yield batches
    finally:
        hook.remove()


def last_layer_of(classifier: Classifier) -> nn.Linear:
    """Return the layer that turns features into logits."""
    weight, _ = last_layer(classifier.model)
    layer = classifier.network.get_submodule(weight.removesuffix(".weight"))
    assert isinstance(layer, nn.Linear)  # as `MODELS` demands
    return layer
