"""Making a bundle's card from what was measured, and its page for people."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import PurePath
from typing import Any

import torch

from mien.core.bundle import GRAPHS
from mien.core.card import (
    CROP_MARGIN,
    Abstention,
    Card,
    CardInput,
    CardNetwork,
    CardOutput,
    CardScores,
    CardTraining,
    ClassRecall,
    DefaultPrecision,
    FlipGain,
    GraphFile,
    GraphPrecision,
    HeldOutAccuracy,
    Licence,
    Parity,
    ScoresByPrecision,
    TrainingData,
)
from mien.core.guessing import AgainstGuessing
from mien.core.images import SIZE
from mien.core.run_record import InitialWeights
from mien.core.scores import Scores
from mien.core.stats import has_sure_leader
from mien.core.summaries import abstention_text, robustness_note, robustness_table
from mien.core.text import markdown, percentage, taught_by
from mien.exporting.to_onnx import INPUT, OPSET, OUTPUT
from mien.models.classifier import Classifier
from mien.models.registry import info

MOST_LOST = 0.003
"""int8 is the default unless it loses more accuracy than this on held-out faces."""

LIMITS = (
    "An expression is not an emotion: what a face shows is not what a person feels.",
    "Not for decisions about people: in hiring, policing, education, health or anything else.",
    "For frontal faces, tightly cropped, grey, 48×48 pixels. Real pictures of other poses and sizes were not measured.",
    "Accuracy by age, sex, skin tone, pose and culture was not measured, because the data don't record them.",
)
LIMITS_OF_DATA = {
    True: "It learned from drawn faces (synthetic) and says nothing about real ones.",
    False: "It learned from labels that people gave by looking at the pictures, and people disagree. FER2013's own "
    "labels agree with the ten annotators of FER+ on 62 % of the faces.",
}
LICENCE_OF_DATA = {
    True: "Drawn by mien.",
    False: "Whoever trains on the faces is bound by their terms; FER2013 and FER+ are for research.",
}
CLASSES = {"own": "those of the data", "ferplus": "FER+'s"}
_TRAINED_WITH = ("mien", "torch", "lightning", "numpy")
_EXPORTED_WITH = ("mien", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of the graphs; the fields are the card's."""

    files: dict[GraphPrecision, GraphFile]
    precision: DefaultPrecision
    parity: Parity
    scores: ScoresByPrecision
    held_out_accuracy: HeldOutAccuracy
    abstention: Abstention
    flip: dict[GraphPrecision, FlipGain]


