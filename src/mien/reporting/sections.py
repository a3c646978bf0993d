"""The parts of the page in order: one function and one template each.

To add one: write a function that takes `RunFiles` and returns what its template shows, or a line that says why there is
nothing to show and which command makes it; put `templates/<anchor>.html` beside the others; name both in `SECTIONS`.
"""

import json
import shlex
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from mien.core.data_summary import DataSummary
from mien.core.runs import Epoch
from mien.core.text import taught_by
from mien.reporting import figures
from mien.reporting.ablation import ablation
from mien.reporting.attribution import attribution
from mien.reporting.confusions import confusions
from mien.reporting.filter_pictures import filters
from mien.reporting.formatting import count, decimal, duration, listing, percent, plural, value
from mien.reporting.robustness import robustness
from mien.reporting.run_files import RunFiles
from mien.reporting.scores import examples, scores
from mien.reporting.summary import STATES, best_epoch, model_name
from mien.reporting.view import Values, View


class Section(NamedTuple):
    """One part of the page: its anchor, which is also its template's name, its title and its function."""

    anchor: str
    title: str
    view: Callable[[RunFiles], View]


def data(files: RunFiles) -> View:
    """Show what the model learned from: faces a split and class, copies, conflicts, blanks.

    Args:
        files: the run's files.

    Returns:
        `source`, `columns`, `rows`, `held_apart` and `audit` (checks, may be empty), for `data.html`.
    """
    learned, summary = files.faces, files.data
    if learned is None and summary is None:
        return "Nothing is known of the data: `mien train` writes it when a run starts."
    columns: list[Values] = []
    classes: Sequence[str] = ()
    source = ""
    if summary is not None:
        classes, source = summary.classes, summary.source
        for name, split in summary.splits.items():
            columns.append({"name": name, "faces": split.faces, "classes": split.classes})
    if learned is not None:
        for title, classes_of in (("learned from", learned.training), ("held out", learned.held_out)):
            columns.append({"name": title, "faces": sum(classes_of.values()), "classes": classes_of})
        classes, source = learned.classes, learned.source
    first = columns[0]["classes"]
    most = max([1, *first.values()])
    rows = []
    for name in classes:
        counts = [column["classes"].get(name) for column in columns]
        rows.append({"name": name, "counts": counts, "share": first.get(name, 0) / most})
    return {
        "source": source,
        "columns": columns,
        "rows": rows,
        "held_apart": learned is not None,
        "audit": _audit(summary, annotator_labels=files.annotator_labels),
    }


def _audit(summary: DataSummary | None, *, annotator_labels: bool) -> list[tuple[str, str, str]]:
    """What may be wrong with the data: (what, how many, what it means)."""
    if summary is None:
        return []
    facts = []
    for pair in summary.duplicates.across:
        meaning = "they flatter the score" if pair.faces else "the two share no face"
        facts.append((f"Faces in {pair.split} that copy one in {pair.other}", count(pair.faces), meaning))
    for name, faces in summary.duplicates.within.items():
        if faces:
            facts.append((f"Repeated faces in {name}", count(faces), "the same pixels more than once"))
    conflicts = summary.conflicts
    if conflicts.groups:
        meaning = f"in {plural(conflicts.groups, 'group')}; no model can be right on all of them"
    else:
        meaning = "no two labels contradict each other"
    facts.append(("Same pixels, different labels", count(conflicts.faces), meaning))
    facts.append(("Blank faces", count(summary.blank), "pictures with a single grey level"))
    facts.append(("Faces without a label", count(summary.unlabelled), "neither learned from nor scored"))
    if summary.known is not None:
        facts.append(("Known faces", count(summary.known.found), summary.known.text))
    if summary.votes is not None:
        meaning = "by the plurality of FER+'s annotators"
        facts.append(("Pictures without a face", count(summary.votes.not_a_face), meaning))
        agreement = summary.votes.agreement
        if agreement is not None and not annotator_labels:
            meaning = "how far the labels themselves can be trusted"
            facts.append(("Labels that FER+'s annotators agree with", percent(agreement.all), meaning))
    return facts


def model(files: RunFiles) -> View:
    """Show the network's size and the recipe's values.

    Args:
        files: the run's files.

    Returns:
        `name`, `info` (facts about size, may be None) and `groups` (of recipe values), for `model.html`.
    """
    if not files.recipe and files.network is None:
        return "No model yet: `mien train` makes one."
    groups: dict[str, dict[str, str]] = {"run": {}}
    for key, values in files.recipe.items():
        if isinstance(values, dict):
            groups[key] = {name: value(each) for name, each in values.items()}
        else:
            groups["run"][key] = value(values)
    return {
        "name": model_name(files),
        "info": files.network,
        "groups": {name: each for name, each in groups.items() if each},
    }


