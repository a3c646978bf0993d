"""`Limits`: how much one service takes, at once and in one request."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a service takes.

    Attributes:
        max_bytes: the largest body.
        max_pixels: the largest picture.
        max_faces: the most faces in one request.
        queue: how many requests may wait for a free thread; one more is refused.
        connections: how many may be open at once; one more is refused.
        timeout_s: how long a request's head, its body and its answer may take, each.
    """

    max_bytes: int = 16_000_000
    max_pixels: int = 32_000_000
    max_faces: int = 1000
    queue: int = 16
    connections: int = 100
    timeout_s: float = 30.0