def describe_file(name: str, content: bytes) -> GraphFile:
    """Give the name, the size in bytes and the sha256 of a graph or of the weights."""
    return GraphFile(file=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def choose_default(lost: float, *, only: GraphPrecision | None = None) -> DefaultPrecision:
    """Choose the default precision by the accuracy that int8 loses on the held-out faces.

    `only` is the bundle's one precision, if it doesn't hold both.

    >>> choose_default(0.004).default
    'fp32'
    """
    if lost > 0:
        compared = f"int8 loses {100 * lost:.2f} points of accuracy on the held-out faces"
    elif lost < 0:
        compared = f"int8 gains {-100 * lost:.2f} points of accuracy on the held-out faces"
    else:
        compared = "int8 has the same accuracy on the held-out faces"
    if only:
        return DefaultPrecision(default=only, reason=f"{compared}; the bundle holds only {only}")
    reason = f"{compared}; a loss of up to {100 * MOST_LOST:.1f} is accepted"
    return DefaultPrecision(default="fp32" if round(lost, 9) > MOST_LOST else "int8", reason=reason)


def make_card(
    classifier: Classifier,
    *,
    name: str,
    stored: Mapping[str, Any],
    shares: Mapping[str, float],
    prior: dict[str, float] | None,
    weights_sha256: str,
    measured: Measured,
    weights: GraphFile | None,
    licence: str,
) -> Card:
    """Make a card.  It holds no date and no path, so the same run gives the same card.

    Args:
        classifier: the exported network.
        name: the name of the bundle.
        stored: the content of the run's `config.json`.
        shares: the share of each class in what the network learned.
        prior: the shares that the graphs assume; None: these.
        weights_sha256: sha256 of the run's weights.
        measured: what was measured of the graphs.
        weights: the file with the weights, if the bundle has it.
        licence: licence of the weights.
    """
    network = info(classifier.model, classes=len(classifier.classes))
    macs = 2 * network.macs if classifier.flip else network.macs
    synthetic = bool(stored["data"]["synthetic"])
    training = _training(stored, shares=shares, weights_sha256=weights_sha256)
    known = training.init.limit() if training.init else ""
    default = measured.scores.of(measured.precision.default)
    # The build of PyTorch is part of its version, and the package's metadata lack it.
    versions = {package: metadata.version(package) for package in _EXPORTED_WITH} | {"torch": str(torch.__version__)}
    return Card(
        name=name,
        synthetic=synthetic,
        classes=classifier.classes,
        input=CardInput(
            name=INPUT,
            dtype="uint8",
            shape=("N", SIZE, SIZE),
            channels="grey, ITU-R 601 luma, 0 to 255",
            crop_margin=CROP_MARGIN,
            resize="Pillow: BOX when shrinking, BICUBIC when enlarging (mien.core.images.resize)",
        ),
        output=CardOutput(name=OUTPUT, dtype="float32", shape=("N", len(classifier.classes))),
        network=CardNetwork(model=classifier.model, parameters=network.parameters, macs=macs, opset=OPSET),
        normalisation=classifier.normalise.kind,
        temperature=classifier.temperature,
        bias=_biases(classifier),
        files=measured.files,
        precision=measured.precision,
        parity=measured.parity,
        scores=measured.scores,
        held_out_accuracy=measured.held_out_accuracy,
        abstention=measured.abstention,
        limits=(
            LIMITS_OF_DATA[synthetic],
            *LIMITS,
            *_weaknesses(default),
            *([known] if known else []),
        ),
        training=training,
        licence=Licence(weights=licence, data=LICENCE_OF_DATA[synthetic]),
        versions=versions,
        prior=prior,
        flip=measured.flip,
        weights=weights,
    )


def _biases(classifier: Classifier) -> dict[str, float]:
    if classifier.bias is None:
        return {}
    return dict(zip(classifier.classes, classifier.bias.tolist(), strict=True))


def card_scores(scores: Scores) -> CardScores:
    """Select the scores that a card holds; of a class only its recall."""
    per_class = []
    for one in scores.per_class:
        per_class.append(
            ClassRecall(name=one.name, faces=one.faces, recall=one.recall, recall_interval=one.recall_interval)
        )
    return CardScores(
        source=PurePath(scores.source).name,
        faces=scores.faces,
        accuracy=scores.accuracy,
        accuracy_interval=scores.accuracy_interval,
        macro_f1=scores.macro_f1,
        macro_f1_interval=scores.macro_f1_interval,
        ece=scores.ece,
        log_loss=scores.log_loss,
        without_duplicates=scores.without_duplicates,
        per_class=tuple(per_class),
        confused_pairs=scores.confused_pairs,
        annotator_accuracy=None if scores.annotators is None else scores.annotators.accuracy,
        ece_interval=scores.ece_interval,
        log_loss_interval=scores.log_loss_interval,
    )


def _weaknesses(scores: CardScores) -> list[str]:
    """Name the class with the lowest recall, and the most frequent error, where these are more than chance."""
    faces = [one.faces for one in scores.per_class]
    guessing = AgainstGuessing.of(scores.accuracy, scores.accuracy_interval, faces=faces)
    if not guessing.is_better:  # then the classes and errors tell of the mixture of faces
        return [
            "It may do no better than always naming the most frequent class, which would be right for "
            f"{percentage(guessing.most_frequent)} of these faces."
        ]
    sentences = []
    recalls = []
    for one in scores.per_class:
        if one.recall is not None and one.recall_interval is not None:
            recalls.append((one.recall, one.recall_interval, one))
    recalls.sort(key=lambda item: item[0])
    if recalls:
        recall, (_, high), worst = recalls[0]
        _, (low, _), _ = recalls[-1]
        if high < low:  # else chance may have put one below the other
            sentences.append(
                f"Its weakest class is {worst.name}: it recognises {percentage(recall, 0)} of {worst.faces:,} faces."
            )
    errors = []
    for pair in scores.confused_pairs:
        errors += [direction for direction in pair.directions if direction.errors]
    if has_sure_leader([direction.errors for direction in errors]):
        most = max(errors, key=lambda direction: direction.errors)
        of_class = f"{percentage(most.rate, 0)} of the faces labelled {most.target}"
        sentences.append(f"Its most frequent error: {of_class} get the label {most.label}.")
    return sentences


def _training(stored: Mapping[str, Any], *, shares: Mapping[str, float], weights_sha256: str) -> CardTraining:
    """Describe the data and the training; files by their names, without folders."""
    config, data = dict(stored["config"]), stored["data"]
    for key in ("data", "votes", "recipe", "exclude", "init"):
        config[key] = config.get(key) and PurePath(config[key]).name
    config["teachers"] = [PurePath(teacher).name for teacher in config.get("teachers", ())]
    init = stored.get("init")
    return CardTraining(
        data=TrainingData(
            source=config["data"],
            labels=config["labels"],
            detect=config.get("detect", False),
            not_found=data.get("not_found", 0),
            left_out=data.get("left_out", 0),
            votes=config["votes"],
            fingerprint=data["fingerprint"],
            row_fingerprint=data["row_fingerprint"],
            synthetic=data["synthetic"],
            splits=data["splits"],
            training=data["training"],
            held_out=data["held_out"],
            shares=dict(shares),
        ),
        recipe=config["recipe"],
        config=config,
        versions={package: stored["versions"][package] for package in _TRAINED_WITH},
        git_commit=stored.get("git_commit"),
        weights_sha256=weights_sha256,
        init=None if init is None else InitialWeights.from_dict(init, source="config.json"),
    )


def _fine_tuned(training: CardTraining) -> str:
    """Say from which network it was fine-tuned, between commas; empty where it wasn't."""
    if training.init is None:
        return ""
    return f", fine-tuned from {markdown(training.init.name)} ({markdown(training.init.data)}),"


def _chosen(data: TrainingData) -> str:
    """Say how the faces were chosen, where that needs saying."""
    text = ""
    if data.detect:
        text += (
            " The faces were cut out of pictures: the largest one that the detector found in each; "
            f"pictures in which it found none were left out ({data.not_found:,})."
        )
    if data.left_out:
        text += f" {data.left_out:,} faces that a list of doubtful ones names were left out of the training."
    return text


def card_page(card: Card) -> str:
    """Return the content of `CARD.md`: the card as a page in Markdown."""
    scores, data = card.scores.of(card.precision.default), card.training.data
    title = f"# {markdown(card.name)}"
    if card.synthetic:
        title += " (synthetic)"
    reason = card.precision.reason[:1].upper() + card.precision.reason[1:]
    lines = [
        title,
        "",
        f"Recognises the expression of a grey face of 48×48 pixels: {', '.join(map(markdown, card.classes))}.",
        "",
        f"The network {card.network.model}{_fine_tuned(card.training)} learned from {markdown(data.source)} "
        f"({sum(data.training.values()):,} faces, fingerprint {data.fingerprint}; the classes are "
        f"{CLASSES[data.labels]}) with the recipe {markdown(card.training.recipe)}{taught_by(card.training.config)}. "
        f"It has {card.network.parameters:,} parameters and takes {card.network.macs / 1e6:,.1f} million multiply-adds "
        f"per face.{_chosen(data)}",
        "",
        f"## Scores on {scores.faces:,} faces of split `{card.scores.split}`{_data_set(card)}",
        "",
        "| file | size | accuracy | 95 % interval | macro-F1 | ECE | log loss |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_row(card, precision) for precision in card.files]
    lines += ["", f"Default: {card.precision.default}. {reason}.", ""]
    if card.flip:
        lines += [*_both_views(card), ""]
    if card.weights:
        size = f"{card.weights.bytes / 1e6:.2f} MB"
        lines += [f"`{card.weights.file}` ({size}) has the weights in 16 bits, for `mien train DATA --init`.", ""]
    lines += [_mixture(card), "", "| expression | assumed share | faces | recognised |", "|---|--:|--:|--:|"]
    shares = card.assumed_shares
    for one in scores.per_class:
        share = percentage(shares.get(one.name))
        lines.append(f"| {markdown(one.name)} | {share} | {one.faces:,} | {percentage(one.recall, 0)} |")
    threshold = abstention_text(card.abstention)
    if threshold:
        lines += ["", f"{threshold[:1].upper()}{threshold[1:]}."]
    lines += _corrupted(card)
    lines += ["", "## Limits", ""]
    for limit in card.limits:
        lines.append(f"* {markdown(limit)}")
    lines += ["", f"Licence of the weights: {card.licence.weights}. {card.licence.data}"]
    return "\n".join(lines) + "\n"


def _data_set(card: Card) -> str:
    return "" if card.scores.data_set is None else f" ({markdown(card.scores.data_set)})"


def _both_views(card: Card) -> list[str]:
    """Say what the graphs gain by the mirror image, and what it costs, in a table."""
    lines = [
        "The graphs average the logits of each face and of its mirror image. Accuracy, and processor time per face "
        "(one thread), with both and with the face alone:",
        "",
        f"| file | {card.held_out_accuracy.faces:,} held-out faces | alone | split `{card.scores.split}` | alone "
        "| points gained, 95 % interval | ms | alone |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for precision, gain in card.flip.items():
        low, high = gain.gain_interval
        cells = [
            f"`{card.files[precision].file}`",
            percentage(card.held_out_accuracy.of(precision), 2),
            percentage(gain.alone_held_out_accuracy, 2),
            percentage(card.scores.of(precision).accuracy, 2),
            percentage(gain.alone_accuracy, 2),
            f"{100 * gain.gain:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})",
            f"{gain.milliseconds:.2f}",
            f"{gain.alone_milliseconds:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _mixture(card: Card) -> str:
    """Say which mixture of classes the probabilities assume."""
    where = "in training"
    if card.prior is not None:
        where = "in the column `assumed share`"
    return (
        f"Its probabilities assume that the expressions are as frequent as {where}. For another mixture "
        "of faces, such as one with as many of each, give `--prior`."
    )


def _corrupted(card: Card) -> list[str]:
    """Return the table of corrupted faces of each graph that has one."""
    lines = []
    for precision, file in GRAPHS.items():
        measured = card.scores.of(precision).robustness
        if measured is None:
            continue
        table = robustness_table(measured)
        sides = ["--:" if side == "right" else "---" for side in table.columns.values()]
        lines += ["", f"## `{file}` on corrupted faces", "", robustness_note(measured), ""]
        lines += [f"| {' | '.join(table.columns)} |", f"|{'|'.join(sides)}|"]
        lines += [f"| {' | '.join(row)} |" for row in table.rows]
    return lines


def _row(card: Card, precision: GraphPrecision) -> str:
    graph, scores = card.files[precision], card.scores.of(precision)
    low, high = scores.accuracy_interval
    return (
        f"| `{graph.file}` | {graph.bytes / 1e6:.2f} MB | {percentage(scores.accuracy, 2)} | {percentage(low, 2)} to "
        f"{percentage(high, 2)} | {scores.macro_f1:.3f} | {scores.ece:.3f} | {scores.log_loss:.3f} |"
    )
