"""Bytes that no honest client sends."""

import socket

import pytest

from .service import Service, head, receive, wait_until
from .test_limits import PHOTO


def test_a_body_cut_off_by_a_client_that_listens(service: Service) -> None:
    with service.connected() as raw:
        raw.sendall(head(content_length=len(PHOTO)) + PHOTO[:1000])
        raw.shutdown(socket.SHUT_WR)
        answer = receive(raw)
        assert (answer.status, answer.error) == (400, "the body was cut off")


def test_a_body_cut_off_by_a_client_that_is_gone(service: Service) -> None:
    before = service.counted().get('mien_requests_total{path="/v1/predict",status="400"}', 0)
    with service.connected() as raw:
        raw.sendall(head(content_length=len(PHOTO)) + PHOTO[:1000])
    wait_until(lambda: service.counted().get('mien_requests_total{path="/v1/predict",status="400"}', 0) > before)
    assert service.get("/readyz").status == 200


def test_a_length_that_is_too_short(service: Service) -> None:
    with service.connected() as raw:
        raw.sendall(head(content_length=1000) + PHOTO)
        assert receive(raw).status == 422  # the first thousand bytes are a damaged picture
        answer = receive(raw)  # and the rest is no request
        assert answer.status == 400
        assert answer.error.startswith("not a request in HTTP/1.1: ")


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a client that speaks TLS
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",  # no host
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx",
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA\x00B: c\r\n\r\n",
    ],
)
def test_no_http(service: Service, content: bytes) -> None:
    answer = service.send(content)
    assert answer.status == 400
    assert answer.error
    assert service.get("/readyz").status == 200


def test_a_coding_that_is_not_known(service: Service) -> None:
    answer = service.send(head(transfer_encoding="gzip, chunked"))
    assert answer.status == 501
    assert answer.error.startswith("not a request in HTTP/1.1: ")


def test_old_clients(service: Service) -> None:
    assert service.send(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").status == 200
    assert service.send(b"GET /healthz HTTP/1.0\r\n\r\n").status == 400


def test_a_client_that_asks_first(service: Service) -> None:
    """`Expect: 100-continue`, as curl sends it before large bodies: refused without the body, else asked for it."""
    with service.connected() as raw:
        raw.sendall(head(content_length=10**9, expect="100-continue"))
        assert receive(raw).status == 413
    with service.connected() as raw:
        raw.sendall(head(content_length=len(PHOTO), expect="100-continue"))
        assert raw.recv(100).startswith(b"HTTP/1.1 100 ")
        raw.sendall(PHOTO)
        assert receive(raw).status == 200


def test_requests_in_a_row(service: Service) -> None:
    """Several on one connection, the next one sent before the answer to the first."""
    with service.connected() as raw:
        raw.sendall((head(content_length=len(PHOTO)) + PHOTO) * 3)
        assert [receive(raw).status for _ in range(3)] == [200, 200, 200]


def test_an_upgrade_that_there_is_not(service: Service) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
    assert service.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + upgrade).status == 200


def test_answers_are_not_held_back(service: Service) -> None:
    """Nagle's algorithm is off: with it each answer waited for the client's delayed acknowledgement."""
    with service.connected() as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert receive(raw).status == 200
        [connection] = service.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
