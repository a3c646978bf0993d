"""Do attribution maps show what the network uses?  Deletion and insertion curves, and controls to compare them with.

Axes: `N` faces, `T` points of a curve.  Pixels are deleted and inserted in cells of 4×4.  Single pixels scattered over
a face would be noise that disturbs a network wherever they lie, and would hide a third of the finer maps' advantage.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.images import SIZE
from mien.explanation.attribution import blank
from mien.explanation.hooks import eval_mode
from mien.models.classifier import Classifier

CELL_PX = 4
CELLS = (SIZE // CELL_PX) ** 2
POINTS = 25
"""T: points from the whole face to nothing of it at equal distances, both ends included."""
BLUR_SD_PX = 5.0
"""Insertion starts from the face blurred by a Gaussian of this standard deviation."""
CONTROLS = ("random order", "centre first")


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the explained class while cells are deleted or inserted, the most salient first.

    Attributes:
        deletion: `float32 (N, T)`; the faster it falls, the better the map.
        insertion: `float32 (N, T)`; the faster it rises, the better the map.
    """

    deletion: NDArray[np.float32]
    insertion: NDArray[np.float32]

    @property
    def score(self) -> NDArray[np.float64]:
        """`float64 (N,)`: area under insertion minus area under deletion, -1 to 1; larger is better."""
        return np.asarray(areas(self.insertion) - areas(self.deletion))


def curves(
    classifier: Classifier,
    images: NDArray[np.uint8],
    *,
    classes: NDArray[np.int64],
    order: NDArray[np.int64],
    batch: int = 8,
) -> Curves:
    """Delete and insert the cells of each face in a given order, and record the probability of a class.

    Deletion fills cells with the face's mean grey; insertion puts cells of the face into a blurred copy of it.

    Args:
        classifier: the network; it is not changed.
        images: `uint8 (N, 48, 48)`.
        classes: `int64 (N,)`, the class that was explained.
        order: `int64 (N, 144)`, cells from the most to the least salient, as from `cell_order`.
        batch: how many faces are computed at once.

    Petsiuk et al. 2018, arXiv 1806.07421.
    """
    device = classifier.normalise.mean.device
    ranks = torch.as_tensor(order.argsort(axis=1), device=device)  # (N, 144): at which place each cell comes
    changed_cells = torch.linspace(0, CELLS, POINTS, device=device).round()  # (T,)
    deletions = [np.empty((0, POINTS), np.float32)]  # so that no faces give no curves
    insertions = [np.empty((0, POINTS), np.float32)]
    with eval_mode(classifier), torch.inference_mode():
        for start in range(0, len(images), batch):
            rows = slice(start, start + batch)
            faces = torch.tensor(images[rows], dtype=torch.float32, device=device)[:, None]
            changed = _to_pixels(ranks[rows, None, :] < changed_cells[None, :, None])  # (n, T, H, W)
            explained = torch.tensor(classes[rows], dtype=torch.int64, device=device)
            deleted = torch.where(changed, blank(faces), faces)
            deletions.append(_probability(classifier, deleted, explained))
            inserted = torch.where(changed, faces, _blurred(faces))
            insertions.append(_probability(classifier, inserted, explained))
    return Curves(np.concatenate(deletions), np.concatenate(insertions))


def cell_order(maps: NDArray[np.float32]) -> NDArray[np.int64]:
    """Sort the cells of each map `float32 (N, 48, 48)` by their mean, the most salient first: `int64 (N, 144)`."""
    side = SIZE // CELL_PX
    means = maps.reshape(len(maps), side, CELL_PX, side, CELL_PX).mean(axis=(2, 4)).reshape(len(maps), CELLS)
    return np.argsort(-means, axis=1, kind="stable")


def control_orders(count: int, *, generator: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Make orders that don't depend on the network: random, and from the centre outwards; each `int64 (N, 144)`."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    centre = -(rows**2 + columns**2).astype(np.float32)
    random = generator.permuted(np.tile(np.arange(CELLS), (count, 1)), axis=1)
    centre_first = np.repeat(cell_order(centre[None]), count, axis=0)
    return dict(zip(CONTROLS, (random, centre_first), strict=True))


def areas(curve: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the area under each curve `(N, T)` by the trapezoidal rule; T points span 0 to 1: `float64 (N,)`."""
    return np.trapezoid(curve.astype(np.float64), dx=1 / (POINTS - 1), axis=1)


def _probability(classifier: Classifier, pictures: Tensor, classes: Tensor) -> NDArray[np.float32]:
    """Classify pictures `(n, T, 48, 48)` and return the probability of the face's class: `float32 (n, T)`."""
    probabilities = classifier(pictures.flatten(0, 1)[:, None]).float().softmax(dim=1)
    picked = probabilities.reshape(*pictures.shape[:2], -1)[torch.arange(len(pictures)), :, classes]
    return np.asarray(picked.cpu())


def _to_pixels(cells: Tensor) -> Tensor:
    """Spread `(n, T, 144)` over the pixels of their cells: `(n, T, 48, 48)`."""
    side = SIZE // CELL_PX
    grid = cells.reshape(*cells.shape[:2], side, side)
    return grid.repeat_interleave(CELL_PX, dim=2).repeat_interleave(CELL_PX, dim=3)


def _blurred(faces: Tensor) -> Tensor:
    reach = int(3 * BLUR_SD_PX)
    steps = torch.arange(-reach, reach + 1, device=faces.device, dtype=faces.dtype)
    weights = torch.exp(-0.5 * (steps / BLUR_SD_PX) ** 2)
    weights = weights / weights.sum()
    wide = functional.pad(faces, (reach, reach, reach, reach), mode="replicate")
    return functional.conv2d(functional.conv2d(wide, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
