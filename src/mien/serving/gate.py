"""`Gate`: what every request passes first: its host, its token; and what is counted and added to every answer."""

import asyncio
import hmac
import ipaddress
import logging
import time
import traceback
from collections.abc import Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.core.text import readable
from mien.serving.metrics import Metrics
from mien.serving.refusal import LINGER_S, MAX_HEAD_BYTES, Refusal, head_too_long

OPEN = frozenset({"/", "/healthz", "/readyz"})
"""What needs no token: the page holds no secret and computes in the browser."""

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""What every answer has; browsers of other origins may not use it."""

OTHER = "other"
"""The path under which requests for none of ours are counted."""

log = logging.getLogger(__name__)


class Gate:
    """Wraps the application.

    Args:
        app: answers what passes.
        metrics: counts.
        paths: those that the application answers.
        token: what clients must know; None lets everybody in.
        hosts: the names under which the service may be called, in lower case, besides `localhost` and addresses.
        timeout_s: how long a client may stop reading its answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        paths: Collection[str],
        token: str | None,
        hosts: Collection[str],
        timeout_s: float,
    ) -> None:
        self._app, self._metrics, self._paths = app, metrics, frozenset(paths)
        self._token = None if token is None else f"Bearer {token}".encode()
        self._hosts = frozenset({"localhost", *hosts})
        self._timeout_s = timeout_s
        self._last_host: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun_s = time.perf_counter()
        status = 0
        body = _Body(receive)
        closes = scope["http_version"] == "1.0" or _header(scope, b"connection").lower() == b"close"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if closes and status >= 400 and not _header(scope, b"expect"):
                    await body.throw_away()
                message["headers"] = [*message.get("headers", []), *HEADERS]
            try:
                async with asyncio.timeout(self._timeout_s):
                    await send(message)
            except TimeoutError:
                raise _NotRead from None

        try:
            _require_short_head(scope)
            self._require_host(scope)
            self._require_token(scope)
            await self._app(scope, body.receive, watched)
        except Refusal as refusal:
            await answer_of(refusal)(scope, receive, watched)
        except _NotRead:
            pass  # the connection is closed, since the answer is not complete
        except Exception as error:  # a bug; where it is tells the log, and not the client
            log.error("a bug at %s: %s", readable(scope["path"]), "".join(traceback.format_exception(error)))
            if not status:
                await answer_of(Refusal(500, "a bug in mien; the server's log has more"))(scope, receive, watched)
        finally:
            path = scope["path"] if scope["path"] in self._paths else OTHER
            self._metrics.count(path, status, time.perf_counter() - begun_s)

    def _require_host(self, scope: Scope) -> None:
        """Refuse names that are not ours: a page elsewhere may have let its own name lead to this machine."""
        given = _header(scope, b"host")
        if given == self._last_host:
            return
        host = given.decode("latin-1")
        name = host_name(host)
        if name in self._hosts or _is_address(name):
            self._last_host = given
        else:
            raise Refusal(
                400, f"host '{host}' is not served here; mien serve --allowed-host {name or 'NAME'} allows it"
            )

    def _require_token(self, scope: Scope) -> None:
        if self._token is None or scope["path"] in OPEN:
            return
        if not hmac.compare_digest(_header(scope, b"authorization"), self._token):
            raise Refusal(
                401, "this needs the token, as the header 'Authorization: Bearer TOKEN'", {"WWW-Authenticate": "Bearer"}
            )


class _Body:
    """A request's body, of which is known whether all of it was read."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._has_more = receive, True

    async def receive(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        return message

    async def throw_away(self) -> None:
        """Read what still comes, for a moment: a connection closed before that would take the answer with it."""
        try:
            async with asyncio.timeout(LINGER_S):
                while self._has_more:
                    await self.receive()
        except TimeoutError:
            pass


class _NotRead(Exception):
    """A client has stopped reading its answer."""


def _require_short_head(scope: Scope) -> None:
    """Refuse a head that is too long; h11 does so only where it comes in pieces."""
    length = len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        length += len(name) + len(value) + 4  # a colon, a blank, the end of the line
    if length > MAX_HEAD_BYTES:
        raise head_too_long()


def answer_of(refusal: Refusal) -> Response:
    """Return the response that a refusal becomes."""
    return Response(refusal.body, refusal.status, refusal.headers, "application/json")


def host_name(host: str) -> str:
    """Return the name in a `Host` header, without port and brackets, in lower case.

    >>> host_name("LocalHost:8000"), host_name("[::1]:80"), host_name("::1")
    ('localhost', '::1', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    if host.count(":") == 1:
        host = host.partition(":")[0]
    return host.lower().rstrip(".")


def _is_address(name: str) -> bool:
    """Whether a name is an IP address, which nobody can let lead elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _header(scope: Scope, name: bytes) -> bytes:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else b""
