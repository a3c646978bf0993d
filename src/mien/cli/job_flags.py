"""The flags of a job in parts, `mien predict -o FOLDER/`, declared as in `flags`."""

from pathlib import Path
from typing import Annotated

from mien.cli.declare import COMPUTING, OUTPUT, WHERE, option, place

Workers = Annotated[
    int | None,
    option(
        "--workers",
        metavar="N",
        min=1,
        max=1024,
        help="Processes that do a job in parts, -o FOLDER/ with the slash; one per core by default.",
        group=COMPUTING,
    ),
]
Cluster = Annotated[
    str | None,
    option("--cluster", metavar="ADDRESS", help="The Dask scheduler whose workers do a job.", group=COMPUTING),
]
Status = Annotated[
    Path | None, option("--status", metavar="FOLDER", help="Say how far the job in this folder is, and stop.")
]
OutOrFolder = Annotated[str | None, place("--out", "-o", metavar="PATH", help=WHERE, group=OUTPUT)]
"""As `flags.Out`, with the slash at the end that makes it a folder."""
