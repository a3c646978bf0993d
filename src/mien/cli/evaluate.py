"""`mien eval`, also under the name `mien val`."""

from pathlib import Path
from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import GateError, UsageError


@app.command("val", hidden=True)
@app.command("eval")
def evaluate(
    run: flags.Scored,
    *,
    split: flags.Split = None,
    data: flags.DataFlag = None,
    targets: flags.Targets = None,
    votes: flags.Votes = None,
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

    Example: `mien eval latest`, `mien eval runs/train/a --data test.csv --targets test_labels.csv`,
    `mien eval bundle --data fer2013.csv`
    """
    shared: dict[str, Any] = {"targets": targets, "votes": votes}
    shared["skip_bad"] = skip_bad
    if run.endswith(".npz"):
        given = {"data": data, "targets": targets, "votes": votes, "flip": flip, "precision": precision}
        given |= {"split": split, "device": device, "skip-bad": skip_bad}
        if names := [f"--{name}" for name, value in given.items() if value]:
            raise UsageError(f"{run}: predictions without their faces; {', '.join(names)} can't be given with them")
        scores = _score_file(run)
    elif _names_bundle(run):
        if flip:
            raise UsageError(f"--flip scores a run, and {run} is a bundle; leave --flip out")
        scores = _score_bundle(run, data=data, precision=precision, split=split or "test", device=device, **shared)
    else:
        if precision:
            raise UsageError(f"--precision belongs to a bundle, and {run} is none; `mien export {run}` makes one")
        from mien.workflows.evaluate import evaluate as evaluate_run

        scores = evaluate_run(run, split=split, data=data, flip=flip, device=device or "auto", **shared)
    console.print_json(scores) if json else print_scores(scores, own=data is None)
    if min_accuracy is not None and scores["accuracy"] < min_accuracy:
        raise GateError(f"accuracy {scores['accuracy']:.4f} is below --min-accuracy {min_accuracy}")


def _names_bundle(run: str) -> bool:
    from mien.core.bundle import find
    from mien.core.runs import runs_named

    bundle = find(run)
    if bundle is None:
        return False
    runs = [path for path in runs_named(run) if path.absolute() != bundle]  # of a bundle in a run's folder, the bundle
    if runs:
        raise UsageError(f"'{run}' names a bundle and a run: {bundle} and {runs[0]}; give the path")
    return True


def _score_bundle(run: str, *, data: str | None, precision: Any, device: str | None, **shared: Any) -> dict[str, Any]:
    from mien.workflows.evaluate_bundle import evaluate_bundle

    if data is None:
        raise UsageError(
            f"{run} is a bundle, which has no faces of its own; name some: mien eval {run} --data fer2013.csv"
        )
    if device not in (None, "auto", "cpu"):
        raise UsageError(f"--device {device}: a bundle runs on the CPU; leave --device out")
    return evaluate_bundle(run, data, precision=precision or "default", **shared)


def _score_file(path: str) -> dict[str, Any]:
    from mien.core.predictions import Predictions
    from mien.evaluation.metrics import evaluate as score

    return score(Predictions.load(Path(path)))


def print_scores(scores: dict[str, Any], *, own: bool = True) -> None:
    """Print the scores of one split as people read them; `own` if the faces are of the run's own data."""
    split = f" of split '{scores['split']}'" if "split" in scores else ""
    tuned = ", held out and tuned on in training" if own and scores.get("split") == "validation" else ""
    print(
        f"{scores['source']}: {scores['faces']:,} faces{split}{tuned}"
        + (" (synthetic: says nothing of real faces)" if scores["synthetic"] else "")
    )
    low, high = scores["accuracy_interval"]
    print(f"\naccuracy           {scores['accuracy']:.4f}   95 % interval {low:.4f} to {high:.4f}")
    _print_published(scores.get("bundle"))
    if scores["without_copies"]:
        part = scores["without_copies"]
        print(
            f"  without copies   {part['accuracy']:.4f}   {part['copies']:,} faces that copy a training face left out"
        )
    if "flip" in scores:
        low, high = scores["flip"]["accuracy_interval"]
        print(f"  with flip views  {scores['flip']['accuracy']:.4f}   95 % interval {low:.4f} to {high:.4f}")
    names = {
        "macro_f1": "macro-F1",
        "balanced_accuracy": "balanced accuracy",
        "top2_accuracy": "top-2 accuracy",
        "log_loss": "log loss",
        "brier": "Brier score",
        "ece": "ECE (15 bins)",
    }
    for key, name in names.items():
        print(f"{name:<18} " + ("–" if scores[key] is None else f"{scores[key]:.4f}"))
    if scores["votes"] and scores["votes"]["accuracy"] is not None:
        votes = scores["votes"]
        print(f"{'crowd majority':<18} {votes['accuracy']:.4f}   {votes['faces']:,} faces with a clear vote")
    print()
    _print_classes(scores)
    for pair in scores["most_confused"]:
        first, second = pair["directions"]
        print(
            f"{first['target']} taken for {first['label']}: {first['errors']:,} of {first['faces']:,}; "
            f"{second['target']} for {second['label']}: {second['errors']:,} of {second['faces']:,} "
            f"({pair['share']:.0%} of all errors)"
        )


def _print_published(bundle: dict[str, Any] | None) -> None:
    if bundle and bundle["published"] is not None:
        print(f"  published        {bundle['published']:.4f}   by the card of {bundle['name']}, on the same faces")


def _print_classes(scores: dict[str, Any]) -> None:
    def show(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    head = {"class": "left", "faces": "right", "precision": "right", "recall": "right", "F1": "right"}
    predicted = {f"→ {name}": "right" for name in scores["classes"]}
    rows = [
        [
            each["name"],
            f"{each['faces']:,}",
            show(each["precision"]),
            show(each["recall"]),
            show(each["f1"]),
            *map(str, counts),
        ]
        for each, counts in zip(scores["per_class"], scores["confusion"]["counts"], strict=True)
    ]
    console.print_table(head | predicted, rows)
    print()
