"""`mien eval`, also under the names `mien evaluate` and `mien val`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import GateError, UsageError
from mien.core.text import percentage

if TYPE_CHECKING:
    from mien.core.scores import Scores


WIDEST = 50
"""Classes of a confusion matrix that is printed; one of 1,000 took two minutes, and nobody reads it."""


@app.command("evaluate", hidden=True)
@app.command("val", hidden=True)
@app.command("eval")
def evaluate(
    run: flags.Scored,
    *,
    split: flags.Split = None,
    data: flags.DataFlag = None,
    targets: flags.Targets = None,
    votes: flags.Votes = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    flip: flags.Flip = False,
    precision: flags.BundlePrecision = None,
    min_accuracy: flags.MinAccuracy = None,
    skip_bad: flags.SkipBad = False,
    device: flags.Device = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Score a trained run, a bundle, or a predictions.npz.

    Examples:
    * `mien eval latest`
    * `mien eval runs/train/a --data test.csv --targets test_labels.csv`
    * `mien eval bundle --data fer2013.csv`
    """
    if run.endswith(".npz"):
        given = {"data": data, "targets": targets, "votes": votes, "flip": flip, "precision": precision}
        given |= {"split": split, "device": device, "classes": classes, "detect": detect, "skip-bad": skip_bad}
        if names := [f"--{name}" for name, value in given.items() if value]:
            raise UsageError(f"{run}: predictions without their faces; {', '.join(names)} can't be given with them")
        scores = _score_file(run)
    else:
        from mien.workflows.evaluate import evaluate as evaluate_model

        scores = evaluate_model(
            run,
            data,
            split=split,
            targets=targets,
            votes=votes,
            classes=flags.listed(classes) or None,
            detect=detect,
            flip=flip,
            precision=precision or "default",
            device=device or "auto",
            skip_bad=skip_bad,
        )
    if json:
        console.print_json(scores.to_dict())
    else:
        print_scores(scores, run_data=data is None)
    if min_accuracy is not None and scores.accuracy < min_accuracy:
        raise GateError(f"accuracy {scores.accuracy:.4f} is below --min-accuracy {min_accuracy}")


def _score_file(path: str) -> "Scores":
    from mien.core.predictions import Predictions
    from mien.evaluation.metrics import score_predictions

    return score_predictions(Predictions.load(Path(path)))


def print_scores(scores: "Scores", *, run_data: bool = True) -> None:
    """Print the scores of one split as a person reads them; `run_data` if the faces are of the run's own data."""
    _print_head(scores, run_data=run_data)
    print()
    _print_figures(scores)
    print()
    _print_classes(scores)
    _print_confusion(scores)
    for pair in scores.confused_pairs:
        first, second = pair.directions
        print(
            f"{first.target} taken for {first.label}: {first.errors:,} of {first.faces:,}; "
            f"{second.target} for {second.label}: {second.errors:,} of {second.faces:,} "
            f"({percentage(pair.share)} of all errors)"
        )


def _print_head(scores: "Scores", *, run_data: bool) -> None:
    text = f"{scores.source}: {scores.faces:,} faces"
    if scores.split is not None:
        text += f" of split '{scores.split}'"
    if scores.split == "validation" and run_data:
        text += ", held out and tuned on in training"
    if scores.synthetic:
        text += " (synthetic: says nothing of real faces)"
    print(text)


def _print_figures(scores: "Scores") -> None:
    figures = [("accuracy", percentage(scores.accuracy, 2), _interval(scores.accuracy_interval))]
    if scores.published_accuracy is not None and scores.model is not None:
        note = f"by the card of {scores.model.name}, on the same faces"
        figures.append(("  published", percentage(scores.published_accuracy, 2), note))
    rest = scores.without_duplicates
    if rest is not None:
        note = f"{rest.duplicates:,} faces that also occur in training left out"
        figures.append(("  no duplicates", percentage(rest.accuracy, 2), note))
    if scores.flip is not None:
        interval = _interval(scores.flip.accuracy_interval)
        figures.append(("  with flip views", percentage(scores.flip.accuracy, 2), interval))
    figures += [
        ("macro-F1", _decimal(scores.macro_f1, 4), ""),
        ("balanced accuracy", percentage(scores.balanced_accuracy, 2), ""),
        ("top-2 accuracy", percentage(scores.top2_accuracy, 2), ""),
        ("log loss", _decimal(scores.log_loss, 4), ""),
        ("Brier score", _decimal(scores.brier, 4), ""),
        ("ECE (15 bins)", _decimal(scores.ece, 4), ""),
    ]
    annotators = scores.annotators
    if annotators is not None and annotators.accuracy is not None:
        note = f"{annotators.faces:,} faces with a clear vote"
        figures.append(("most annotators", percentage(annotators.accuracy, 2), note))
    for name, value, note in figures:
        print(f"{name:<18} {value:>8}   {note}".rstrip())


def _interval(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"95 % interval {percentage(low, 2)} to {percentage(high, 2)}"


def _print_classes(scores: "Scores") -> None:
    heads = {"class": "left", "faces": "right", "precision": "right", "recall": "right", "F1": "right"}
    rows = []
    for one in scores.per_class:
        figures = [_decimal(value, 3) for value in (one.precision, one.recall, one.f1)]
        rows.append([one.name, f"{one.faces:,}", *figures])
    console.print_table(heads, rows)
    print()


def _print_confusion(scores: "Scores") -> None:
    if len(scores.classes) > WIDEST:
        print(
            f"Confusion matrix: too wide to print with {len(scores.classes):,} classes; --json and metrics.json have it"
        )
        return
    print("Confusion matrix: a row for each label, a column for each prediction")
    heads = {"": "left"} | dict.fromkeys(scores.classes, "right")
    rows = [[name, *map(str, counts)] for name, counts in zip(scores.classes, scores.confusion.counts, strict=True)]
    console.print_table(heads, rows)
    print()


def _decimal(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
