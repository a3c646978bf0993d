"""The top of the page: what was trained, how good it is, what it is best and worst at, in a few plain sentences."""

from collections.abc import Iterator
from typing import Any

from mien.core.text import taught_by
from mien.reporting.ablation import conclusions
from mien.reporting.attribution import where_it_looks
from mien.reporting.formatting import big, count, decimal, percent, plural, span
from mien.reporting.run_files import Evaluation, RunFiles

STATES = {
    "running": "still running when this page was made",
    "finished": "finished",
    "stopped-early": "stopped early",
    "interrupted": "interrupted",
    "failed": "failed",
}


def summary(files: RunFiles) -> dict[str, Any]:
    """Say what a person who reads nothing else should know.

    Args:
        files: the run's files.

    Returns:
        What `summary.html` shows: `title`, `state`, `updated`, `synthetic` (a sentence, or empty), `sentences` and
        `tiles`.
    """
    shown = files.evaluations[0] if files.evaluations else None
    status = files.status or {}
    what = "Ablation of " * files.is_ablation + model_name(files)
    return {
        "title": f"{what} on {_short(str(files.card.get('source', 'unknown data')))}",
        "state": STATES.get(status.get("state", ""), ""),
        "updated": status.get("updated", "")[:16].replace("T", " "),
        "synthetic": _synthetic(files),
        "sentences": list(_sentences(files, shown)) if not files.is_ablation else list(conclusions(files)),
        "tiles": _tiles(files, shown) if not files.is_ablation else [],
    }


def best_epoch(history: list[dict[str, float]]) -> int | None:
    """Find the epoch with the lowest validation loss, the first of equal ones.

    >>> best_epoch([{"epoch": 1, "val_loss": float("nan")}, {"epoch": 2, "val_loss": 1.5}])
    2
    """
    known = [row for row in history if row["val_loss"] == row["val_loss"]]  # NaN differs from itself
    return int(min(known, key=lambda row: row["val_loss"])["epoch"]) if known else None


def kept_epoch(files: RunFiles) -> int | None:
    """Find the epoch whose weights are the run's model; None where it has no model, or an old one that doesn't say."""
    return (files.model or {}).get("epoch")


def model_name(files: RunFiles) -> str:
    """Name the network, whichever file knows it."""
    name = (files.model or {}).get("model") or files.recipe.get("model") or (files.model_info or {}).get("name")
    return str(name or "Unknown model")


def warning(evaluation: Evaluation) -> str:
    """Say why figures of a split do not hold for new faces; empty where nothing speaks against them.

    Args:
        evaluation: the split.
    """
    if evaluation.learned:
        return "The model learned from most of these faces, so the figures do not tell how it does on new ones."
    if evaluation.split == "validation":
        return (
            "Training was tuned on these faces (which epoch to keep, or how sure to be), so the figures may be "
            "somewhat better than those of new ones."
        )
    return ""


def _short(source: str) -> str:
    """The last part of a path, which is what people call their data."""
    return source.rstrip("/").rpartition("/")[2] or source


def _synthetic(files: RunFiles) -> str:
    scored = [each.split for each in files.evaluations if each.metrics["synthetic"]]
    learned = files.card.get("synthetic", False)
    if not learned and not scored:
        return ""
    whom = "learned from and was scored on" if learned and scored else "learned from" if learned else "was scored on"
    return (
        f"The model {whom} faces that a program drew. Such figures show that the software works; they say nothing "
        "about photographs of people."
    )


def _sentences(files: RunFiles, shown: Evaluation | None) -> Iterator[str]:
    yield _trained(files)
    if shown is None:
        yield "It has not been scored yet."
        return
    metrics = shown.metrics
    yield " ".join(filter(None, (warning(shown), _scored(shown))))
    yield from _best_and_worst(metrics["per_class"])
    if metrics["most_confused"]:
        pair = metrics["most_confused"][0]
        errors = metrics["faces"] - sum(row[place] for place, row in enumerate(metrics["confusion"]["counts"]))
        yield (
            f"The pair that it mixes up most is “{'” and “'.join(pair['classes'])}”: {count(pair['errors'])} of "
            f"{plural(errors, 'error')} ({percent(pair['share'], 0)})."
        )
    yield from where_it_looks(files)


