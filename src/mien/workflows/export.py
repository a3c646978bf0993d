"""`export`: a trained run as a bundle that ships.  Axes: `N` faces, `C` classes."""

import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.bundle import CARD, FILES, GRAPHS, WEIGHTS, Bundle
from mien.core.card import Abstention, FlipGain, GraphPrecision, HeldOutAccuracy, Parity, ScoresByPrecision
from mien.core.errors import DataError, UsageError, nearest
from mien.core.faces import FaceSet
from mien.core.files import replacing_files, write_atomic
from mien.core.predictions import Predictions
from mien.core.prior import Prior, Shares, prior_shares
from mien.core.run_names import check_name
from mien.core.runs import RunDir, refuse_if_full
from mien.core.scores import Scores
from mien.core.stats import LEVEL
from mien.data.matching import join_predictions
from mien.data.split import find_duplicates, hold_out
from mien.evaluation.compare import compare_predictions
from mien.evaluation.metrics import accuracy, score_predictions, with_targets
from mien.evaluation.selective import accepted_at, risk_coverage, threshold_for_risk
from mien.exporting.card import Measured, card_page, card_scores, choose_default, describe_file, make_card
from mien.exporting.parity import check_parity, differences
from mien.exporting.quantise import quantise
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import Classifier, half_weights, load_classifier
from mien.runtime.session import Graph
from mien.training.calibration import calibrate_classifier
from mien.training.run_data import TrainingRun
from mien.workflows.published import published_data_set
from mien.workflows.run_bundle import weights_sha256

log = logging.getLogger(__name__)

CALIBRATION_FACES = 512
"""How many training faces set the ranges of the 8-bit graph."""

TIMED_FACES, TURNS = 16, 9
"""How many faces a call classifies whose time is measured, and how many calls."""


@dataclass(frozen=True, eq=False)
class ExportFaces:
    """The faces that an export is measured on.

    Attributes:
        learned: those that the network learned from.
        held_out: those that the run held out.
        scored: those of `split`, by which the run is judged.
        split: its name.
        training: where duplicates of scored faces are looked for.
    """

    learned: FaceSet
    held_out: FaceSet
    scored: FaceSet
    split: str
    training: FaceSet


