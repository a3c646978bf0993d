"""`Page`: the page that is answered at `/`; it computes in the browser and asks the service for nothing."""

import asyncio
import hashlib
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PART_BYTES = 262_144
"""So much of the page is given to a connection at a time, so that slow readers cost no memory."""


class Page:
    """The page, made when it is first asked for, and then kept.

    Args:
        make: makes the HTML.
    """

    def __init__(self, make: Callable[[], str]) -> None:
        self._make, self._lock = make, asyncio.Lock()
        self._html, self._tag = b"", ""

    async def answer(self, known: str) -> Response:
        """Return the response; `known` is the request's `If-None-Match`."""
        async with self._lock:
            if not self._html:
                self._html = (await asyncio.to_thread(self._make)).encode()
                self._tag = f'"{hashlib.sha256(self._html).hexdigest()[:32]}"'
        # The page's own policy says what it may load; that nobody may frame it can only stand in a header.
        headers = {
            "ETag": self._tag,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": "frame-ancestors 'none'",
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        }
        if self._tag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return Response(status_code=304, headers=headers)
        return _InParts(self._html, headers=headers, media_type="text/html")


class _InParts(Response):
    """A long response, which goes out as fast as it is read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = memoryview(self.body)
        for start in range(0, len(whole), PART_BYTES):
            part = bytes(whole[start : start + PART_BYTES])
            await send({"type": "http.response.body", "body": part, "more_body": start + PART_BYTES < len(whole)})
            await asyncio.sleep(0)  # others have their turn, and a reader that is gone is noticed