def _trained(files: RunFiles) -> str:
    card, model = files.card, model_name(files)
    if not card:
        return f"{model}: the run folder does not say what it was trained on."
    faces, classes = sum(card["training"].values()), len(card["classes"])
    epochs, kept = len(files.history), kept_epoch(files)
    ending = f", for {plural(epochs, 'epoch')}" if epochs else ""
    ending += f"; the weights are those of epoch {kept}{_why_kept(files, kept)}" if kept else ""
    return (
        f"{model} was trained on {plural(faces, 'face')} of “{_short(card['source'])}” to tell "
        f"{plural(classes, 'expression')} apart{taught_by(files.recipe)}{ending}."
    )


def _why_kept(files: RunFiles, kept: int) -> str:
    """Say why these weights are the model; nothing where training went on since and has not ended."""
    if kept == best_epoch(files.history):
        return ", the best on held-out faces"
    whole = files.recipe.get("schedule") == "one-cycle" and kept == files.recipe.get("epochs")
    return ", the last of its cycle" if whole else ""


def _scored(shown: Evaluation) -> str:
    metrics, counts = shown.metrics, shown.metrics["confusion"]["counts"]
    guess = max(map(sum, counts)) / metrics["faces"]
    beats = metrics["accuracy_interval"][0] > guess
    doubt = "" if beats else ", and the interval does not rule out that it does no better"
    text = (
        f"On the {plural(metrics['faces'], 'face')} of “{shown.split}” it is right for "
        f"{percent(metrics['accuracy'])} (95 % interval {span(metrics['accuracy_interval'])}); always naming the "
        f"most frequent expression would be right for {percent(guess)}{doubt}."
    )
    fresh = metrics["without_copies"]
    if fresh and fresh["copies"]:
        text += (
            f" Without the {plural(fresh['copies'], 'face')} that also occur in the training data it is "
            f"{percent(fresh['accuracy'])}."
        )
    return text


def _best_and_worst(per_class: list[dict[str, Any]]) -> Iterator[str]:
    known = sorted((each for each in per_class if each["faces"]), key=lambda each: -each["f1"])
    if len(known) < 2 or known[0]["f1"] == known[-1]["f1"]:
        return
    best, worst = known[0], known[-1]
    yield f"It is best at “{best['name']}”: {_found(best)}. It is worst at “{worst['name']}”: {_found(worst)}."


def _found(each: dict[str, Any]) -> str:
    if not each["recall"]:
        return f"it finds none of these {plural(each['faces'], 'face')}"
    return (
        f"it finds {percent(each['recall'], 0)} of these faces, and is right {percent(each['precision'], 0)} of "
        "the times that it says so"
    )


def _tiles(files: RunFiles, shown: Evaluation | None) -> list[dict[str, str]]:
    tiles = []
    if shown:
        metrics = shown.metrics
        tiles = [
            {
                "name": f"Accuracy, {shown.split}",
                "value": percent(metrics["accuracy"]),
                "note": f"95 % interval {span(metrics['accuracy_interval'])}",
            },
            {"name": "Macro-F1", "value": percent(metrics["macro_f1"]), "note": "every class counts alike"},
            {"name": "Calibration error", "value": percent(metrics["ece"]), "note": "0 % would be perfect"},
        ]
    if files.model_info:
        tiles.append(
            {
                "name": "Parameters",
                "value": big(files.model_info["parameters"]),
                "note": f"{big(files.model_info['macs'])} multiply-adds a face",
            }
        )
    if not shown and files.history:
        row = next((row for row in files.history if row["epoch"] == best_epoch(files.history)), files.history[-1])
        tiles.insert(
            0,
            {
                "name": "Best epoch, held out",
                "value": percent(row["val_accuracy"]),
                "note": f"accuracy at epoch {row['epoch']:.0f}, loss {decimal(row['val_loss'])}",
            },
        )
    return tiles
