"""What `explain` keeps of a layer: pictures that excite its filters, and its answer to a face.

Axes: `F` filters, `R` real faces beside each, `H = W = 48`.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.errors import UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_arrays, write_atomic, write_json
from mien.core.images import to_uint8
from mien.core.progress import OnProgress, Progress
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.explanation.feature_maps import FeatureMaps
from mien.explanation.filters import maximise, top_activating
from mien.explanation.grids import sheet
from mien.models.classifier import Classifier
from mien.training.memory import keep_freed_memory

SEARCHED = 1000
"""Faces among which those are sought that excite a filter most."""
REAL = 5
"""Faces shown beside each filter's picture."""
MAPS_SHOWN = 48


@dataclass(frozen=True)
class Ascent:
    """How a filter's picture is sought, as in `maximise`.

    Raises:
        UsageError: a number is out of range.
    """

    starts: int
    jitter_px: int
    smoothness: float

    def __post_init__(self) -> None:
        if self.starts < 1 or self.jitter_px < 0 or not self.smoothness >= 0:
            raise UsageError("expected at least one start, a jitter of 0 pixels or more and a smoothness from 0 on")


def keep_filters(
    run: RunDir,
    classifier: Classifier,
    shown: FaceSet,
    *,
    layer: str,
    units: range,
    of: int,
    ascent: Ascent,
    progress: OnProgress | None,
) -> None:
    """Make the pictures of some of a layer's `of` filters, find the faces that excite them, and keep both."""
    keep_freed_memory()
    generator = torch.Generator(classifier.normalise.mean.device).manual_seed(0)

    def report_share(percent: int) -> None:
        if progress:
            progress(Progress("filter pictures", done=percent * len(units) // 100, total=len(units), unit="filters"))

    made = maximise(classifier, layer, units=units, generator=generator, tick=report_share, **asdict(ascent))
    rows = evenly(shown.targets, SEARCHED, seed=0)
    rows = rows[np.sort(np.unique(shown.digests[rows], return_index=True)[1])]  # a picture once
    best, activations = top_activating(
        classifier, shown.images[rows], layer=layer, units=units, top=min(REAL, len(rows))
    )
    real = rows[best]
    arrays: dict[str, NDArray[Any]] = {
        "real_images": shown.images[real],
        "real_activations": activations,
        "real_ids": shown.ids[real],
    }
    arrays |= {"units": made.units, "pictures": made.pictures, "activations": made.activations}
    write_arrays(run.path / "explain/filters.npz", arrays)
    values = {
        "schema_version": SCHEMA_VERSION,
        "layer": layer,
        "filters": len(units),
        "of": of,
        "faces": len(rows),
        "synthetic": shown.synthetic,
        **asdict(ascent),
        "above_all_faces": int((made.activations > activations[:, 0]).sum()),
    }
    write_json(run.path / "explain/filters.json", values)
    write_atomic(run.path / "explain/filters.png", sheet(made.pictures, columns=round(len(units) ** 0.5)))


def keep_feature_maps(run: RunDir, shown: FaceSet, row: int, *, found: FeatureMaps, layer: str) -> None:
    """Keep what a layer answers to the face in this row."""
    arrays = {"channels": found.channels, "maps": found.maps, "responses": found.responses, "image": shown.images[row]}
    write_arrays(run.path / "explain/feature_maps.npz", arrays)
    values = {
        "schema_version": SCHEMA_VERSION,
        "layer": layer,
        "face": str(shown.ids[row]),
        "synthetic": shown.synthetic,
    }
    write_json(run.path / "explain/feature_maps.json", values)
    pictures = to_uint8(np.abs(found.maps[:MAPS_SHOWN]))
    write_atomic(run.path / "explain/feature_maps.png", sheet(pictures, columns=8))


def evenly(labels: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.int64]:
    """Draw rows, as equally many of each label as there are: `int64 (≤ count,)` in rising order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    turn = np.empty(len(labels), np.int64)  # a row is the how-manieth of its label
    for label in np.unique(labels):
        same = order[labels[order] == label]
        turn[same] = np.arange(len(same))
    return np.sort(order[np.argsort(turn[order], kind="stable")][:count])
