"""A second last layer, which learns annotators' votes.  Axes: `N` faces, `F` features, `V` columns of votes.

Labels and votes over one trunk: what people saw in a face beside its label helps the layers that both share.  Only
training has the second layer; the network that is kept ends with its own.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mien.models.classifier import Classifier
from mien.training.last_layer import last_layer_of


class VotesHead(nn.Module):
    """Maps what a classifier's last layer is given to the shares of all V columns of the votes.

    Its weights begin at 0, so that at first no gradient goes through it to the layers below.  The shares are no buffer:
    buffers are averaged with the weights and sent to every process, at each step.

    Args:
        classifier: whose last layer it stands beside.
        votes: `uint8 (N, V)`, of the faces that are learned; a face without any has no part in the loss.
    """

    def __init__(self, classifier: Classifier, votes: NDArray[np.uint8]) -> None:
        super().__init__()
        self.output = nn.Linear(last_layer_of(classifier).in_features, votes.shape[1])
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        counts = torch.from_numpy(votes).float()
        self.shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)

    def loss(self, features: Tensor, *, rows: Tensor) -> Tensor:
        """Return the mean cross-entropy of n faces: their features `(n, F)`, and which of the N they are `(n,)`."""
        return functional.cross_entropy(self.output(features).float(), self.shares[rows])
