"""`mien compare`."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import DataError, UsageError


@app.command()
def compare(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run folder, its name, or 'latest'; or a predictions.npz.", show_default=False
        ),
    ],
    other: Annotated[str, typer.Argument(metavar="RUN2", help="The other one.", show_default=False)],
    *,
    split: flags.Split = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Say whether two evaluated runs differ on the same faces: McNemar's test and a paired bootstrap.

    Example: `mien compare runs/train/a runs/train/b`; either may be a predictions.npz
    """
    from mien.core.predictions import Predictions
    from mien.evaluation.compare import compare as compare_predictions

    if split and run.endswith(".npz") and other.endswith(".npz"):
        raise UsageError("--split belongs to runs; a predictions.npz has the faces that it has")
    split = split or _common_split(run, other)
    one, two = (Predictions.load(_predictions(where, split)) for where in (run, other))
    result = compare_predictions(one, two, names=(run, other))
    if json:
        console.print_json(result)
        return
    print(f"{run}: accuracy {result['a']['accuracy']:.4f}, macro-F1 {result['a']['macro_f1']:.4f}")
    print(f"{other}: accuracy {result['b']['accuracy']:.4f}, macro-F1 {result['b']['macro_f1']:.4f}")
    print(f"right only in the first: {result['only_a']:,}, only in the second: {result['only_b']:,}")
    print(result["verdict"])


def _common_split(*runs: str) -> str:
    """Choose `test`, or `validation` where no run was scored on `test`, and one was on that."""
    from mien.core.runs import RunDir

    scored = [RunDir.open(run).path / "eval" for run in runs if not run.endswith(".npz")]
    tested = any((folder / "test").exists() for folder in scored)
    return "validation" if not tested and any((folder / "validation").exists() for folder in scored) else "test"


def _predictions(where: str, split: str) -> Path:
    from mien.core.runs import RunDir

    if where.endswith(".npz"):
        return Path(where)
    path = RunDir.open(where).path / "eval" / split / "predictions.npz"
    if not path.is_file():
        raise DataError(f"{where}: not scored on '{split}' yet; first: mien eval {where} --split {split}")
    return path
