"""The flags of `mien export` alone; the others are in `flags`."""

from pathlib import Path
from typing import Annotated, Literal

from mien.cli.declare import argument, number, option, place, switch

Exported = Annotated[
    str,
    argument("MODEL", help="A run folder, its name, or 'latest'; for --html also a bundle, such as mien-s."),
]
Only = Annotated[
    Literal["fp32", "int8"] | None,
    option("--only", metavar="fp32|int8", help="The one graph to export; both by default."),
]
Weights = Annotated[
    bool, switch("--weights", help="Also put the weights in 16 bits into the bundle, for mien train --init.")
]
Flip = Annotated[
    bool,
    switch(
        "--flip",
        help="Average each face and its mirror image inside the graphs, at twice the time; the card has accuracy "
        "and time with and without.",
    ),
]
MaxRisk = Annotated[
    float | None,
    number(
        "--max-risk",
        metavar="R",
        min=0,
        max=1,
        help="Find the probability from which on at most this share of labels is wrong (a bound at 95 %).",
    ),
]
Licence = Annotated[
    str | None, option("--licence", metavar="TEXT", help="Of the weights, for the card; 'not stated' by default.")
]
Hub = Annotated[
    Path | None,
    place("--hub", metavar="FOLDER", help="Write a folder as model hubs expect one; nothing is uploaded."),
]
Html = Annotated[
    Path | None,
    place(
        "--html",
        metavar="FILE",
        help="Write one HTML file that finds and classifies faces in any browser, offline. A bundle is then written "
        "only if -o, --name or a flag of its own asks for one.",
    ),
]
