"""`explain`: what a trained run looks at, kept in its folder.

Axes: `K` faces that are shown, `C` classes, `F` filters, `H = W = 48`.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_arrays, write_atomic, write_json
from mien.core.images import to_uint8
from mien.core.predictions import Predictions
from mien.core.progress import OnProgress
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.data.formats import is_synthetic
from mien.evaluation.examples import choose_examples
from mien.explanation.attribution import METHODS, attribute, check_method
from mien.explanation.feature_maps import feature_maps
from mien.explanation.grids import sheet, side_by_side
from mien.explanation.hooks import find_layer, last_map_layer
from mien.explanation.masking import mask_least_salient
from mien.explanation.method_comparison import compare_methods
from mien.models.classifier import Classifier, load_classifier
from mien.synthetic.faces import draw_faces
from mien.training.devices import resolve_device
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import classify
from mien.workflows.filters import Ascent, evenly, keep_feature_maps, keep_filters

log = logging.getLogger(__name__)

CHECKED = 105
"""Faces on which the methods are compared, as many of each class that the network gave as there are."""


@dataclass(frozen=True)
class ExplanationRequest:
    """What `explain` was asked for."""

    split: str
    methods: list[str]
    share: float
    layer: str
    filters: str
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
    starts: int = 2,
    jitter_px: int = 1,
    smoothness: float = 0.1,
    face: str | None = None,
    split: str | None = None,
    device: str = "auto",
    progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Show what a trained run looks at, and check which way of showing it can be trusted.

    Everything lies in `explain/` of the run: `attribution.json` and `.npz` (maps and masked faces of the most confident
    right and wrong faces of every class; the table of methods; class-average maps), `filters.json` and `.npz` (what
    excites each filter most: by gradient ascent, and among real faces), `feature_maps.json` and `.npz`, and contact
    sheets of all of them as PNG.

    Args:
        run: the run folder, its name, or `latest`.
        methods: keys of `explanation.attribution.METHODS`.
        faces: how many are shown, evenly by class, half of them right and half wrong; at least one of each, where there
            are such faces.
        share: of the pixels of a masked face that are replaced by its mean grey, 0 to 1.
        layer: where Grad-CAM looks; None takes the last one with maps of 3×3 or more.
        filters: the layer whose filters and feature maps are shown; `conv2` is the second convolution.
        count: how many of its filters; None takes all.
        starts: tries of the gradient ascent for each filter, as in `explanation.filters.maximise`.
        jitter_px: pixels by which each of its steps may shift the picture.
        smoothness: how strongly it pulls neighbouring pixels together.
        face: the id of the face whose feature maps are shown; None takes the surest right one, or the surest.
        split: which faces; None takes `test`, or what the run held out where there are no labelled test faces.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        progress: called with how far the filter pictures are.

    Returns:
        The content of `attribution.json`.

    Raises:
        DataError: no such run, no trained model in it, no such split or face, no labels, a single face, or the run's
            own data have changed.
        UsageError: no such method, layer or device, a layer without maps, a number out of range, or another process is
            at work in the run.

    Whatever is refused is refused before the first file is written; after that nothing of an older call stays.
    """
    run = TrainingRun.open(run)
    run.check_trained()
    classifier = load_classifier(run.path, device=resolve_device(device))
    if not methods or faces < 1 or (count is not None and count < 1) or not 0 <= share <= 1:
        raise UsageError("expected at least one method, face and filter, and a share of pixels from 0 to 1")
    ascent = Ascent(starts, jitter_px, smoothness)
    wanted = ExplanationRequest(
        split=split or run.default_split,
        methods=[check_method(method) for method in dict.fromkeys(methods)],
        share=share,
        layer=layer or last_map_layer(classifier),
        filters=filters,
    )
    for name in (wanted.layer, filters):
        find_layer(classifier, name)
    shown = run.data.split(wanted.split)
    said = classify(classifier, shown)
    if len(shown) < 2:
        raise DataError(f"{shown.source}: one face in split '{wanted.split}', methods are compared on 2 or more")
    each = max(1, round(faces / (2 * len(said.classes))))
    rows = choose_examples(said, each=each, digests=shown.digests)
    place = _place(shown, said, face)
    for name in (wanted.layer, filters):  # both must answer with maps
        maps = feature_maps(classifier, shown.images[place], layer=name)
    log.info("explaining %s on %s faces of %s", run.path, len(shown), wanted.split)
    with run.locked():
        run.remove(["explain"])
        keep_feature_maps(run, shown, place, found=maps, layer=filters)
        total = len(maps.channels)
        units = range(total if count is None else min(count, total))
        log.info("pictures of %d of the %d filters of %s", len(units), total, filters)
        keep_filters(run, classifier, shown, layer=filters, units=units, of=total, ascent=ascent, progress=progress)
        return _keep_attributions(run, classifier, shown, said=said, rows=rows, wanted=wanted)


def _keep_attributions(
    run: TrainingRun,
    classifier: Classifier,
    shown: FaceSet,
    *,
    said: Predictions,
    rows: NDArray[np.int64],
    wanted: ExplanationRequest,
) -> dict[str, Any]:
    images, labels = shown.images[rows], said.labels[rows]
    sample = evenly(said.labels, CHECKED, seed=wanted.seed)
    masks = None
    if is_synthetic(run.config.data):
        numbers = shown.ids[sample].astype(np.int64)
        masks = draw_faces(int(numbers.max()) + 1)[1][numbers]
    compared = compare_methods(
        classifier,
        shown.images[sample],
        labels=said.labels[sample],
        methods=wanted.methods,
        layer=wanted.layer,
        masks=masks,
        seed=wanted.seed,
        tell=log.info,
    )
    assert said.targets is not None
    arrays: dict[str, NDArray[Any]] = {"rows": rows, "images": images, "labels": labels, "targets": said.targets[rows]}
    arrays |= {"ids": shown.ids[rows], "probabilities": said.probabilities[rows]}
    for method in wanted.methods:
        explained = attribute(classifier, images, classes=labels, method=method, layer=wanted.layer, seed=wanted.seed)
        masked = mask_least_salient(images, explained.maps, share=wanted.share)
        arrays |= {f"{method}/maps": explained.maps, f"{method}/masked": masked}
        arrays |= {f"{method}/class_maps": compared.class_maps[method]}
        if explained.gaps is not None:
            arrays[f"{method}/gaps"] = explained.gaps
        pictures = side_by_side([images, to_uint8(explained.maps), masked])
        write_atomic(run.path / f"explain/{method}.png", sheet(pictures, columns=12))
    values = {
        "schema_version": SCHEMA_VERSION,
        "source": shown.source,
        "synthetic": shown.synthetic,
        "classes": list(said.classes),
        **asdict(wanted),
        "comparison": compared.table,
    }
    write_arrays(run.path / "explain/attribution.npz", arrays)
    write_json(run.path / "explain/attribution.json", values)
    return values


def _place(shown: FaceSet, said: Predictions, face: str | None) -> int:
    """Row of the face with this id; without an id the surest right one, or the surest where none is right."""
    if face is None:
        assert said.targets is not None
        sure = said.probabilities.max(axis=1)
        return int(np.where(said.labels == said.targets, sure, sure - 1).argmax())
    places = np.flatnonzero(shown.ids == face)
    if not places.size:
        raise DataError(
            f"{shown.source}: no face '{face}' in this split, ids go from {shown.ids[0]} to {shown.ids[-1]}"
        )
    return int(places[0])
