"""The top of the page: what was trained, how good it is, what it is best and worst at, in a few plain sentences."""

from collections.abc import Iterator, Sequence

from mien.core.guessing import AgainstGuessing
from mien.core.runs import Epoch
from mien.core.scores import ClassScores, Scores
from mien.core.stats import has_sure_leader
from mien.core.text import taught_by
from mien.reporting.ablation import conclusions
from mien.reporting.attribution import where_it_looks
from mien.reporting.formatting import big, count, decimal, percent, plural, span
from mien.reporting.run_files import Evaluation, RunFiles
from mien.reporting.view import Values

STATES = {
    "running": "still running when this page was made",
    "finished": "finished",
    "stopped-early": "stopped early",
    "interrupted": "interrupted",
    "failed": "failed",
}


def summary(files: RunFiles) -> Values:
    """Say what a reader of nothing else should know.

    Args:
        files: the run's files.

    Returns:
        What `summary.html` shows: `title`, `state`, `updated`, `synthetic` (a sentence, or empty), `sentences` and
        `tiles`.
    """
    best_known = files.evaluations[0] if files.evaluations else None
    status, updated = "", ""
    if files.status is not None:
        status = STATES.get(files.status.state, "")
        updated = files.status.updated[:16].replace("T", " ")
    source = files.faces.source if files.faces else "unknown data"
    if files.is_ablation:
        what, sentences, tiles = f"Ablation of {model_name(files)}", conclusions(files), []
    else:
        what = model_name(files)
        sentences = list(_sentences(files, best_known))
        tiles = _tiles(files, best_known)
    return {
        "title": f"{what} on {_short(source)}",
        "state": status,
        "updated": updated,
        "synthetic": _synthetic(files),
        "sentences": sentences,
        "tiles": tiles,
    }


def best_epoch(history: Sequence[Epoch]) -> int | None:
    """Find the epoch with the lowest validation loss, the first of equal ones.; None where every loss is NaN."""
    known = [row for row in history if row.val_loss == row.val_loss]  # NaN differs from itself
    return min(known, key=lambda row: row.val_loss).epoch if known else None


def kept_epoch(files: RunFiles) -> int | None:
    """Find the epoch whose weights are the run's model; None where it has no model."""
    return files.model.epoch if files.model else None


def model_name(files: RunFiles) -> str:
    """Name the network, whichever file knows it."""
    if files.model is not None:
        return files.model.model
    if "model" in files.recipe:
        return str(files.recipe["model"])
    return files.network.name if files.network else "Unknown model"


def warning(evaluation: Evaluation) -> str:
    """Say why figures of a split do not hold for new faces; empty where nothing speaks against them.

    Args:
        evaluation: the split.
    """
    if evaluation.learned:
        return "The model learned from most of these faces, so the figures do not tell how it does on new ones."
    if evaluation.split == "validation":
        return (
            "Training was tuned on these faces (which epoch to keep, or how confident to be), so the figures may be "
            "somewhat better than those of new ones."
        )
    return ""


def _short(source: str) -> str:
    """The last part of a path, which is what people call their data."""
    return source.rstrip("/").rpartition("/")[2] or source


def _synthetic(files: RunFiles) -> str:
    scored = [evaluation.split for evaluation in files.evaluations if evaluation.scores.synthetic]
    learned = files.faces is not None and files.faces.synthetic
    if not learned and not scored:
        return ""
    if learned and scored:
        verbs = "learned from and was scored on"
    else:
        verbs = "learned from" if learned else "was scored on"
    return (
        f"The model {verbs} faces that a program drew. Such figures show that the software works; they say nothing "
        "about photographs of people."
    )


def _sentences(files: RunFiles, evaluation: Evaluation | None) -> Iterator[str]:
    yield _trained(files)
    init = files.config.init if files.config else None
    if init and init.limit():
        yield init.limit()
    if evaluation is None:
        yield "It has not been scored yet."
        return
    scores = evaluation.scores
    yield f"{warning(evaluation)} {_scored(evaluation)}".strip()
    if _guessing(scores).is_better:  # else these sentences would tell of the mixture of classes
        yield from _strengths(scores)
    yield from where_it_looks(files)


def _guessing(scores: Scores) -> AgainstGuessing:
    faces = [one.faces for one in scores.per_class]
    return AgainstGuessing.of(scores.accuracy, scores.accuracy_interval, faces=faces)


