"""`explain`: what a trained run looks at, kept in its folder.

Axes: `N` faces, `K` faces that are shown, `F` filters, `R` real faces beside a filter, `C` classes, `H = W = 48`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.arrays import write_arrays
from mien.core.errors import DataError, UsageError
from mien.core.explanations import BlankedFeatures, Explanation, FeatureMapSummary, FilterSummary
from mien.core.faces import UNLABELLED, FaceSet
from mien.core.files import replacing_folder, write_atomic
from mien.core.guessing import AgainstGuessing
from mien.core.images import to_uint8
from mien.core.model_id import ModelId
from mien.core.predictions import Predictions
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.data.formats import is_synthetic
from mien.evaluation.examples import choose_examples
from mien.evaluation.intervals import wilson
from mien.evaluation.metrics import with_targets
from mien.explanation.attribution import METHODS, attribute, check_method
from mien.explanation.blanking import blank_features
from mien.explanation.feature_maps import FeatureMaps, feature_maps
from mien.explanation.filters import maximise, top_activating
from mien.explanation.grids import sheet, side_by_side
from mien.explanation.hooks import find_layer, last_map_layer
from mien.explanation.masking import mask_least_salient
from mien.explanation.method_comparison import compare_methods
from mien.explanation.simple_pictures import simple_pictures
from mien.models.classifier import Classifier, load_classifier
from mien.synthetic.faces import draw_faces
from mien.training.memory import keep_freed_memory
from mien.training.run_data import TrainingRun
from mien.training.torch_devices import resolve_torch_device
from mien.workflows.evaluate import classify

log = logging.getLogger(__name__)

COMPARED_FACES = 105
"""Faces on which the methods are compared, equally many of each predicted class as far as there are so many."""

BLANKED_FACES = 4000
"""Faces on which the features are blanked, chosen at random where there are more."""

REAL_FACES = 5
"""Faces shown beside each filter's picture."""

MOST_FACES = 1000
"""Faces that are shown."""

MAPS_SHOWN = 48
"""Feature maps on their sheet."""


@dataclass(frozen=True)
class ExplanationRequest:
    """What `explain` was asked for; the fields are arguments of `explain`."""

    split: str
    methods: tuple[str, ...]
    share: float
    layer: str
    filters: str
    count: int | None
    seed: int = 0


def explain(
    run: str | Path | RunDir,
    *,
    methods: Sequence[str] = tuple(METHODS),
    faces: int = 28,
    share: float = 0.7,
    layer: str | None = None,
    filters: str = "conv2",
    count: int | None = 36,
    face: str | None = None,
    split: str | None = None,
    device: str = "auto",
    progress: OnProgress | None = None,
) -> Explanation:
    """Show what a trained run looks at, and check which way of showing it can be trusted.

    The results replace the folder `explain/` of the run as a whole: `attribution.json` and `.npz` (maps and masked
    faces of the most confident right and wrong faces of every class, the comparison of methods, class-average maps),
    `filters.json` and `.npz` (what excites each filter, by gradient ascent, among all faces of the data and among
    simple pictures),
    `feature_maps.json` and `.npz`, and contact sheets of all of them as PNG.

    Args:
        run: the run folder, its name, or `latest`.
        methods: keys of `explanation.attribution.METHODS`.
        faces: how many are shown, equally many of each class, half of them right and half wrong; at least one of each,
            where there are such faces.
        share: of the pixels of a masked face that are replaced by its mean grey, 0 to 1.
        layer: where Grad-CAM looks; None takes the last one with maps of 3×3 or more.
        filters: the layer whose filters and feature maps are shown; `conv2` is the second convolution.
        count: how many of its filters; None takes all.
        face: the id of the face whose feature maps are shown; None takes the most confident right one, or the most
            confident one where none is right.
        split: which faces; None takes `test`, or what the run held out where there are no labelled test faces.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        progress: called while filter pictures are made.

    Raises:
        DataError: no such run, no trained model in it, no such split or face, no labels, a single face, or the run's
            data have changed.
        UsageError: no such method, layer or device, a layer without maps, a number out of range, or another process is
            working in the run.
    """
    run = TrainingRun.open(run)
    run.check_trained()
    classifier = load_classifier(run.path, device=resolve_torch_device(device))
    if not methods or not 1 <= faces <= MOST_FACES or (count is not None and count < 1) or not 0 <= share <= 1:
        raise UsageError(
            f"expected at least one method and filter, 1 to {MOST_FACES} faces, and a share of pixels from 0 to 1"
        )
    request = ExplanationRequest(
        split=split or run.default_split,
        methods=tuple(check_method(method) for method in dict.fromkeys(methods)),
        share=share,
        layer=layer or last_map_layer(classifier),
        filters=filters,
        count=count,
    )
    for name in (request.layer, filters):  # a misspelt name is reported before the faces are read
        find_layer(classifier, name)
    split_set = run.data.split(request.split)
    predictions = classify(classifier, split_set)
    if len(split_set) < 2:
        raise DataError(f"{split_set.source}: one face in split '{request.split}'; methods are compared on 2 or more")
    examples_each = max(1, round(faces / (2 * len(predictions.classes))))
    rows = choose_examples(predictions, count=examples_each, digests=split_set.digests)
    row = _row_of(split_set, predictions, face)
    for name in (request.layer, filters):  # the output of both must be maps
        maps = feature_maps(classifier, split_set.images[row], layer=name)
    model = run.model_id
    log.info("explaining %s on %s faces of %s", run.path, f"{len(split_set):,}", request.split)
    with run.locked(), replacing_folder(run.path / "explain") as folder:
        _write_feature_maps(folder, split_set, row, maps=maps, layer=filters, model=model)
        _write_filters(
            folder,
            classifier,
            run.data.faces,
            layer_filters=len(maps.channels),
            model=model,
            request=request,
            progress=progress,
        )
        masks = None
        if is_synthetic(run.config.data):
            masks = _drawn_masks(split_set)
        return _write_attributions(
            folder,
            classifier,
            split_set,
            predictions=predictions,
            rows=rows,
            masks=masks,
            model=model,
            request=request,
        )


