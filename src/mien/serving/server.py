"""`listen` and `serve`: the address, and the life of a service."""

import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from mien.core.errors import MienError, UsageError
from mien.serving.connection import connection_class
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.refusal import MAX_HEAD_BYTES

WAITING_CONNECTIONS = 128
"""So many connections the system holds until they are accepted."""


def listen(host: str, port: int) -> socket.socket:
    """Open the address; with port 0 the system chooses one.

    Raises:
        UsageError: no such host here.
        MienError: the port is taken, or may not be used.
    """
    family, place = _resolve(host, port)
    # asyncio turns Nagle's algorithm off only where the protocol is named; else each answer would wait for 40 ms.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place)
        opened.listen(WAITING_CONNECTIONS)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise MienError(
                f"--port {port} of {host} is taken by another program; choose another, or 0 for any"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"--host {host}: this machine has no such address") from None
        raise MienError(f"--port {port} of {host} can't be opened ({error.strerror}); choose another") from None
    return opened


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a host.

    Raises:
        UsageError: no such host here.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    _, place = _resolve(host, 0)
    return ipaddress.ip_address(place[0].partition("%")[0]).is_loopback


def address_of(opened: socket.socket) -> str:
    """Return the address for a browser; where all interfaces are open, that of this machine for itself."""
    host, port = opened.getsockname()[:2]
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        host = "127.0.0.1" if opened.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app: ASGIApp, opened: socket.socket, limits: Limits, metrics: Metrics, *, announce: Callable[[], None]
) -> None:
    """Answer requests until SIGTERM or Ctrl+C; what is being answered is answered first, within `limits.timeout_s`.

    `announce` is called once the signal may come.
    """
    server = uvicorn.Server(make_config(app, limits, metrics))

    def end(*_: object) -> None:
        """Take SIGTERM before uvicorn does, and when it raises it once more after its end; by default it would kill."""
        server.should_exit = True

    before = signal.signal(signal.SIGTERM, end)
    try:
        announce()
        server.run(sockets=[opened])
    finally:
        signal.signal(signal.SIGTERM, before)


def make_config(app: ASGIApp, limits: Limits, metrics: Metrics) -> uvicorn.Config:
    """Return uvicorn's settings: one process, HTTP/1.1 alone, no log, nothing from the environment."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=connection_class(limits, metrics.count),
        ws="none",
        lifespan="off",
        interface="asgi3",
        workers=1,
        log_config=None,
        log_level="critical",  # the gate logs bugs, and what else uvicorn would say is about clients
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=max(1, round(limits.timeout_s)),
    )


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(f"--host {host}: no such host; take 127.0.0.1 for this machine, 0.0.0.0 for all") from None
    family, _, _, _, place = found[0]
    return family, (str(place[0]), port)
