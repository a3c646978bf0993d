"""`RunFiles`: what a run folder holds, read once; a missing file is None or empty.  Axes: `K` example faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.core.ablation import Ablation
from mien.core.arrays import read_arrays
from mien.core.data_summary import DataSummary
from mien.core.errors import DataError
from mien.core.explanations import Explanation, FeatureMapSummary, FilterSummary
from mien.core.images import SIZE
from mien.core.model_list import NetworkInfo
from mien.core.predictions import Predictions
from mien.core.records import Record
from mien.core.run_record import RunFaces, RunModel, RunRecord, RunStatus
from mien.core.runs import TIMING, Epoch, RunDir
from mien.core.scores import Scores
from mien.reporting.explained import Part, read_attribution, read_feature_maps, read_filters

Stored = TypeVar("Stored", bound=Record)

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
        config: `config.json`.
        status: `status.json`.
        model: `model.json`.
        network: `model_info.json`.
        data: `data.json`: the faces, counted as by `mien data describe`.
        history: the rows of `metrics.csv`.
        timing: the rows of `timing.csv`.
        evaluations: one per split, test splits first.
        ablation: `ablation.json` of an ablation, or of the one in the folder `ablation` of the run.
        attribution, filters, feature_maps: what `mien explain` stored.
    """

    name: str
    config: RunRecord | None
    status: RunStatus | None
    model: RunModel | None
    network: NetworkInfo | None
    data: DataSummary | None
    history: list[Epoch]
    timing: list[dict[str, float]]
    evaluations: list[Evaluation]
    ablation: Ablation | None
    attribution: Part[Explanation] | None
    filters: Part[FilterSummary] | None
    feature_maps: Part[FeatureMapSummary] | None

    @property
    def faces(self) -> RunFaces | None:
        """The faces that the run learned from; None without `config.json`."""
        return self.config.data if self.config else None

    @property
    def is_ablation(self) -> bool:
        """Whether the folder is an ablation's: its models are those of its arms, it has none itself."""
        return self.config is not None and self.config.ablation is not None

    @property
    def annotator_labels(self) -> bool:
        """Whether FER+'s votes are the labels, and so can't be held against them."""
        return self.recipe.get("labels") == "ferplus"

    @property
    def recipe(self) -> dict[str, Any]:
        """The `config` part of `config.json`; empty without one."""
        return self.config.config if self.config else {}


def read_run(run: RunDir) -> RunFiles:
    """Read all that a report shows.

    Args:
        run: the run folder; any file in it may be missing.

    Raises:
        DataError: a file is damaged or of another version; the message names it.
    """
    if (run.path / "config.json").is_file() and "ensemble" in run.read_json("config.json"):
        raise DataError(f"{run.path}: an ensemble, which has no report; its scores are in eval/*/metrics.json")
    return RunFiles(
        name=run.path.name,
        config=_record(run, "config.json", RunRecord),
        status=_record(run, "status.json", RunStatus),
        model=_record(run, "model.json", RunModel),
        network=_record(run, "model_info.json", NetworkInfo),
        data=_record(run, "data.json", DataSummary),
        history=run.history,
        timing=run.read_table("timing.csv", TIMING),
        evaluations=_evaluations(run),
        ablation=_ablation(run),
        attribution=read_attribution(run),
        filters=read_filters(run),
        feature_maps=read_feature_maps(run),
    )


def _record(run: RunDir, name: str, kind: type[Stored]) -> Stored | None:
    if not (run.path / name).is_file():
        return None
    return kind.from_dict(run.read_json(name), source=run.path / name)


def _ablation(run: RunDir) -> Ablation | None:
    """Read the table of the ablation that the folder is, or of the one inside it."""
    return _record(run, "ablation.json", Ablation) or _record(run, "ablation/ablation.json", Ablation)


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
