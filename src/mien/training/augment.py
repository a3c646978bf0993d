"""Augmentation of whole batches with Kornia; axes: `N` faces, `H = W = 48`."""

import kornia.augmentation as K
import torch
from torch import Tensor, nn

from mien.training.config import Augment


class Augmenter(nn.Module):
    """Random changes of grey levels `(N, 1, 48, 48)` in 0…255, each as `Augment` says → `float32`, same shape.

    All but corruption, which is a step of its own (`Corrupter`), since teachers don't see it.  Pixels that come in from
    outside repeat the border.  Draws from torch's current generator.
    """

    def __init__(self, config: Augment) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        if config.rotation_deg or config.shift or config.zoom:
            steps.append(
                K.RandomAffine(
                    config.rotation_deg,
                    translate=(config.shift, config.shift),
                    scale=(1 - config.zoom, 1 + config.zoom),
                    padding_mode="border",
                    p=1.0,
                )
            )
        if config.flip:
            steps.append(K.RandomHorizontalFlip(p=0.5))
        if config.brightness:
            steps.append(K.RandomBrightness((1 - config.brightness, 1 + config.brightness), p=1.0))
        if config.contrast:
            steps.append(K.RandomContrast((1 - config.contrast, 1 + config.contrast), p=1.0))
        if config.erase:
            steps.append(K.RandomErasing(scale=(0.02, 0.2), value=0.5, p=config.erase))
        self.steps = nn.Sequential(*steps)

    def forward(self, faces: Tensor) -> Tensor:
        with torch.autocast(faces.device.type, enabled=False):  # bf16 has too few digits for the affine matrices
            augmented: Tensor = self.steps(faces.float() / 255) * 255
        return augmented
