"""The last layer, fitted alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.batches import hard_targets
from mien.training.last_layer import PULL, fit_last_layer

FACES = open_faces("synthetic:70", seed=5)


WEIGHTS = torch.tensor([1.0, 3.0, 0.5, 1.0, 1.0, 2.0, 0.0])


def untrained(model: str) -> Classifier:
    torch.manual_seed(0)
    made = Classifier(model, FACES.classes, normalisation="global")
    made.normalise.fit(FACES.images)
    return made


@pytest.mark.parametrize(("model", "weights"), [("mien-n", None), ("mien-n", WEIGHTS), ("course_cnn", None)])
def test_the_last_layer_is_where_its_objective_is_least(model: str, weights: torch.Tensor | None) -> None:
    classifier = untrained(model)
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    targets = hard_targets(FACES)
    fit_last_layer(classifier, FACES, targets=targets, weights=weights)
    changed = [name for name, tensor in classifier.state_dict().items() if not tensor.equal(before[name])]
    assert len(changed) == 2  # the last layer's weight and bias
    classifier.eval()
    images = torch.tensor(FACES.images)[:, None]
    loss = functional.cross_entropy(classifier(images), targets, weight=weights)
    own = dict(classifier.named_parameters())
    for name in changed:
        loss = loss + PULL / 2 * (own[name] - before[name]).square().sum()
    gradients = torch.autograd.grad(loss, [own[name] for name in changed])
    assert all(gradient.abs().max() < 1e-3 for gradient in gradients)
    old = Classifier(classifier.model, FACES.classes, normalisation="global")
    old.load_state_dict(before)
    assert loss < functional.cross_entropy(old.logits(FACES.images), targets, weight=weights)
    assert all(parameter.grad is None for parameter in classifier.parameters())


def test_the_same_faces_give_the_same_bits() -> None:
    classifier = untrained("mien-n")
    found = []
    for _ in range(2):
        torch.manual_seed(1)
        again = Classifier(classifier.model, FACES.classes, normalisation="global")
        again.load_state_dict(classifier.state_dict())
        fit_last_layer(again, FACES, targets=hard_targets(FACES))
        found.append(again.probabilities(FACES.images[:20]))
    assert np.array_equal(found[0], found[1])
