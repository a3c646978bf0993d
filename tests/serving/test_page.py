"""The page at `/`."""

import socket

from mien.workflows.predict import Model

from .service import serving, wait_until

LONG = "<p>" + "a page " * 2_000_000


def test_it_is_made_once_and_cached(small: Model) -> None:
    made = []

    def make() -> str:
        made.append(None)
        return LONG

    with serving(small, make_page=make) as service:
        assert not made  # only when somebody asks for it
        first = service.get("/")
        assert (first.status, first.body.decode()) == (200, LONG)
        assert first.headers["content-type"] == "text/html; charset=utf-8"
        assert first.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert int(first.headers["content-length"]) == len(LONG)
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            again = service.get("/", if_none_match=known)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert service.get("/", if_none_match='"other"').body.decode() == LONG
        assert len(made) == 1


def rest_of(raw: socket.socket) -> int:
    """How many bytes still come until the connection is closed."""
    length = 0
    try:
        while part := raw.recv(1_000_000):
            length += len(part)
    except ConnectionResetError:
        pass
    return length


def test_a_reader_that_stops_in_the_middle(small: Model) -> None:
    with serving(small, make_page=lambda: LONG, timeout_s=0.3) as service, service.connected() as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 OK")
        wait_until(lambda: not service.server.server_state.connections)
        assert rest_of(raw) < len(LONG)
        assert service.get("/readyz").status == 200