def _strengths(scores: Scores) -> Iterator[str]:
    yield from _best_and_worst(scores)
    pairs = scores.confused_pairs  # the one with the most errors comes first
    if has_sure_leader([pair.errors for pair in pairs]):
        pair = pairs[0]
        errors = scores.faces - sum(row[k] for k, row in enumerate(scores.confusion.counts))
        yield (
            f"The pair that it mixes up most is “{pair.classes[0]}” and “{pair.classes[1]}”: {count(pair.errors)} of "
            f"{plural(errors, 'error')} ({percent(pair.share, 0)})."
        )


def _trained(files: RunFiles) -> str:
    learned, model = files.faces, model_name(files)
    if learned is None:
        return f"{model}: the run folder does not say what it was trained on."
    faces, classes = sum(learned.training.values()), len(learned.classes)
    epochs, kept = len(files.history), kept_epoch(files)
    without = f", without {plural(learned.left_out, 'doubtful face')}" if learned.left_out else ""
    init = files.config.init if files.config else None
    ending = f", fine-tuned from {init.name}" if init else ""
    if epochs:
        ending += f", for {plural(epochs, 'epoch')}"
    if kept:
        ending += f"; the weights are those of epoch {kept}{_why_kept(files, kept)}"
    return (
        f"{model} was trained on {plural(faces, 'face')} of “{_short(learned.source)}”{without} to tell "
        f"{plural(classes, 'expression')} apart{taught_by(files.recipe)}{ending}."
    )


def _why_kept(files: RunFiles, kept: int) -> str:
    """Say why these weights are the model; nothing where training was continued since and has not ended."""
    if kept == best_epoch(files.history):
        return ", the best on held-out faces"
    whole = files.recipe.get("schedule") == "one-cycle" and kept == files.recipe.get("epochs")
    if whole:
        return ", the last of its cycle"
    return ""


def _scored(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    guessing = _guessing(scores)
    doubt = ""
    if not guessing.is_better:
        doubt = ", and the interval does not rule out that it does no better"
    text = (
        f"On the {plural(scores.faces, 'face')} of “{evaluation.split}” it is right for "
        f"{percent(scores.accuracy)} (95 % interval {span(scores.accuracy_interval)}); always naming the "
        f"most frequent expression would be right for {percent(guessing.most_frequent)}{doubt}."
    )
    rest = scores.without_duplicates
    if rest is not None and rest.duplicates:
        text += (
            f" Without the {plural(rest.duplicates, 'face')} that also occur in the training data it is "
            f"{percent(rest.accuracy)}."
        )
    return text


def _best_and_worst(scores: Scores) -> Iterator[str]:
    known = [(one.f1, one) for one in scores.per_class if one.f1 is not None]
    known.sort(key=lambda pair: -pair[0])
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return
    best, worst = known[0][1], known[-1][1]
    if best.f1_interval and worst.f1_interval and best.f1_interval[0] <= worst.f1_interval[1]:
        return  # chance may have put one above the other
    yield f"It is best at “{best.name}”: {_found(best)}. It is worst at “{worst.name}”: {_found(worst)}."


def _found(scores: ClassScores) -> str:
    if not scores.recall:
        return f"it finds none of these {plural(scores.faces, 'face')}"
    return (
        f"it finds {percent(scores.recall, 0)} of these faces, and is right {percent(scores.precision, 0)} of "
        "the times that it says so"
    )


def _tiles(files: RunFiles, evaluation: Evaluation | None) -> list[dict[str, str]]:
    tiles = []
    if evaluation is not None:
        scores = evaluation.scores
        tiles = [
            {
                "name": f"Accuracy, {evaluation.split}",
                "value": percent(scores.accuracy),
                "note": f"95 % interval {span(scores.accuracy_interval)}",
            },
            {"name": "Macro-F1", "value": percent(scores.macro_f1), "note": "every class counts alike"},
            {"name": "Calibration error", "value": percent(scores.ece), "note": "0 % would be perfect"},
        ]
    if files.network is not None:
        tiles.append(
            {
                "name": "Parameters",
                "value": big(files.network.parameters),
                "note": f"{big(files.network.macs)} multiply-adds per face",
            }
        )
    if evaluation is None and files.history:
        row = next((row for row in files.history if row.epoch == best_epoch(files.history)), files.history[-1])
        tiles.insert(
            0,
            {
                "name": "Best epoch, held out",
                "value": percent(row.val_accuracy),
                "note": f"accuracy at epoch {row.epoch}, loss {decimal(row.val_loss)}",
            },
        )
    return tiles
