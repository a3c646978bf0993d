"""`mien data`."""

from typing import Any

import typer

from mien.cli import console, flags
from mien.cli.main import app

data_app = typer.Typer(no_args_is_help=True, help="Probe at labelled faces before training on them.")
app.add_typer(data_app, name="data")


@data_app.command()
def describe(
    data: flags.Data,
    *,
    votes: flags.Votes = None,
    targets: flags.Targets = None,
    labels: flags.Labels = None,
    skip_bad: flags.SkipBad = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Count faces, copies across splits, conflicting labels and blank faces.

    Example: `mien data describe fer2013.csv --votes fer2013new.csv`
    """
    from mien.data.audit import describe as audit
    from mien.data.formats import stream_faces

    on_bad = console.list_bad if skip_bad else None
    found = audit(stream_faces(data, votes=votes, targets=targets, labels=labels or "own", on_bad=on_bad))
    console.print_json(found) if json else _print(found)


def _print(found: dict[str, Any]) -> None:
    splits = found["splits"]
    rows = [[name, *(f"{split['classes'][name]:,}" for split in splits.values())] for name in found["classes"]]
    rows.append(["all", *(f"{split['faces']:,}" for split in splits.values())])
    drawn = " (synthetic: drawn, not photographed)" if found["synthetic"] else ""
    print(f"{found['source']}{drawn}\n")
    console.print_table({"class": "left"} | dict.fromkeys(splits, "right"), rows)
    copies = found["copies"]
    print()
    for each in copies["across"]:
        print(
            f"copies:       {each['faces']:,} faces of {each['split']} are exact copies of a {each['copies_of']} face"
        )
    for name, count in copies["within"].items():
        print(f"repeats:      {count:,} faces of {name} repeat another one of {name}")
    print(
        f"conflicts:    {found['conflicts']['faces']:,} faces in {found['conflicts']['groups']:,} groups of identical "
        "pictures with different labels"
    )
    print(f"blank:        {found['blank']:,} faces have one grey level only")
    print(f"unlabelled:   {found['unlabelled']:,}")
    if found["votes"]:
        print(f"votes:        {found['votes']['not_a_face']:,} faces are none to the crowd")
        if found["votes"]["agreement"]:
            print(f"agreement:    {found['votes']['agreement']['all']:.1%} of the labels are the crowd's plurality")
    print(f"fingerprint:  {found['fingerprint']}")
