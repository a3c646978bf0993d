"""What a person reads of a result: the command line prints it, a notebook shows it."""

from collections.abc import Sequence
from functools import singledispatch
from statistics import mean

from mien.core.ablation import Ablation
from mien.core.card import Abstention, Card
from mien.core.comparison import Comparison, Comparisons
from mien.core.data_summary import DataSummary
from mien.core.ensemble import Ensemble
from mien.core.errors import pip_install
from mien.core.explanations import CurveScores, Explanation, PairedDifference
from mien.core.label_audit import LabelAudit
from mien.core.model_list import ModelList
from mien.core.robustness import CorruptionScores, Robustness
from mien.core.scores import Scores
from mien.core.stats import Interval
from mien.core.tables import Figures, Part, Side, Table
from mien.core.text import p_value, percentage, readable

WIDEST = 50
"""Classes of a confusion matrix that is shown; one of 1,000 took two minutes, and nobody reads it."""


@singledispatch
def summarise(_result: object) -> list[Part]:
    """Return what a person reads of a result; nothing for a kind of result that nobody reads as a whole."""
    return []


@summarise.register
def summarise_scores(scores: Scores, *, run_data: bool = True) -> list[Part]:
    """Return the scores of one split; `run_data` if the faces are of the run's own data."""
    parts: list[Part] = [_head(scores, run_data=run_data), "", _figures(scores), "", _classes(scores), ""]
    parts += _confusion(scores)
    for pair in scores.confused_pairs:
        first, second = pair.directions
        parts.append(
            f"{first.target} taken for {first.label}: {first.errors:,} of {first.faces:,}; "
            f"{second.target} for {second.label}: {second.errors:,} of {second.faces:,} "
            f"({percentage(pair.share)} of all errors)"
        )
    if scores.robustness is not None:
        parts += ["", *summarise(scores.robustness)]
    return parts


def _head(scores: Scores, *, run_data: bool) -> str:
    text = f"{scores.source}: {scores.faces:,} faces"
    if scores.split is not None:
        text += f" of split '{scores.split}'"
    if scores.split == "validation" and run_data:
        text += ", held out and tuned on in training"
    if scores.synthetic:
        text += " (synthetic: says nothing of real faces)"
    if scores.groups is not None:
        text += f"; intervals by {scores.groups:,} groups of faces"
    if scores.prior is not None:
        shares = ", ".join(f"{name} {percentage(share)}" for name, share in scores.prior.items())
        text += f"; probabilities for this mixture of classes: {shares}"
    return text


def _figures(scores: Scores) -> Figures:
    figures = [("accuracy", percentage(scores.accuracy, 2), _interval(scores.accuracy_interval))]
    if scores.published_accuracy is not None and scores.model is not None:
        figures += _published(scores, scores.published_accuracy, card=f"the card of {scores.model.name}")
    rest = scores.without_duplicates
    if rest is not None:
        note = f"{rest.duplicates:,} faces that also occur in training left out"
        figures.append(("  no duplicates", percentage(rest.accuracy, 2), note))
    if scores.flip is not None:
        interval = _interval(scores.flip.accuracy_interval)
        figures.append(("  with flip views", percentage(scores.flip.accuracy, 2), interval))
    figures += [
        ("macro-F1", _decimal(scores.macro_f1, 4), _decimal_interval(scores.macro_f1_interval)),
        ("balanced accuracy", percentage(scores.balanced_accuracy, 2), _interval(scores.balanced_accuracy_interval)),
        ("top-2 accuracy", percentage(scores.top2_accuracy, 2), _interval(scores.top2_accuracy_interval)),
        ("log loss", _decimal(scores.log_loss, 4), _decimal_interval(scores.log_loss_interval)),
        ("Brier score", _decimal(scores.brier, 4), _decimal_interval(scores.brier_interval)),
        ("ECE (15 bins)", _decimal(scores.ece, 4), _decimal_interval(scores.ece_interval)),
    ]
    annotators = scores.annotators
    if annotators is not None and annotators.accuracy is not None:
        note = f"{annotators.faces:,} faces where one class got more of the annotators' votes than any other answer"
        figures.append(("plurality of votes", percentage(annotators.accuracy, 2), note))
    return Figures(figures)


def _published(scores: Scores, accuracy: float, *, card: str) -> list[tuple[str, str, str]]:
    faces = scores.published_faces
    if faces is None:
        return [("  published", percentage(accuracy, 2), f"by {card}, on the same faces")]
    published = ("  published", percentage(accuracy, 2), f"by {card} (here: {faces.text})")
    if scores.faces <= faces.faces:
        return [published]
    return [("  of these", percentage(faces.accuracy, 2), f"the faces of {faces.name}"), published]


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"95 % interval {percentage(low, 2)} to {percentage(high, 2)}"


