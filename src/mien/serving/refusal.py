"""`Refusal`: why a request is not answered, as a status and a plain sentence."""

import json
from collections.abc import Mapping

from mien.core.errors import DataError, MienError, MissingExtraError, UsageError

RETRY_S = 1
"""After so many seconds a client that was refused for lack of room may try again."""

MAX_HEAD_BYTES = 16_384
"""The longest head of a request; curl sends 100 bytes, a browser with cookies a few thousand."""

LINGER_S = 2.0
"""After a refusal what still comes is read and thrown away for so long, since closing at once would make the client's
system drop the answer."""


class Refusal(Exception):
    """A request that is not answered.

    Attributes:
        status: the HTTP status.
        message: what was wrong, and what to do.
        headers: what the status needs besides, such as `Retry-After`.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})

    @property
    def body(self) -> bytes:
        """The answer: `{"error": …}` as JSON."""
        return json.dumps({"error": self.message}, ensure_ascii=False).encode()


def busy(message: str) -> Refusal:
    """Return the refusal for lack of room, which lasts for a moment only."""
    return Refusal(503, message, {"Retry-After": str(RETRY_S)})


def head_too_long() -> Refusal:
    """Return the refusal of too many headers, or too long ones."""
    return Refusal(431, f"a head of more than {MAX_HEAD_BYTES:,} bytes; send fewer or shorter headers")


def refusal_of(error: MienError) -> Refusal:
    """Return the refusal that an error of the library stands for.

    >>> refusal_of(DataError("picture 1: not a picture that Pillow can read")).status
    422
    """
    if isinstance(error, MissingExtraError):
        return Refusal(415, str(error))
    if isinstance(error, DataError | UsageError):
        return Refusal(422, str(error))
    raise error