def _has_soft_targets(files: RunFiles) -> bool:
    """Whether something else is learned than each face's label: what teachers or voters say, or smoothed labels."""
    smoothing = files.recipe.get("loss", {}).get("label_smoothing", 0)
    return bool(taught_by(files.recipe) or smoothing or files.annotator_labels)


def training(files: RunFiles) -> View:
    """Show the curves, the learning rate, the time, and how it ended.

    Args:
        files: the run's files.

    Returns:
        `charts` (each `{svg, caption}`) and `outcome` (facts), for `training.html`.
    """
    history = files.history
    if not history:
        return "No epochs yet: `mien train --resume RUN` continues the run."
    best = best_epoch(history)
    last, row = history[-1], next((row for row in history if row.epoch == best), history[-1])
    loss = (
        f"Loss. On held-out faces it is lowest at epoch {value(best)}, {decimal(row.val_loss)}; the last epoch, "
        f"{last.epoch}, has {decimal(last.val_loss)}, with {decimal(last.train_loss)} in training."
    )
    if _has_soft_targets(files):
        loss += " The two don't compare: in training the targets are not the labels alone."
    accuracy = (
        f"Accuracy. At the best epoch {percent(row.val_accuracy)} of the held-out faces are right; at the "
        f"last {percent(last.val_accuracy)}, and {percent(last.train_accuracy)} of the training faces."
    )
    rate = _rate_caption(history)
    charts = [
        {"svg": figures.curve(history, "loss", best=best, alt=loss), "caption": loss},
        {"svg": figures.curve(history, "accuracy", best=best, alt=accuracy), "caption": accuracy},
        {"svg": figures.learning_rate(history, alt=rate), "caption": rate},
    ]
    return {"charts": charts, "outcome": _training_facts(files, best)}


def _rate_caption(history: Sequence[Epoch]) -> str:
    falls = [now.epoch for before, now in pairwise(history) if now.lr < before.lr]
    first, last = history[0].lr, history[-1].lr
    if not falls:
        return f"Learning rate. It is {first:.3g} at the first epoch and {last:.3g} at the last; it never fell."
    return (
        f"Learning rate. It begins at {first:.3g} and ends at {last:.3g}, after {plural(len(falls), 'fall')}, the "
        f"first at epoch {falls[0]}" + (f", the others at {listing(falls[1:])}." if 1 < len(falls) <= 8 else ".")
    )


def _training_facts(files: RunFiles, best: int | None) -> list[tuple[str, str]]:
    status, epochs = files.status, files.recipe.get("epochs")
    facts = [
        ("Epochs", f"{len(files.history)}" + (f" of at most {epochs}" if epochs else "")),
        ("Best epoch", value(best)),
    ]
    if status is not None:
        facts.append(("Ended", STATES.get(status.state, status.state)))
        if status.reason:
            facts.append(("Reason", status.reason))
    if files.timing:
        speeds = sorted(row["train_faces_per_s"] for row in files.timing)
        seconds = sum(row["seconds"] for row in files.timing)
        facts += [
            ("Time", duration(seconds)),
            ("Time an epoch", duration(seconds / len(files.timing))),
            ("Speed, median", f"{count(speeds[len(speeds) // 2])} faces/s"),
        ]
    return facts


def appendix(files: RunFiles) -> View:
    """Show all that is needed to repeat the run.

    Args:
        files: the run's files.

    Returns:
        `origin` (facts), `versions`, `command`, `config` and `repeats` (whether the config alone does), for
        `appendix.html`.
    """
    stored = files.config
    if stored is None:
        return "No config: `mien train` writes it when a run starts."
    facts = [
        ("Data fingerprint", stored.data.fingerprint),
        ("Data source", stored.data.source),
        ("Git commit", stored.git_commit),
        ("System", stored.machine.get("system")),
        ("Processor", stored.machine.get("processor")),
        ("Cores", stored.machine.get("cores")),
        ("Threads", stored.config.get("threads")),
        ("Schema version", stored.schema_version),
    ]
    return {
        "origin": [(name, value(each)) for name, each in facts],
        "versions": stored.versions,
        "command": shlex.join(stored.command),
        "repeats": not files.is_ablation,
        "config": json.dumps(files.recipe, indent=2, ensure_ascii=False),
    }


SECTIONS = (
    Section("data", "Data", data),
    Section("model", "Model and recipe", model),
    Section("training", "Training", training),
    Section("scores", "Scores", scores),
    Section("robustness", "Corrupted faces", robustness),
    Section("ablation", "What the parts are worth", ablation),
    Section("confusions", "Confusions", confusions),
    Section("examples", "Examples", examples),
    Section("attribution", "What it looks at", attribution),
    Section("filters", "What excites its filters", filters),
    Section("appendix", "Appendix", appendix),
)
"""The page below its summary, in order."""

ABLATION_SECTIONS = tuple(each for each in SECTIONS if each.anchor in ("data", "model", "ablation", "appendix"))
"""The page of an ablation."""