def _write_attributions(
    folder: Path,
    classifier: Classifier,
    faces: FaceSet,
    *,
    predictions: Predictions,
    rows: NDArray[np.int64],
    masks: NDArray[np.bool_] | None,
    model: ModelId,
    request: ExplanationRequest,
) -> Explanation:
    images, labels = faces.images[rows], predictions.labels[rows]
    sample = choose_evenly(predictions.labels, COMPARED_FACES, seed=request.seed)
    compared = compare_methods(
        classifier,
        faces.images[sample],
        labels=predictions.labels[sample],
        methods=request.methods,
        layer=request.layer,
        masks=None if masks is None else masks[sample],
        seed=request.seed,
    )
    assert predictions.targets is not None
    arrays: dict[str, NDArray[Any]] = {
        "rows": rows,
        "images": images,
        "labels": labels,
        "targets": predictions.targets[rows],
        "ids": faces.ids[rows],
        "probabilities": predictions.probabilities[rows],
    }
    for method in request.methods:
        attributions = attribute(
            classifier, images, classes=labels, method=method, layer=request.layer, seed=request.seed
        )
        masked = mask_least_salient(images, attributions.maps, share=request.share)
        arrays[f"{method}/maps"] = attributions.maps
        arrays[f"{method}/masked"] = masked
        arrays[f"{method}/class_maps"] = compared.class_maps[method]
        if attributions.convergence_delta is not None:
            arrays[f"{method}/convergence_delta"] = attributions.convergence_delta
        pictures = side_by_side([images, to_uint8(attributions.maps), masked])
        write_atomic(folder / f"{method}.png", sheet(pictures, columns=12))
    explanation = Explanation(
        model=model,
        source=faces.source,
        synthetic=faces.synthetic,
        classes=predictions.classes,
        split=request.split,
        methods=request.methods,
        share=request.share,
        layer=request.layer,
        filters=request.filters,
        seed=request.seed,
        comparison=compared.comparison,
        against_guessing=_against_guessing(predictions),
        features=_blanked_features(classifier, faces, seed=request.seed),
    )
    write_arrays(folder / "attribution.npz", arrays)
    explanation.write(folder / "attribution.json")
    return explanation


def _against_guessing(predictions: Predictions) -> AgainstGuessing:
    scored, targets = with_targets(predictions)
    right = int((scored.labels == targets).sum())
    return AgainstGuessing.of(right / len(scored), wilson(right, len(scored)), faces=np.bincount(targets).tolist())


def _blanked_features(classifier: Classifier, faces: FaceSet, *, seed: int) -> BlankedFeatures:
    assert faces.targets is not None
    labelled = np.flatnonzero(faces.targets != UNLABELLED)
    rows = np.random.default_rng(seed).permutation(labelled)[:BLANKED_FACES]
    log.info("blanking the features of %s faces", f"{len(rows):,}")
    return blank_features(classifier, faces.images[rows], targets=faces.targets[rows])