def export(
    run: str | Path | RunDir,
    *,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    only: GraphPrecision | None = None,
    max_risk: float | None = None,
    flip: bool = False,
    weights: bool = False,
    licence: str = "not stated",
    prior: Prior | None = None,
) -> Bundle:
    """Turn a trained run into a bundle: an ONNX graph in fp32 and int8, and a card that says how right they are.

    The scores are those of the graphs, on the split that the run is judged by.  int8 is the default unless it loses
    more than 0.3 points of accuracy on the faces that the run held out.  The same run gives the same bytes, but for the
    times that `flip` measures.
    What `mien eval RUN --robustness` has measured on that split goes into the card, unless `flip` or `prior` make
    other graphs of the run.

    Args:
        run: the run folder, its name, or `latest`.
        name: the bundle's name, also below `runs/export`; by default the run's.
        out: a folder to use instead, empty unless `overwrite`.
        overwrite: replace the bundle that is in `out`.
        only: the one graph that the bundle holds, and so its default; both by default.
        max_risk: look for the threshold of the top probability from which on at most this share of faces gets a wrong
            label: a bound at a confidence of 95 %, from the held-out faces.
        flip: average the logits of each face and of its mirror image inside the graphs, at twice the time; they are
            calibrated anew, on the faces that the run held out, and the card has accuracy and time with and without.
        weights: put the weights in 16 bits into the bundle too, for whoever wants to fine-tune the network.
        licence: of the weights, for the card.
        prior: how frequent the classes are among the faces that the bundle is for, as in `mien.load`; it becomes part
            of the graphs, and their scores are with it.

    Raises:
        DataError: no such run, it has no model yet, or its data have changed.
        GateError: the graph gives other probabilities than the network; nothing is written then.
        UsageError: `out` is not empty, no such precision or prior, or `max_risk` lies outside 0 to 1.
    """
    if max_risk is not None and not 0 <= max_risk <= 1:
        raise UsageError(f"max_risk {max_risk}: expected a share of wrong faces, 0 to 1")
    if only is not None and only not in GRAPHS:
        raise UsageError(f"no precision '{only}', {nearest(only, GRAPHS)}")
    if name is not None:
        check_name(name)
    if out is not None:
        refuse_if_full(Path(out).absolute(), overwrite=overwrite)
    run = TrainingRun.open(run)
    run.check_trained()
    classifier = load_classifier(run.path)
    faces = export_faces(run)
    shares = None if prior is None else prior_shares(prior, training=run.data.shares)
    log.info("exporting the graph, calibrating its 8-bit version")
    alone = None
    if flip:
        alone = _graphs(_for_prior(classifier, old=run.data.shares, new=shares), faces.learned)
        classifier.flip = True
        calibrate_classifier(classifier, faces.held_out)
    exported = _for_prior(classifier, old=run.data.shares, new=shares)
    graphs = _graphs(exported, faces.learned)
    log.info("comparing with the network on %d held-out faces, scoring on split '%s'", len(faces.held_out), faces.split)
    measured = _measure(exported, graphs, faces=faces, only=only, max_risk=max_risk, alone=alone)
    if shares is None and not flip:
        measured = replace(measured, scores=_with_robustness(measured.scores, run))
    halved = half_weights(classifier) if weights else None
    name = name or run.path.name
    try:
        card = make_card(
            classifier,
            name=name,
            stored=run.read_json("config.json"),
            shares=run.data.shares,
            prior=shares,
            weights_sha256=weights_sha256(run),
            measured=measured,
            weights=None if halved is None else describe_file(WEIGHTS, halved),
            licence=licence,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{run.path / 'config.json'}: damaged ({type(error).__name__}: {error})") from error
    folder = RunDir.create("export", name=name, out=out, overwrite=overwrite)
    with folder.locked(), replacing_files(folder.path, (*FILES, WEIGHTS)) as new:
        for precision, graph in card.files.items():
            write_atomic(new / graph.file, graphs[precision])
        if halved:
            write_atomic(new / WEIGHTS, halved)
        write_atomic(new / "CARD.md", card_page(card))
        card.write(new / CARD)
    return Bundle.open(folder.path)


def _for_prior(classifier: Classifier, *, old: Shares, new: Shares | None) -> Classifier:
    return classifier if new is None else classifier.for_prior(old=old, new=new)


def _graphs(classifier: Classifier, learned: FaceSet) -> dict[GraphPrecision, bytes]:
    fp32 = to_onnx(classifier)
    return {"fp32": fp32, "int8": quantise(fp32, calibration_images(learned))}


def _with_robustness(scores: ScoresByPrecision, run: TrainingRun) -> ScoresByPrecision:
    """Add what `mien eval RUN --robustness` has measured of the network, which the fp32 graph equals."""
    path = run.path / "eval" / scores.split / "metrics.json"
    if not path.exists():
        return scores
    evaluated = Scores.read(path)
    if evaluated.model is None or evaluated.model.sha256 != weights_sha256(run):
        return scores
    return replace(scores, fp32=replace(scores.fp32, robustness=evaluated.robustness))


def export_faces(run: TrainingRun) -> ExportFaces:
    """Open a run's faces and divide them.

    Raises:
        DataError: they are others by now.
    """
    data, split = run.data, run.default_split
    return ExportFaces(data.learned, data.held_out, data.split(split), split, data.training_beside(split))


def calibration_images(learned: FaceSet) -> NDArray[np.uint8]:
    """Draw the faces that calibrate int8, each class in proportion: `uint8 (N, 48, 48)`."""
    rows = min(CALIBRATION_FACES, len(learned) // 2)
    return hold_out(learned, method="stratified", rows=rows)[1].images


def _measure(
    classifier: Classifier,
    graphs: Mapping[GraphPrecision, bytes],
    *,
    faces: ExportFaces,
    only: GraphPrecision | None,
    max_risk: float | None,
    alone: Mapping[GraphPrecision, bytes] | None = None,
) -> Measured:
    """Measure the graphs, beside those of the face `alone` where they average it with its mirror image.

    Raises:
        GateError: the fp32 graph differs from the network.
    """
    held_out, scored = _classify_all(graphs, faces, classifier.classes)
    parity = Parity(
        fp32_to_network=check_parity(classifier.probabilities(faces.held_out.images), held_out["fp32"].probabilities),
        int8_to_fp32=differences(held_out["fp32"].probabilities, held_out["int8"].probabilities),
    )
    held_out_accuracy = HeldOutAccuracy(
        faces=len(faces.held_out), fp32=accuracy(held_out["fp32"]), int8=accuracy(held_out["int8"])
    )
    default = choose_default(held_out_accuracy.fp32 - held_out_accuracy.int8, only=only)
    files = {}
    for precision, content in graphs.items():
        if only in (None, precision):
            files[precision] = describe_file(GRAPHS[precision], content)
    flip = {}
    if alone is not None:
        kept = {precision: alone[precision] for precision in files}
        flip = _flip_gains(kept, graphs, scored=scored, faces=faces)
    return Measured(
        files=files,
        precision=default,
        parity=parity,
        scores=ScoresByPrecision(
            split=faces.split,
            data_set=published_data_set(faces.scored, training=faces.training),
            fp32=card_scores(score_predictions(scored["fp32"])),
            int8=card_scores(score_predictions(scored["int8"])),
        ),
        held_out_accuracy=held_out_accuracy,
        abstention=_abstention(
            held_out[default.default],
            None if faces.split == "validation" else scored[default.default],
            max_risk=max_risk,
            precision=default.default,
        ),
        flip=flip,
    )


def _flip_gains(
    alone: Mapping[GraphPrecision, bytes],
    graphs: Mapping[GraphPrecision, bytes],
    *,
    scored: Mapping[GraphPrecision, Predictions],
    faces: ExportFaces,
) -> dict[GraphPrecision, FlipGain]:
    """Measure graphs without the mirror image beside those that have it, whose predictions are `scored`."""
    alone_held_out, alone_scored = _classify_all(alone, faces, scored["fp32"].classes)
    gains: dict[GraphPrecision, FlipGain] = {}
    for precision, content in alone.items():
        compared = compare_predictions(alone_scored[precision], scored[precision])
        both_ms, alone_ms = _processor_ms([graphs[precision], content], faces.held_out.images[:TIMED_FACES])
        gains[precision] = FlipGain(
            alone_held_out_accuracy=accuracy(alone_held_out[precision]),
            alone_accuracy=compared.a.accuracy,
            gain=compared.accuracy_difference,
            gain_interval=compared.accuracy_difference_interval,
            milliseconds=both_ms,
            alone_milliseconds=alone_ms,
        )
    return gains


def _processor_ms(graphs: Sequence[bytes], images: NDArray[np.uint8]) -> list[float]:
    """Measure the processor time per face of graphs that take turns, with one thread: the median, in milliseconds."""
    opened = [Graph(content, threads=1) for content in graphs]
    times: list[list[float]] = [[] for _ in graphs]
    for _ in range(TURNS):
        for graph, measured in zip(opened, times, strict=True):
            start_s = time.thread_time()
            graph(images)
            measured.append(1000 * (time.thread_time() - start_s) / len(images))
    return [statistics.median(measured) for measured in times]


def _classify_all(
    graphs: Mapping[GraphPrecision, bytes], faces: ExportFaces, classes: tuple[str, ...]
) -> tuple[dict[GraphPrecision, Predictions], dict[GraphPrecision, Predictions]]:
    """Classify the held-out and the scored faces by each graph."""
    held_out, scored = {}, {}
    for precision, content in graphs.items():
        graph = Graph(content)
        held_out[precision] = _classify(graph, faces.held_out, classes, training=faces.training)
        if faces.split == "validation":
            scored[precision] = held_out[precision]
        else:
            scored[precision] = _classify(graph, faces.scored, classes, training=faces.training)
    return held_out, scored


def _classify(graph: Graph, faces: FaceSet, classes: tuple[str, ...], *, training: FaceSet) -> Predictions:
    predictions = join_predictions(faces, graph(faces.images), classes=classes)
    return replace(predictions, duplicates=find_duplicates(faces, training))


def _abstention(
    held_out: Predictions, scored: Predictions | None, *, max_risk: float | None, precision: GraphPrecision
) -> Abstention:
    """Measure what is gained by giving no label to uncertain faces.

    The threshold comes from the held-out faces; only other ones, `scored`, tell whether it holds.
    """
    labelled, targets = with_targets(held_out)
    found = Abstention(
        precision=precision,
        held_out_curve=risk_coverage(labelled.probabilities, targets),
        curve=None,
        max_risk=max_risk,
    )
    threshold = None
    if max_risk is not None:
        found = replace(found, confidence=LEVEL)
        threshold = threshold_for_risk(labelled.probabilities, targets, risk=max_risk)
    if threshold is not None:
        accepted = accepted_at(labelled.probabilities, targets, threshold=threshold)
        found = replace(found, threshold=threshold, held_out=accepted)
    if scored is not None:
        labelled, targets = with_targets(scored)
        found = replace(found, curve=risk_coverage(labelled.probabilities, targets))
        if threshold is not None:
            found = replace(found, scored=accepted_at(labelled.probabilities, targets, threshold=threshold))
    return found
