"""The flags of `mien serve` alone; the others are in `flags`."""

from pathlib import Path
from typing import Annotated

from mien.cli.declare import number, option, switch

LIMITS = "Limits"

Host = Annotated[
    str,
    option(
        "--host",
        metavar="HOST",
        help="The address to listen at; 127.0.0.1 by default: this machine alone can reach it.",
    ),
]
Port = Annotated[
    int, option("--port", metavar="N", min=0, max=65535, help="8000 by default; 0 takes one that is free.")
]
Open = Annotated[bool, switch("--open", help="Open the page in the browser.")]
TokenFile = Annotated[
    Path | None,
    option(
        "--token-file",
        metavar="FILE",
        help="Clients must send the token in this file, or in the variable MIEN_TOKEN; needed off loopback.",
    ),
]
AllowedHost = Annotated[
    list[str] | None,
    option(
        "--allowed-host",
        metavar="NAME",
        help="A name under which clients call the service, besides localhost and addresses; may be repeated.",
    ),
]
MaxBytes = Annotated[
    int,
    option(
        "--max-bytes",
        metavar="N",
        min=1,
        max=1_000_000_000,
        help="The largest body; 16,000,000 by default.",
        group=LIMITS,
    ),
]
MaxPixels = Annotated[
    int,
    option(
        "--max-pixels",
        metavar="N",
        min=1,
        max=64_000_000,
        help="The largest picture; 32,000,000 by default.",
        group=LIMITS,
    ),
]
MaxFaces = Annotated[
    int,
    option(
        "--max-faces",
        metavar="N",
        min=1,
        max=1_000_000,
        help="The most faces in a request; 1,000 by default.",
        group=LIMITS,
    ),
]
Queue = Annotated[
    int,
    option(
        "--queue",
        metavar="N",
        min=0,
        max=1_000_000,
        help="How many requests may wait for a free thread; 16 by default. One more is answered with 503.",
        group=LIMITS,
    ),
]
Connections = Annotated[
    int,
    option(
        "--connections",
        metavar="N",
        min=1,
        max=1_000_000,
        help="How many clients may be connected; 100 by default. One more is answered with 503.",
        group=LIMITS,
    ),
]
Timeout = Annotated[
    float,
    number(
        "--timeout",
        metavar="S",
        min=0.1,
        max=3600,
        help="Seconds that a request's head, its body and its answer may take, each; 30 by default.",
        group=LIMITS,
    ),
]
