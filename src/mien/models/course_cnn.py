"""The reference report's network: four wide convolutions without padding, two dense layers, 4,790,107 parameters.

| layer      | output       | parameters |    | layer      | output      | parameters |
|------------|--------------|-----------:|----|------------|-------------|-----------:|
| conv1 3×3  | 400 × 46 × 46|      4,000 |    | conv4 3×3  | 400 × 2 × 2 |  1,440,400 |
| batch norm |              |      1,600 |    | batch norm |             |      1,600 |
| max-pool 2 | 400 × 23 × 23|            |    | max-pool 2 | 400 × 1 × 1 |            |
| conv2 3×3  | 400 × 21 × 21|  1,440,400 |    | dense1     | 500         |    200,500 |
| batch norm |              |      1,600 |    | batch norm |             |      2,000 |
| max-pool 2 | 400 × 10 × 10|            |    | dense2     | 500         |    250,500 |
| conv3 3×3  | 400 × 8 × 8  |  1,440,400 |    | batch norm |             |      2,000 |
| batch norm |              |      1,600 |    | output     | 7           |      3,507 |
| max-pool 2 | 400 × 4 × 4  |            |    |            |             |            |

Half of each batch norm (running mean and variance, 5,200 in all) is not trainable.  Batch norm uses the momentum and
epsilon that are the defaults of the report's framework (Keras: 0.99 and 1e-3; PyTorch's momentum is 1 minus Keras's).
The running variance is PyTorch's: n / (n - 1) times that of n values, where Keras 3 takes the variance itself.  With
128 faces that is 0.8 % more after the dense layers (n = 128), 0.2 % after conv4 (512), below 0.02 % elsewhere.
"""

from collections import OrderedDict

from torch import Tensor, nn

FILTERS, DENSE, SLOPE = 400, 500, 0.03
DROPOUT = (0.2, 0.25, 0.3, 0.4)
MOMENTUM, EPSILON = 0.01, 1e-3


class CourseCNN(nn.Module):
    """Maps standardised grey faces `float (N, 1, 48, 48)` to logits `float (N, C)`.

    Args:
        classes: C.
        filters: of each convolution; with fewer than the report's, settings can be searched sooner.
    """

    def __init__(self, classes: int, *, filters: int = FILTERS) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 1
        for number, dropout in enumerate(DROPOUT, start=1):
            layers.update(_block(channels, filters, number, dropout))
            channels = filters
        layers["flatten"] = nn.Flatten()
        layers.update(_dense(filters, 1))
        layers.update(_dense(DENSE, 2))
        layers["output"] = nn.Linear(DENSE, classes)
        self.layers = nn.Sequential(layers)
        self.apply(_glorot_normal)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.layers(faces)
        return logits


def _block(channels: int, filters: int, index: int, drop: float) -> list[tuple[str, nn.Module]]:
    return [
        (f"conv{index}", nn.Conv2d(channels, filters, kernel_size=3)),
        (f"act{index}", nn.LeakyReLU(SLOPE)),
        (f"norm{index}", nn.BatchNorm2d(filters, EPSILON, MOMENTUM)),
        (f"pool{index}", nn.MaxPool2d(2)),
        (f"drop{index}", nn.Dropout(drop)),
    ]


def _dense(features: int, index: int) -> list[tuple[str, nn.Module]]:
    return [
        (f"dense{index}", nn.Linear(features, DENSE)),
        (f"dense_act{index}", nn.LeakyReLU(SLOPE)),
        (f"dense_norm{index}", nn.BatchNorm1d(DENSE, EPSILON, MOMENTUM)),
    ]


def _glorot_normal(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
