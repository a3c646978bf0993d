"""`mien data`."""

from typing import TYPE_CHECKING

import typer

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.text import percentage, readable

if TYPE_CHECKING:
    from mien.core.data_summary import DataSummary, VoteSummary

data_app = typer.Typer(no_args_is_help=True, help="Look at labelled faces before you train on them.")
app.add_typer(data_app, name="data")


@data_app.command()
def describe(
    data: flags.Data,
    *,
    votes: flags.Votes = None,
    targets: flags.Targets = None,
    labels: flags.Labels = None,
    classes: flags.Classes = None,
    detect: flags.Detect = False,
    skip_bad: flags.SkipBad = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Count faces, exact copies across splits, conflicting labels and blank faces.

    Example: `mien data describe fer2013.csv --votes fer2013new.csv`
    """
    from mien.workflows.describe import describe as describe_data

    summary = describe_data(
        data,
        votes=votes,
        targets=targets,
        labels=labels or "own",
        classes=flags.listed(classes) or None,
        detect=detect,
        skip_bad=skip_bad,
    )
    if json:
        console.print_json(summary.to_dict())
    else:
        _print(summary)


def _print(summary: "DataSummary") -> None:
    drawn = " (synthetic: drawn, not photographed)" if summary.synthetic else ""
    print(f"{summary.source}{drawn}\n")
    rows = []
    for name in summary.classes:
        rows.append([name, *(f"{split.classes[name]:,}" for split in summary.splits.values())])
    rows.append(["all", *(f"{split.faces:,}" for split in summary.splits.values())])
    console.print_table({"class": "left"} | dict.fromkeys(summary.splits, "right"), rows)
    print()
    for pair in summary.duplicates.across:
        print(f"duplicates:   {pair.faces:,} faces of {pair.split} are exact copies of a face of {pair.other}")
    for name, faces in summary.duplicates.within.items():
        print(f"repeated:     {faces:,} faces of {name} are exact copies of another face of {name}")
    conflicts = summary.conflicts
    print(
        f"conflicts:    {conflicts.faces:,} faces, in {conflicts.groups:,} groups of identical pictures with different "
        "labels"
    )
    print(f"blank:        {summary.blank:,} faces have a single grey level")
    print(f"unlabelled:   {summary.unlabelled:,} faces have no label")
    if summary.votes is not None:
        _print_votes(summary.votes)
    if summary.not_found:
        print(f"not found:    pictures without a face that was found are left out: {len(summary.not_found):,}")
    for note in summary.notes:
        print(f"note:         {readable(note)}")
    print(f"fingerprint:  {summary.fingerprint}")


def _print_votes(votes: "VoteSummary") -> None:
    print(f"votes:        {votes.not_a_face:,} faces are none, as most of their annotators say")
    if votes.agreement is not None:
        print(f"agreement:    {percentage(votes.agreement.all)} of the labels are the annotators' plurality")
