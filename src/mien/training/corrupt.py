"""Corruption of whole batches: what webcams, compression and masks do to a face; axes: `N` faces, `H = W = 48`.

The grey levels of a webcam are noisy, dark, blurred or few; networks that never saw such faces guess (Hendrycks &
Dietterich 2019, arXiv 1903.12261).  How strong each corruption is, is drawn anew for each face, unlike those of
`mien.core.corruptions`, by whose fixed strengths networks are judged.
"""

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from mien.core.images import SIZE

REACH_PX = 4
"""A blur's kernel has 2 · `REACH_PX` + 1 rows and columns."""


class Corrupter(nn.Module):
    """Random corruptions of grey levels `(N, 1, 48, 48)` in 0…255 → `float32`, same shape, whole numbers.

    Args:
        corrupt: how probable it is that a face gets one of `CORRUPTIONS`.
        cover: how probable it is that a part of it is covered, whatever else happened to it.

    They come after all augmentation.  Draws from torch's current generator.
    """

    def __init__(self, *, corrupt: float, cover: float) -> None:
        super().__init__()
        self.corrupt, self.cover = corrupt, cover

    def forward(self, faces: Tensor) -> Tensor:
        faces = faces.clone()
        count = len(faces)
        which = torch.multinomial(torch.tensor([*CORRUPTIONS.values()], dtype=torch.float), count, replacement=True)
        corrupted = torch.rand(count) < self.corrupt
        for number, change in enumerate(CORRUPTIONS):
            rows = torch.nonzero(corrupted & (which == number))[:, 0]
            if len(rows):
                with torch.autocast(faces.device.type, enabled=False):  # bf16 has too few digits for grey levels
                    faces[rows] = change(faces[rows])
        rows = torch.nonzero(torch.rand(count) < self.cover)[:, 0]
        if len(rows):
            faces[rows] = cover(faces[rows])
        return faces.clamp(0, 255).round()


def noise(faces: Tensor) -> Tensor:
    """Add Gaussian noise with a standard deviation of 0 to 30 grey levels."""
    return faces + uniform(faces, 0, 30) * torch.randn_like(faces)


def low_light(faces: Tensor) -> Tensor:
    """Count few photons: Poisson numbers of them, from 8 to 70 % of the light, 0.5 to 3.5 grey levels each."""
    level = uniform(faces, 0.5, 3.5)
    return torch.poisson(faces.clamp(0) * uniform(faces, 0.08, 0.7) / level) * level


def blur(faces: Tensor) -> Tensor:
    """Blur with a Gaussian (σ 0.5 to 2.5 px), a disc (radius 1 to 3 px) or along a line (3 to 9 px)."""
    count = len(faces)
    side = torch.arange(-REACH_PX, REACH_PX + 1, device=faces.device).float()
    down, right = side[:, None], side[None]
    distance = (down**2 + right**2).sqrt()
    gaussian = torch.exp(-(distance**2) / (2 * uniform(faces, 0.5, 2.5)[:, 0] ** 2))
    disc = (uniform(faces, 1, 3)[:, 0] + 0.5 - distance).clamp(0, 1)
    angle = uniform(faces, 0, torch.pi)[:, 0]
    along = (right * angle.cos() + down * angle.sin()).abs()
    beside = (right * angle.sin() - down * angle.cos()).abs()
    line = (1 - beside).clamp(0) * (uniform(faces, 1.5, 4.5)[:, 0] + 0.5 - along).clamp(0, 1)
    kernels = torch.stack([gaussian, disc, line])  # (3, N, 9, 9)
    chosen = kernels[torch.randint(3, (count,), device=faces.device), torch.arange(count, device=faces.device)]
    chosen = chosen / chosen.sum(dim=(1, 2), keepdim=True)
    padded = functional.pad(faces, (REACH_PX,) * 4, mode="replicate")
    blurred = functional.conv2d(padded.transpose(0, 1), chosen[:, None], groups=count)  # each face with its own kernel
    return blurred.transpose(0, 1)


def low_resolution(faces: Tensor) -> Tensor:
    """Shrink to 12 to 36 pixels, and enlarge again."""
    sides = torch.randint(12, 37, (len(faces),))
    coarse = []
    for face, side in zip(faces, sides.tolist(), strict=True):
        small = functional.interpolate(face[None], size=(side, side), mode="area")
        coarse.append(functional.interpolate(small, size=(SIZE, SIZE), mode="bicubic", align_corners=False))
    return torch.cat(coarse)


def tone(faces: Tensor) -> Tensor:
    """Change gamma (0.45 to 2.2), contrast (30 to 100 %) and exposure (40 to 180 %); what is too bright is cut off."""
    shares = (faces.clamp(0, 255) / 255) ** torch.exp(uniform(faces, -0.8, 0.8))
    shares = 0.5 + (shares - 0.5) * uniform(faces, 0.3, 1)
    return 255 * shares * uniform(faces, 0.4, 1.8)


def jpeg(faces: Tensor) -> Tensor:
    """Compress as JPEG of quality 5 to 50."""
    qualities = torch.randint(5, 51, (len(faces),))
    grey = faces.clamp(0, 255).round().byte().cpu().numpy()[:, 0]  # (N, 48, 48)
    decoded = []
    for picture, quality in zip(grey, qualities.tolist(), strict=True):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        decoded.append(np.asarray(Image.open(file)))
    return torch.from_numpy(np.stack(decoded)).to(faces)[:, None]


CORRUPTIONS: dict[Callable[[Tensor], Tensor], float] = {
    noise: 3,
    low_light: 3,
    blur: 3,
    low_resolution: 2,
    tone: 2,
    jpeg: 1,
}
"""How often each is drawn, relative to the others."""


def cover(faces: Tensor) -> Tensor:
    """Paint the mouth and all below (half of the faces), a band over the eyes, or any square in one grey level."""
    count, device = len(faces), faces.device
    boxes = []
    for which in torch.randint(4, (count,)).tolist():
        if which < 2:
            boxes.append((between(24, 36), SIZE, 0, SIZE))
        elif which == 2:
            top = between(8, 16)
            boxes.append((top, top + between(6, 14), 0, SIZE))
        else:
            side = between(10, 24)
            top, left = between(0, SIZE - side), between(0, SIZE - side)
            boxes.append((top, top + side, left, left + side))
    top, bottom, left, right = torch.tensor(boxes, device=device).T[:, :, None, None, None]  # (N, 1, 1, 1) each
    return torch.where(box(top, bottom, left, right), uniform(faces, 0, 255), faces)


def box(top: Tensor, bottom: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Say for each pixel whether it is inside: `(N, 1, 1, 1)` each, whole numbers → `bool (N, 1, 48, 48)`."""
    columns = torch.arange(SIZE, device=top.device)
    rows = columns[:, None]
    inside_rows = (rows >= top) & (rows < bottom)  # (N, 1, 48, 1)
    inside_columns = (columns >= left) & (columns < right)  # (N, 1, 1, 48)
    return inside_rows & inside_columns


def between(low: int, high: int) -> int:
    """Draw a whole number, `high` excluded."""
    return int(torch.randint(low, high, ()))


def uniform(faces: Tensor, low: float, high: float) -> Tensor:
    """Draw one number for each face: `(N, 1, 1, 1)`."""
    return low + (high - low) * torch.rand(len(faces), 1, 1, 1, device=faces.device)
