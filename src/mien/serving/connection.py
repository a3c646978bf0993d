"""`Connection`: uvicorn's HTTP protocol with limits on what happens outside of a request.

uvicorn bounds neither how long a client may take to send a request's head, nor how many may be connected (its own limit
answers in plain text and only after a head), nor how long it reads a body that is refused already.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mien.serving.limits import Limits
from mien.serving.refusal import LINGER_S, Refusal, busy, head_too_long

READ_S = 0.2
"""After SIGTERM connections without a request are still read for so long."""


class Connection(H11Protocol):
    """One client's connection; `connection_class` makes the class for a service."""

    limits: ClassVar[Limits]
    count: ClassVar[Callable[[str, int, float], None]]

    _timer: asyncio.TimerHandle | None = None
    _was_answering = False
    _refused = False
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or refuse where there are too many."""
        super().connection_made(transport)
        taken = sum(not getattr(other, "_refused", False) for other in self.connections)
        if taken > self.limits.connections:
            self._refuse(busy(f"more than {self.limits.connections} connections; try again in a second"))
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._refused:
            return
        super().data_received(data)
        self._watch()

    def eof_received(self) -> None:
        """Answer a client that ended in the middle of a body, and still listens."""
        if self._is_answering() and self.conn.their_state is h11.SEND_BODY:
            self._refuse(Refusal(400, "the body was cut off"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._forget_timer()

    def shutdown(self) -> None:
        """Close as soon as what is being answered has been answered; uvicorn calls it when it ends."""
        if self._refused:
            self.transport.close()
        elif self._is_answering():
            super().shutdown()
        else:  # what has arrived, but was not read yet, is a request that can be answered
            self.loop.call_later(READ_S, self._shut_down_late)

    def _shut_down_late(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def on_response_complete(self) -> None:
        """Wait for the next request, which has as long as the first."""
        self._forget_timer()
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; uvicorn calls it when h11 has raised an error."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        if status == 431:
            self._refuse(head_too_long())
        else:
            self._refuse(Refusal(status, f"not a request in HTTP/1.1: {error}"))

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """Set the timer where an answer begins or has ended; it isn't set anew while a head comes bit by bit."""
        if self._refused or (self._timer is not None and self._was_answering == self._is_answering()):
            return
        self._was_answering = self._is_answering()
        # What still comes after an answer is a body that was refused.
        unread = self.conn.their_state is h11.SEND_BODY and not self._was_answering
        self._set_timer(LINGER_S if unread else self.limits.timeout_s)

    def _set_timer(self, seconds: float) -> None:
        self._forget_timer()
        self._unsent = self.transport.get_write_buffer_size()
        self._timer = self.loop.call_later(seconds, self._on_timer)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        """End a connection on which nothing goes on."""
        self._timer = None
        unsent = self.transport.get_write_buffer_size()
        still_reads = unsent and (not self._unsent or unsent < self._unsent)
        waits_for_us = self._is_answering() and not self.transport.is_closing()  # the gate has limits of its own
        if still_reads or waits_for_us:
            self._set_timer(self.limits.timeout_s)
        elif self._refused or unsent or self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            self.transport.abort()
        elif self.conn.trailing_data[0]:
            self._refuse(Refusal(408, f"the head did not come within {self.limits.timeout_s:g} s"))
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer outside of the application, then close."""
        self._unset_keepalive_if_required()
        self._refused = True
        if self._is_answering():  # the application need not answer any more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = {"Content-Type": "application/json", "Content-Length": str(len(refusal.body))}
            headers |= refusal.headers | {"Connection": "close"}
            whole: list[Any] = [
                h11.Response(status_code=refusal.status, headers=list(headers.items())),
                h11.Data(data=refusal.body),
                h11.EndOfMessage(),
            ]
            for event in whole:
                self.transport.write(self.conn.send(event) or b"")
            type(self).count("other", refusal.status, 0.0)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._set_timer(LINGER_S)


def connection_class(limits: Limits, count: Callable[[str, int, float], None]) -> type[Connection]:
    """Make the class of a service's connections; `count` takes path, status and seconds of what it refuses itself."""
    return type("ServiceConnection", (Connection,), {"limits": limits, "count": staticmethod(count)})
