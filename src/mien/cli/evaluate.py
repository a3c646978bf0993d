"""`mien eval`, also under the names `mien evaluate` and `mien val`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import GateError, UsageError

if TYPE_CHECKING:
    from mien.core.scores import Scores


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
    robustness: flags.Robustness = False,
    precision: flags.BundlePrecision = None,
    prior: flags.Prior = None,
    group: flags.Group = None,
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
    * `mien eval mien-s --data faces/ --prior estimate`
    * `mien eval mien-n --data fer2013.csv --robustness`
    * `mien eval latest --group subjects.csv`
    """
    from mien.core.summaries import summarise_scores

    if run.endswith(".npz"):
        given = {"data": data, "targets": targets, "votes": votes, "flip": flip, "precision": precision}
        given |= {"split": split, "device": device, "classes": classes, "detect": detect, "skip-bad": skip_bad}
        given |= {"robustness": robustness, "prior": prior}
        if names := [f"--{name}" for name, value in given.items() if value]:
            raise UsageError(f"{run}: predictions without their faces; {', '.join(names)} can't be given with them")
        scores = _score_file(run, group)
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
            robustness=robustness,
            precision=precision or "default",
            device=device or "auto",
            skip_bad=skip_bad,
            prior=flags.prior_of(prior),
            group=group,
            progress=console.progress,
        )
    if json:
        console.print_json(scores.to_dict())
    else:
        console.print_summary(summarise_scores(scores, run_data=data is None))
    if min_accuracy is not None and scores.accuracy < min_accuracy:
        raise GateError(f"accuracy {scores.accuracy:.4f} is below --min-accuracy {min_accuracy}")


def _score_file(path: str, group: str | None) -> "Scores":
    from mien.core.predictions import Predictions
    from mien.data.groups import read_groups
    from mien.evaluation.metrics import score_predictions

    predictions = Predictions.load(Path(path))
    groups = None
    if group is not None:
        groups = read_groups(group, predictions.ids)
    return score_predictions(predictions, groups=groups)
