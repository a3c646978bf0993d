"""`RunFiles`: what a run folder holds, read once; a missing file is None or empty.  Axes: `K` example faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.ablation import Ablation
from mien.core.data_summary import DataSummary
from mien.core.errors import DataError
from mien.core.explanations import Explanation, FeatureMapSummary, FilterSummary
from mien.core.files import read_arrays
from mien.core.images import SIZE
from mien.core.predictions import Predictions
from mien.core.runs import TIMING, RunDir
from mien.core.scores import Scores
from mien.reporting.explained import Part, read_attribution, read_feature_maps, read_filters

KEYS: Mapping[str, tuple[str, ...]] = {
    "config.json": ("config", "data"),
    "status.json": ("state",),
    "model_info.json": ("name", "parameters", "trainable", "macs", "input"),
}
"""What the page takes from each file."""

SPLIT_PLACES = {"test": 0, "private-test": 1, "validation": 3, "train": 4}
OTHER_SPLIT = 2
"""The order in which evaluated splits are shown."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `mien eval` left of one split.

    Attributes:
        split: the name of the split.
        scores: `metrics.json`.
        predictions: of every face of the split, or None.
        rows: `int64 (K,)`, places of the example faces in `predictions`; empty without examples.
        images: `uint8 (K, 48, 48)`, the example faces.
        confused_rows: `int64 (L,)`, as `rows`: faces of the top confusions.
        confused_images: `uint8 (L, 48, 48)`, those faces.
    """

    split: str
    scores: Scores
    predictions: Predictions | None
    rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    confused_rows: NDArray[np.int64]
    confused_images: NDArray[np.uint8]

    @property
    def learned(self) -> bool:
        """Whether training saw these faces, or most of them."""
        duplicates = self.scores.duplicates or 0
        return "train" in self.split.split(",") or 2 * duplicates > self.scores.faces


@dataclass(frozen=True, eq=False)
class RunFiles:
    """A run folder's files.

    Attributes:
        name: the folder's name.
        config: `config.json`: command, config, data, versions, machine, git commit.
        status: `status.json`.
        model: `model.json`.
        model_info: `model_info.json`: parameters and operations.
        data: `data.json`: the faces, counted as by `mien data describe`.
        history: the rows of `metrics.csv`.
        timing: the rows of `timing.csv`.
        evaluations: one a split, test splits first.
        ablation: `ablation.json` of an ablation, or of the one in the folder `ablation` of the run.
        attribution, filters, feature_maps: what `mien explain` stored.
    """

    name: str
    config: dict[str, Any] | None
    status: dict[str, Any] | None
    model: dict[str, Any] | None
    model_info: dict[str, Any] | None
    data: DataSummary | None
    history: list[dict[str, float]]
    timing: list[dict[str, float]]
    evaluations: list[Evaluation]
    ablation: Ablation | None
    attribution: Part[Explanation] | None
    filters: Part[FilterSummary] | None
    feature_maps: Part[FeatureMapSummary] | None

    @property
    def card(self) -> dict[str, Any]:
        """The `data` part of `config.json`; empty without one."""
        card: dict[str, Any] = (self.config or {}).get("data", {})
        return card

    @property
    def is_ablation(self) -> bool:
        """Whether the folder is an ablation's: its models are those of its arms, it has none itself."""
        return "ablation" in (self.config or {})

    @property
    def annotator_labels(self) -> bool:
        """Whether FER+'s votes are the labels, and so can't be held against them."""
        return self.recipe.get("labels") == "ferplus"

    @property
    def recipe(self) -> dict[str, Any]:
        """The `config` part of `config.json`; empty without one."""
        recipe: dict[str, Any] = (self.config or {}).get("config", {})
        return recipe


def read_run(run: RunDir) -> RunFiles:
    """Read all that a report shows.

    Args:
        run: the run folder; any file in it may be missing.

    Raises:
        DataError: a file is damaged or of another version; the message names it.
    """
    return RunFiles(
        name=run.path.name,
        config=_json(run, "config.json"),
        status=_json(run, "status.json"),
        model=_json(run, "model.json"),
        model_info=_json(run, "model_info.json"),
        data=DataSummary.read(run.path / "data.json") if (run.path / "data.json").is_file() else None,
        history=run.history,
        timing=run.read_table("timing.csv", TIMING),
        evaluations=_evaluations(run),
        ablation=_ablation(run),
        attribution=read_attribution(run),
        filters=read_filters(run),
        feature_maps=read_feature_maps(run),
    )


def _ablation(run: RunDir) -> Ablation | None:
    """Read the table of the ablation that the folder is, or of the one inside it."""
    for name in ("ablation.json", "ablation/ablation.json"):
        if (run.path / name).is_file():
            return Ablation.read(run.path / name)
    return None


def _json(run: RunDir, name: str) -> dict[str, Any] | None:
    if not (run.path / name).is_file():
        return None
    values = run.read_json(name)
    if "ensemble" in values:
        raise DataError(f"{run.path}: an ensemble, which has no report; its scores are in eval/*/metrics.json")
    missing = [key for key in KEYS.get(Path(name).name, ()) if key not in values]
    if missing:
        raise DataError(f"{run.path / name}: lacks {', '.join(missing)}; it is damaged or of another version of mien")
    return values


def _evaluations(run: RunDir) -> list[Evaluation]:
    """Read the evaluated splits: test splits first, those that training has seen last."""
    found = [_evaluation(run, path.parent.name) for path in sorted((run.path / "eval").glob("*/metrics.json"))]
    return sorted(found, key=lambda one: (one.learned, SPLIT_PLACES.get(one.split, OTHER_SPLIT)))


def _evaluation(run: RunDir, split: str) -> Evaluation:
    folder = run.path / "eval" / split
    scores = Scores.read(folder / "metrics.json")
    predictions = Predictions.load(folder / "predictions.npz") if (folder / "predictions.npz").is_file() else None
    faces = 0 if predictions is None else len(predictions)
    rows, images = _faces(folder / "examples.npz", faces=faces)
    confused_rows, confused_images = _faces(folder / "top_confusions.npz", faces=faces)
    return Evaluation(
        split=split,
        scores=scores,
        predictions=predictions,
        rows=rows,
        images=images,
        confused_rows=confused_rows,
        confused_images=confused_images,
    )


def _faces(path: Path, *, faces: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Read chosen faces and their places in the predictions; none without predictions, or without the file."""
    if not faces or not path.is_file():
        return np.empty(0, np.int64), np.empty((0, SIZE, SIZE), np.uint8)
    arrays = read_arrays(path, holds="example faces")
    if not arrays.keys() >= {"rows", "images"}:
        raise DataError(f"{path}: damaged, or not a file of example faces (it holds {', '.join(arrays) or 'nothing'})")
    rows, images = arrays["rows"], arrays["images"]
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise DataError(f"{path}: rows are {rows.dtype} {rows.shape}, expected int64 (K,)")
    if images.dtype != np.uint8 or images.shape != (len(rows), SIZE, SIZE):
        raise DataError(
            f"{path}: faces {images.dtype} {images.shape} for {len(rows)} rows, "
            f"expected uint8 ({len(rows)}, {SIZE}, {SIZE})"
        )
    if len(rows) and not 0 <= rows.min() <= rows.max() < faces:
        raise DataError(f"{path}: rows {rows.min()} to {rows.max()}, expected 0 to {faces - 1} as in predictions.npz")
    return rows, images
