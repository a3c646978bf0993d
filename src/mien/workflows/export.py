"""`export`: a trained run as a bundle that ships.  Axes: `N` faces, `C` classes."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.bundle import CARD, FILES, GRAPHS, Bundle
from mien.core.errors import DataError, UsageError, nearest
from mien.core.faces import FaceSet
from mien.core.files import write_atomic, write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir, check_name, refuse_if_full
from mien.data.matching import match
from mien.data.split import copies_of, hold_out
from mien.evaluation.metrics import accuracy, score_predictions, with_targets
from mien.evaluation.selective import accepted_at, risk_coverage, threshold_for_risk
from mien.exporting.card import choose_default, describe_graphs, make_card, shorten
from mien.exporting.card_page import card_page
from mien.exporting.parity import check_parity, differences
from mien.exporting.quantise import quantise
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier, load_classifier
from mien.runtime.session import Graph
from mien.training.run_data import TrainingRun
from mien.workflows.run_bundle import weights_sha256

log = logging.getLogger(__name__)

CALIBRATION_FACES = 512
"""How many training faces set the ranges of the 8-bit graph."""


class Parts(NamedTuple):
    """What an export is measured on."""

    learned: FaceSet
    held_out: FaceSet
    judged: FaceSet
    """The faces of `split`, by which the run is judged."""
    split: str
    train: FaceSet
    """Where copies of judged faces are looked for: all that whoever has the data sees in split `train`."""


def export(
    run: str | Path | RunDir,
    *,
    name: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    only: Literal["fp32", "int8"] | None = None,
    max_risk: float | None = None,
    licence: str = "not stated",
) -> Bundle:
    """Turn a trained run into a bundle: an ONNX graph in fp32 and int8, and a card that says how right they are.

    The scores are those of the graphs, on the split that the run is judged by.  int8 is the default unless it loses
    more than 0.3 points of accuracy on the faces that the run held out.  The same run gives the same bytes.

    Args:
        run: the run folder, its name, or `latest`.
        name: the bundle's name below `runs/export`; by default model and time.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the bundle that is in `out`.
        only: the one graph that the bundle holds, and so its default; both by default.
        max_risk: look for the threshold of the top probability below which the bundle had better say nothing, so that
            at most this share of the accepted held-out faces is wrong.
        licence: of the weights, for the card.

    Raises:
        DataError: no such run, it has no model yet, or its data have changed.
        GateError: the graph says something else than the network; nothing is written then.
        UsageError: `out` is not empty, no such precision, or `max_risk` lies outside 0 to 1.
    """
    if max_risk is not None and not 0 <= max_risk <= 1:
        raise UsageError(f"max_risk {max_risk}: expected a share of wrong faces, 0 to 1")
    if only is not None and only not in GRAPHS:
        raise UsageError(f"no precision '{only}', {nearest(only, GRAPHS)}")
    if name is not None:
        check_name(name)
    if out is not None:
        refuse_if_full(out.absolute(), overwrite=overwrite)
    run = TrainingRun.open(run)
    run.check_trained()
    classifier = load_classifier(run.path)
    faces = parts_of(run)
    log.info("exporting the graph, calibrating its 8-bit version")
    fp32 = to_onnx(classifier)
    graphs = {"fp32": fp32, "int8": quantise(fp32, calibration_images(faces.learned))}
    log.info("comparing with the network on %d held-out faces, scoring on split '%s'", len(faces.held_out), faces.split)
    measured = _measure(classifier, graphs, faces=faces, only=only, max_risk=max_risk)
    try:
        card = make_card(classifier, stored=run.read_json("config.json"), measured=measured, licence=licence)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{run.path / 'config.json'}: damaged ({type(error).__name__}: {error})") from error
    # `mien.load(run)` finds by it whether a bundle in the run's folder is of the network that is there now.
    card["training"]["weights_sha256"] = weights_sha256(run)
    name = name or f"{classifier.model}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = RunDir.create("export", name=name, out=out, overwrite=overwrite, own=FILES).path
    for precision, file in card["files"].items():
        write_atomic(folder / file["file"], graphs[precision])
    write_atomic(folder / "CARD.md", card_page(card))
    write_json(folder / CARD, card)  # last: without it the folder is no bundle
    return Bundle.open(folder)


def parts_of(run: TrainingRun) -> Parts:
    """Open a run's faces and part them.

    Raises:
        DataError: they are others by now.
    """
    data, split = run.data, run.default_split
    if split == "validation":
        return Parts(data.learned, data.held_out, data.held_out, split, data.learned)
    return Parts(data.learned, data.held_out, data.split(split), split, data.split("train"))


def calibration_images(learned: FaceSet) -> NDArray[np.uint8]:
    """Draw the faces that calibrate int8, each class in proportion: `uint8 (N, 48, 48)`."""
    rows = min(CALIBRATION_FACES, len(learned) // 2)
    return hold_out(learned, method="stratified", rows=rows)[1].images


def _measure(
    classifier: Classifier,
    graphs: Mapping[str, bytes],
    *,
    faces: Parts,
    only: Literal["fp32", "int8"] | None,
    max_risk: float | None,
) -> dict[str, Any]:
    """Measure the graphs, as `make_card` wants it; raises `GateError` where fp32 is not the network."""
    sessions = {precision: Graph(content) for precision, content in graphs.items()}

    def classify(those: FaceSet) -> dict[str, Predictions]:
        duplicates, classes = copies_of(those, faces.train), classifier.classes
        said = {key: match(those, each(those.images), classes=classes) for key, each in sessions.items()}
        return {key: replace(each, duplicates=duplicates) for key, each in said.items()}

    held_out = classify(faces.held_out)
    parity = check_parity(classifier.probabilities(faces.held_out.images), held_out["fp32"].probabilities)
    judged = held_out if faces.split == "validation" else classify(faces.judged)
    default = choose_default(accuracy(held_out["fp32"]) - accuracy(held_out["int8"]), only=only)
    shown = default["default"]
    return {
        "files": describe_graphs({key: graphs[key] for key in graphs if only in (None, key)}),
        "precision": default,
        "parity": {
            "fp32_to_network": parity,
            "int8_to_fp32": differences(held_out["fp32"].probabilities, held_out["int8"].probabilities),
        },
        "scores": {"split": faces.split, **{key: shorten(score_predictions(said)) for key, said in judged.items()}},
        "held_out_accuracy": {"faces": len(faces.held_out), **{key: accuracy(said) for key, said in held_out.items()}},
        "abstention": _abstain(
            held_out[shown],
            None if faces.split == "validation" else judged[shown],
            max_risk=max_risk,
            precision=shown,
        ),
    }


def _abstain(
    held_out: Predictions, judged: Predictions | None, *, max_risk: float | None, precision: str
) -> dict[str, Any]:
    """Say what is gained by saying nothing of uncertain faces.

    The threshold comes from the faces held out; `judged` are others, without which nothing says whether it holds.
    """
    parts = {"held_out": with_targets(held_out)} | ({} if judged is None else {"judged": with_targets(judged)})
    pairs = {name: (said.probabilities, targets) for name, (said, targets) in parts.items()}
    curves = {name: [point.to_dict() for point in risk_coverage(*pair)] for name, pair in pairs.items()}
    found: dict[str, Any] = {"precision": precision, "risk_coverage": curves}
    if max_risk is None:
        return found
    threshold = threshold_for_risk(*pairs["held_out"], risk=max_risk)
    at = {name: threshold and accepted_at(*pair, threshold=threshold).to_dict() for name, pair in pairs.items()}
    return found | {"max_risk": max_risk, "threshold": threshold, **at}
