"""Augmentation of whole batches; axes: `N` faces, `H = W = 48`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.core.images import SIZE
from mien.training.config import Augment
from mien.training.corrupt import box, uniform


class Augmenter(nn.Module):
    """Random changes of grey levels `(N, 1, 48, 48)` in 0…255, each as `Augment` says → `float32`, same shape.

    All but corruption, which is a step of its own (`Corrupter`), since teachers don't see it.  Pixels that come in from
    outside repeat the border.  Draws from torch's current generator.
    """

    def __init__(self, config: Augment) -> None:
        super().__init__()
        self.config = config

    def forward(self, faces: Tensor) -> Tensor:
        up_to = self.config
        faces = faces.float()
        if up_to.rotation_deg or up_to.shift or up_to.zoom:
            faces = move(faces, rotation_deg=up_to.rotation_deg, shift=up_to.shift, zoom=up_to.zoom)
        if up_to.flip:
            faces = torch.where(uniform(faces, 0, 1) < 0.5, faces.flip(3), faces)
        if up_to.brightness:
            faces = (faces + 255 * uniform(faces, -up_to.brightness, up_to.brightness)).clamp(0, 255)
        if up_to.contrast:
            faces = (faces * uniform(faces, 1 - up_to.contrast, 1 + up_to.contrast)).clamp(0, 255)
        if up_to.erase:
            faces = erase(faces, up_to.erase)
        return faces


def move(faces: Tensor, *, rotation_deg: float, shift: float, zoom: float) -> Tensor:
    """Rotate clockwise about the middle, enlarge and shift, by up to so many degrees and such shares."""
    angle = torch.deg2rad(uniform(faces, -rotation_deg, rotation_deg))
    scale = uniform(faces, 1 - zoom, 1 + zoom)
    right, down = uniform(faces, -2 * shift, 2 * shift), uniform(faces, -2 * shift, 2 * shift)  # places are in -1…1
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    places = (2 * torch.arange(SIZE, device=faces.device) + 1) / SIZE - 1
    # Where each pixel comes from, `(N, 1, 48, 48)`: a part that its column gives and one that its row gives.
    x = cosine * (places - right) + sine * (places[:, None] - down)
    y = cosine * (places[:, None] - down) - sine * (places - right)
    grid = torch.cat([x, y], dim=1).permute(0, 2, 3, 1)  # (N, 48, 48, 2)
    return functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def erase(faces: Tensor, share: float) -> Tensor:
    """Paint a grey rectangle on such a share of the faces: 2 to 20 % of a picture, 0.3 to 3.3 times as high as wide.

    Zhong et al. 2020, arXiv 1708.04896.
    """
    erased = uniform(faces, 0, 1) < share
    area = SIZE**2 * uniform(faces, 0.02, 0.2)
    low, high = uniform(faces, 0.3, 1), uniform(faces, 1, 3.3)
    ratio = torch.where(uniform(faces, 0, 1) > 0.5, low, high)
    height, width = (area * ratio).sqrt().round().clamp(1, SIZE), (area / ratio).sqrt().round().clamp(1, SIZE)
    left = (uniform(faces, 0, 1) * (SIZE - width + 1)).floor()
    top = (uniform(faces, 0, 1) * (SIZE - height + 1)).floor()
    return torch.where(erased & box(top, top + height, left, left + width), 127.5, faces)