def _decimal_interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"95 % interval {low:.4f} to {high:.4f}"


def _decimal(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _classes(scores: Scores) -> Table:
    rows = []
    for one in scores.per_class:
        figures = [_decimal(value, 3) for value in (one.precision, one.recall, one.f1)]
        rows.append([one.name, f"{one.faces:,}", *figures])
    return Table({"class": "left", "faces": "right", "precision": "right", "recall": "right", "F1": "right"}, rows)


def _confusion(scores: Scores) -> list[Part]:
    if len(scores.classes) > WIDEST:
        return [
            f"Confusion matrix: too wide to print with {len(scores.classes):,} classes; --json and metrics.json have it"
        ]
    rows = [[name, *map(str, counts)] for name, counts in zip(scores.classes, scores.confusion.counts, strict=True)]
    columns: dict[str, Side] = {"": "left"}
    columns |= dict.fromkeys(scores.classes, "right")
    matrix = Table(columns, rows, scores.confusion.row_shares)
    return ["Confusion matrix: a row for each label, a column for each prediction", matrix, ""]


@summarise.register
def _(measured: Robustness) -> list[Part]:
    return [robustness_note(measured), "", robustness_table(measured)]


def robustness_note(measured: Robustness) -> str:
    """Say what the columns of `robustness_table` are."""
    note = (
        f"{measured.faces:,} corrupted faces (docs/robustness.md): accuracy in % at severity 1 to 5, its mean with an "
        "interval, mean ECE"
    )
    if measured.baseline is None:
        return f"{note}."
    return f"{note}; CE, the corruption error in %: all errors, divided by those of {measured.baseline}."


def robustness_table(measured: Robustness) -> Table:
    """Return a row per corruption, and their mean in the last one; numbers in per cent, so that 80 columns hold it."""
    columns: dict[str, Side] = {"corruption": "left"}
    columns |= dict.fromkeys(("1", "2", "3", "4", "5", "mean", "95 % interval", "ECE"), "right")
    if measured.baseline is not None:
        columns["CE"] = "right"
    rows = []
    for one in measured.corruptions:
        ece = mean(scores.ece for scores in one.severities)
        accuracies = [scores.accuracy for scores in one.severities]
        rows.append([one.title, *_accuracies(accuracies, one), f"{ece:.3f}", _hundredths(one.corruption_error)])
    by_severity = list(zip(*(one.severities for one in measured.corruptions), strict=True))
    ece = mean(mean(scores.ece for scores in same) for same in by_severity)
    accuracies = [mean(scores.accuracy for scores in same) for same in by_severity]
    error = measured.mean_corruption_error
    rows.append(["all", *_accuracies(accuracies, measured), f"{ece:.3f}", _hundredths(error)])
    return Table(columns, [row[: len(columns)] for row in rows])


def _accuracies(by_severity: Sequence[float], scored: CorruptionScores | Robustness) -> list[str]:
    interval = "–"
    if scored.accuracy_interval is not None:
        interval = " to ".join(_hundredths(end) for end in scored.accuracy_interval)
    return [*(_hundredths(accuracy) for accuracy in by_severity), _hundredths(scored.accuracy), interval]


def _hundredths(share: float | None) -> str:
    return _decimal(None if share is None else 100 * share, 1)


@summarise.register
def _(comparison: Comparison) -> list[Part]:
    parts: list[Part] = []
    for one in (comparison.a, comparison.b):
        parts.append(f"{one.name}: accuracy {percentage(one.accuracy, 2)}, macro-F1 {one.macro_f1:.4f}")
    parts.append(f"right only in the first: {comparison.only_a:,}, only in the second: {comparison.only_b:,}")
    return [*parts, comparison.verdict]


@summarise.register
def _(comparisons: Comparisons) -> list[Part]:
    rows = [[one.name, percentage(one.accuracy, 2), f"{one.macro_f1:.4f}"] for one in comparisons.scores]
    parts: list[Part] = [Table({"": "left", "accuracy": "right", "macro-F1": "right"}, rows)]
    for pair in comparisons.pairs:
        parts += ["", pair.verdict]
    return parts


@summarise.register
def _(ensemble: Ensemble) -> list[Part]:
    parts: list[Part] = [f"{percentage(member.accuracy, 2)}   {member.run}" for member in ensemble.members]
    return [*parts, "", *summarise(ensemble.scores), ensemble.over_best.verdict, ensemble.run]


@summarise.register
def _(explanation: Explanation) -> list[Part]:
    comparison = explanation.comparison
    drawn = " drawn faces (says nothing of real ones)" if explanation.synthetic else " faces"
    columns: dict[str, Side] = {"method": "left"}
    columns |= dict.fromkeys(("deletion", "insertion", "score"), "right")
    columns |= {f"over {name}": "right" for name in comparison.controls}
    rows = []
    for name, method in comparison.methods.items():
        over = [_difference(difference) for difference in method.over_controls.values()]
        rows.append([name, *_curves(method), *over, f"{method.randomisation['all layers']:+.2f}"])
    for name, control in comparison.controls.items():
        rows.append([f"({name})", *_curves(control), *[""] * len(comparison.controls), ""])
    trusted = f"better than both controls, and different with random weights: {', '.join(comparison.trusted) or 'none'}"
    guessing = explanation.against_guessing
    if guessing is not None and not guessing.is_better:
        trusted = (
            f"right for {percentage(guessing.accuracy)} of the faces, not surely more than always naming the most "
            f"frequent class ({percentage(guessing.most_frequent)}): the maps say nothing of expressions"
        )
    return [
        f"deletion and insertion on {comparison.faces}{drawn}; probabilities, areas under curves",
        "",
        Table({**columns, "random weights": "right"}, rows),
        "",
        trusted,
    ]


def _curves(scores: CurveScores) -> list[str]:
    return [f"{scores.deletion:.3f}", f"{scores.insertion:.3f}", f"{scores.score:.3f}"]


def _difference(over: PairedDifference) -> str:
    if over.difference is None or over.interval is None:
        return "–"
    return f"{over.difference:+.3f} ({over.interval[0]:+.3f} to {over.interval[1]:+.3f})"


@summarise.register
def _(data: DataSummary) -> list[Part]:
    drawn = " (synthetic: drawn, not photographed)" if data.synthetic else ""
    rows = []
    for name in data.classes:
        rows.append([name, *(f"{split.classes[name]:,}" for split in data.splits.values())])
    rows.append(["all", *(f"{split.faces:,}" for split in data.splits.values())])
    columns: dict[str, Side] = {"class": "left"}
    columns |= dict.fromkeys(data.splits, "right")
    parts: list[Part] = [f"{data.source}{drawn}", "", Table(columns, rows), ""]
    for pair in data.duplicates.across:
        parts.append(f"duplicates:   {pair.faces:,} faces of {pair.split} are exact copies of a face of {pair.other}")
    for name, faces in data.duplicates.within.items():
        parts.append(f"repeated:     {faces:,} faces of {name} are exact copies of another face of {name}")
    conflicts = data.conflicts
    parts += [
        f"conflicts:    {conflicts.faces:,} faces, in {conflicts.groups:,} groups of identical pictures with different "
        "labels",
        f"blank:        {data.blank:,} faces have a single grey level",
        f"unlabelled:   {data.unlabelled:,} faces have no label",
    ]
    if data.votes is not None:
        parts.append(f"votes:        {data.votes.not_a_face:,} faces are none, by their annotators' plurality")
        if data.votes.agreement is not None:
            share = percentage(data.votes.agreement.all)
            parts.append(f"agreement:    {share} of the labels are the annotators' plurality")
    if data.not_found:
        parts.append(f"not found:    pictures without a face that was found are left out: {len(data.not_found):,}")
    if data.known is not None:
        parts.append(f"known faces:  {data.known.text}")
    parts += [f"note:         {readable(note)}" for note in data.notes]
    return [*parts, f"fingerprint:  {data.fingerprint}"]


@summarise.register
def _(audit: LabelAudit) -> list[Part]:
    drawn = " (synthetic: drawn, not photographed)" if audit.synthetic else ""
    mislabelled = f"{audit.count('label'):,} faces, probably"
    if audit.judges_may_guess:
        mislabelled = "can't be told: the judges speak for these labels no more than for labels dealt at random"
    parts: list[Part] = [
        f"{audit.source}{drawn}: {audit.faces:,} faces",
        f"judged:       {audit.judged:,} of {audit.labelled:,} labels",
        f"mislabelled:  {mislabelled}",
        f"conflicts:    {audit.count('conflict'):,} faces of which a copy has another label",
        f"no face:      {audit.count('no face'):,} pictures",
    ]
    for pair in audit.copies_across:
        parts.append(f"copies:       {pair.faces:,} faces of {pair.split} show the picture of a face of {pair.other}")
    return [*parts, f"look through: {audit.folder}/audit.html"]


@summarise.register
def _(models: ModelList) -> list[Part]:
    rows = []
    for bundle in models.bundles:
        low, high = bundle.accuracy_interval
        interval = f"{percentage(low)} to {percentage(high)}"
        counts = [f"{bundle.faces:,}", str(len(bundle.classes))]
        rows.append([bundle.model.name, percentage(bundle.accuracy), interval, *counts])
    ready = Table(
        {"name": "left", "accuracy": "right", "95 % interval": "right", "faces": "right", "classes": "right"}, rows
    )
    parts: list[Part] = ["Ready to use: mien predict photo.jpg --model NAME", "", ready, ""]
    if not models.networks:
        return [*parts, f"To train networks, PyTorch is needed: {pip_install('train')}"]
    rows = []
    for network in models.networks:
        sizes = [f"{network.parameters:,}", f"{network.trainable:,}", f"{network.macs / 1e6:,.1f} M"]
        rows.append([network.name, *sizes])
    networks = Table({"name": "left", "parameters": "right", "trainable": "right", "multiply-adds": "right"}, rows)
    return [*parts, "To be trained: mien train DATA --model NAME, or a recipe", "", networks]


@summarise.register
def _(ablation: Ablation) -> list[Part]:
    arms = []
    for arm in ablation.arms:
        arms.append([*arm.levels.values(), str(arm.runs), percentage(arm.mean, 2), percentage(arm.sd, 2)])
    effects = []
    for effect in ablation.effects:
        interval = "–"
        if effect.interval is not None:
            interval = " to ".join(_points(end) for end in effect.interval)
        what = f"{effect.factor}: {effect.level} over {effect.baseline}"
        where = ", ".join(f"{factor} {level}" for factor, level in effect.within.items()) or "on average"
        effects.append([what, where, str(effect.seeds), _points(effect.difference), interval, p_value(effect.holm_p)])
    columns: dict[str, Side] = {}
    columns |= dict.fromkeys(ablation.factors, "left")
    columns |= {"runs": "right", "accuracy": "right", "s.d.": "right"}
    worth = Table(
        {
            "worth": "left",
            "where": "left",
            "seeds": "right",
            "points": "right",
            "95 % interval": "right",
            "p (Holm)": "right",
        },
        effects,
    )
    note = "The intervals cover the luck of the seeds, not that of the faces, which are the same for all runs."
    return [Table(columns, arms), "", worth, "", note, ablation.run]


def _points(difference: float | None) -> str:
    return "–" if difference is None else f"{100 * difference:+.2f}"


@summarise.register
def _(card: Card) -> list[Part]:
    synthetic = " (synthetic: says nothing of real faces)" if card.synthetic else ""
    columns: dict[str, Side] = {"file": "left"}
    columns |= dict.fromkeys(("bytes", "accuracy", "95 % interval", "macro-F1", "ECE"), "right")
    rows = []
    for precision, graph in card.files.items():
        scores = card.scores.of(precision)
        low, high = scores.accuracy_interval
        accuracy = [percentage(scores.accuracy), f"{percentage(low)} to {percentage(high)}"]
        rows.append([graph.file, f"{graph.bytes:,}", *accuracy, f"{scores.macro_f1:.3f}", f"{scores.ece:.3f}"])
    network, int8 = card.parity.fp32_to_network, card.parity.int8_to_fp32
    parts: list[Part] = [
        f"{card.name}: {card.scores.fp32.faces:,} faces of split '{card.scores.split}'{synthetic}",
        "",
        Table(columns, rows),
        "",
        f"fp32 against the network: |Δp| at most {network.max:.2g} on {network.faces:,} held-out faces",
        f"int8 against fp32: |Δp| at most {int8.max:.3f}, {int8.mean:.4f} on average",
        f"default: {card.precision.default} ({card.precision.reason})",
    ]
    if card.flip:
        parts.append(card.flip[card.precision.default].text)
    threshold = abstention_text(card.abstention)
    if threshold:
        parts.append(threshold)
    return parts


def abstention_text(found: Abstention) -> str:
    """Say which threshold to use and what it gives; empty if none was asked for."""
    if found.max_risk is None:
        return ""
    if found.threshold is None or found.held_out is None:
        return f"no threshold is sure to bring the errors of accepted faces down to {percentage(found.max_risk, 0)}"
    most = percentage(found.max_risk, 0)
    advice = f"for at most {most} wrong labels, give no label below a probability of {found.threshold:.3f}"
    if found.threshold == 0:
        advice = f"no threshold is needed for at most {most} wrong labels"
    if found.scored is None:
        return (
            f"{advice}: {percentage(found.held_out.coverage)} of the held-out faces are accepted; without labelled "
            "test faces it is not known whether the threshold holds for others"
        )
    wrong = "" if found.scored.risk is None else f", {percentage(found.scored.risk)} of them with a wrong label"
    return f"{advice}: {percentage(found.scored.coverage)} of the faces are accepted{wrong}"
