"""The mien family: small residual networks of dense 3×3 convolutions, made for CPUs.

Each of the four stages is a convolution that adds channels, a max-pool that halves height and width, and a residual
block with squeeze-excitation (He et al. 2016, arXiv 1512.03385; Hu et al. 2018, arXiv 1709.01507).  Dense 3×3
convolutions run near a CPU's peak, depthwise ones at about a tenth of it.
"""

from torch import Tensor, nn
from torch.nn import functional


class MienNet(nn.Module):
    """Maps standardised grey faces `float (N, 1, 48, 48)` to logits `float (N, C)`; `widths`: channels by stage."""

    def __init__(self, classes: int, *, widths: tuple[int, int, int, int], dropout: float) -> None:
        super().__init__()
        channels = (1, *widths)
        self.stages = nn.Sequential(*(_Stage(channels[i], channels[i + 1]) for i in range(4)))
        self.pool = _MapMean(1)
        self.drop = nn.Dropout(dropout)
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.output(self.drop(self.pool(self.stages(faces)).flatten(1)))
        return logits


class _Stage(nn.Module):
    """`(N, C_in, H, W)` → `(N, C_out, H/2, W/2)`."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widen = _conv(channels, width)
        self.pool = nn.MaxPool2d(2)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU()
        self.residual = nn.Sequential(
            _conv(width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _conv(width, width),
            _zero_norm(width),
            _SqueezeExcite(width),
        )
        self.out = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.act(self.norm(self.pool(self.widen(maps))))
        result: Tensor = self.out(maps + self.residual(maps))
        return result


class _SqueezeExcite(nn.Module):
    """Multiply each channel by a factor from 0 to 1 that is computed from the means of all channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(width // 8, 4)
        self.gate = nn.Sequential(
            _MapMean(1), nn.Conv2d(width, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, width, 1), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = maps * self.gate(maps)
        return result


class _MapMean(nn.AdaptiveAvgPool2d):
    """Average each map: `(N, C, H, W)` → `(N, C, 1, 1)`.

    The gradient of a mean is laid out channel by channel, whatever the maps are, and adding it to one in
    `channels_last` is slow; that of an average pool is laid out as the maps are.  Evaluation and export keep the mean.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if self.training:
            return functional.avg_pool2d(maps, maps.shape[2:])
        mean: Tensor = super().forward(maps)
        return mean


def _conv(channels: int, width: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _zero_norm(width: int) -> nn.BatchNorm2d:
    """Make a batch norm whose residual branch starts at zero; otherwise training diverges in its first steps."""
    norm = nn.BatchNorm2d(width)
    nn.init.zeros_(norm.weight)
    return norm