def _write_filters(
    folder: Path,
    classifier: Classifier,
    faces: FaceSet,
    *,
    layer_filters: int,
    model: ModelId,
    request: ExplanationRequest,
    progress: OnProgress | None,
) -> None:
    """Make pictures for the first filters of a layer; find the faces and simple pictures that excite these most."""
    count = layer_filters
    if request.count is not None:
        count = min(request.count, layer_filters)
    log.info("making pictures of %d of the %d filters of %s", count, layer_filters, request.filters)
    keep_freed_memory()
    find = partial(top_activating, classifier, layer=request.filters, channels=range(count))
    bank = simple_pictures()
    simple = find(bank.images, top=1)
    simple_rows = simple.rows[:, 0]
    first_of_each = np.unique(faces.digests, return_index=True)[1]
    images = faces.images[np.sort(first_of_each)]  # exact duplicates count once
    ids = faces.ids[np.sort(first_of_each)]
    real = find(images, top=min(REAL_FACES, len(images)))
    made = maximise(
        classifier,
        request.filters,
        channels=range(count),
        also_from=np.stack([bank.images[simple_rows], images[real.rows[:, 0]]]),
        generator=torch.Generator(classifier.normalise.mean.device).manual_seed(request.seed),
        progress=progress,
    )
    arrays: dict[str, NDArray[Any]] = {
        "real_images": images[real.rows],
        "real_activations": real.activations,
        "real_ids": ids[real.rows],
        "real_means": real.means,
        "real_sds": real.sds,
        "simple_images": bank.images[simple_rows],
        "simple_names": bank.names[simple_rows],
        "simple_activations": simple.activations[:, 0],
        "channels": made.channels,
        "pictures": made.pictures,
        "activations": made.activations,
    }
    summary = FilterSummary(
        model=model,
        layer=request.filters,
        filters=count,
        layer_filters=layer_filters,
        faces=len(images),
        synthetic=faces.synthetic,
        above_all_faces=int((made.activations > real.activations[:, 0]).sum()),
        simple_pictures=len(bank.images),
        above_all_simple=int((made.activations > simple.activations[:, 0]).sum()),
    )
    write_arrays(folder / "filters.npz", arrays)
    summary.write(folder / "filters.json")
    write_atomic(folder / "filters.png", sheet(made.pictures, columns=round(count**0.5)))


def _write_feature_maps(
    folder: Path, faces: FaceSet, row: int, *, maps: FeatureMaps, layer: str, model: ModelId
) -> None:
    arrays = {
        "channels": maps.channels,
        "maps": maps.maps,
        "responses": maps.responses,
        "image": faces.images[row],
    }
    write_arrays(folder / "feature_maps.npz", arrays)
    summary = FeatureMapSummary(model=model, layer=layer, face=str(faces.ids[row]), synthetic=faces.synthetic)
    summary.write(folder / "feature_maps.json")
    pictures = to_uint8(np.abs(maps.maps[:MAPS_SHOWN]))
    write_atomic(folder / "feature_maps.png", sheet(pictures, columns=8))


def _drawn_masks(faces: FaceSet) -> NDArray[np.bool_]:
    """Draw again which pixels carry the expression of each drawn face: `bool (N, 48, 48)`."""
    numbers = faces.ids.astype(np.int64)
    masks: NDArray[np.bool_] = draw_faces(int(numbers.max()) + 1)[1][numbers]
    return masks


def _row_of(faces: FaceSet, predictions: Predictions, face: str | None) -> int:
    """Find the row of the face with this id; without an id, of the most confident one, right ones first."""
    if face is None:
        assert predictions.targets is not None
        confidence = predictions.probabilities.max(axis=1)
        is_right = predictions.labels == predictions.targets
        return int(np.where(is_right, confidence, confidence - 1).argmax())
    rows = np.flatnonzero(faces.ids == face)
    if not rows.size:
        raise DataError(
            f"{faces.source}: no face '{face}' in this split; its ids go from {faces.ids[0]} to {faces.ids[-1]}"
        )
    return int(rows[0])


def choose_evenly(labels: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.int64]:
    """Draw rows, equally many of each label as far as there are so many: `int64 (≤ count,)` in rising order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels), np.int64)  # of each row among the rows of its label, in random order
    for label in np.unique(labels):
        same = order[labels[order] == label]
        place[same] = np.arange(len(same))
    return np.sort(order[np.argsort(place[order], kind="stable")][:count])
