"""Each limit, met and passed by one."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.runtime.detect import Detection
from mien.runtime.geometry import Box
from mien.workflows.predict import Model

from .service import Answer, Service, head, png, receive, serving, wait_until

PHOTO = png(np.random.default_rng(0).integers(0, 255, (60, 100, 3), np.uint8))


class Many:
    """A detector that finds so many faces in every picture."""

    def __init__(self, count: int) -> None:
        self.count = count

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        landmarks = np.array([[2, 3], [7, 3], [5, 5], [3, 7], [6, 7]], float)
        return [Detection(Box(float(3 * i), 0.0, 20.0, 20.0), 0.99, landmarks) for i in range(self.count)]


class Gated:
    """A detector that finds nothing, once it may."""

    def __init__(self) -> None:
        self.begun, self.may_go = threading.Semaphore(0), threading.Event()

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        self.begun.release()
        assert self.may_go.wait(20)
        return []


def test_body(small: Model) -> None:
    with serving(small, max_bytes=len(PHOTO)) as limited:
        assert limited.post("/v1/predict", PHOTO).status == 200
        sentence = f"a body of more than {len(PHOTO):,} bytes; send a smaller file"
        for path in ("/v1/predict", "/v1/faces"):
            answer = limited.post(path, PHOTO + b"x")
            assert (answer.status, answer.error) == (413, sentence)
            answer = limited.post(path, iter([PHOTO, b"x"] + [b"y" * 10_000] * 50))  # in chunks, without a length
            assert (answer.status, answer.error) == (413, sentence)
        assert limited.post("/v1/predict", iter([PHOTO[:1000], PHOTO[1000:]])).status == 200


def test_pixels(small: Model) -> None:
    for limit, status in ((6000, 200), (5999, 422)):
        with serving(small, max_pixels=limit) as limited:
            answer = limited.post("/v1/predict", PHOTO)
            assert answer.status == status
    assert answer.error == "picture 1: 100×60 pixels, at most 5,999 are read; shrink it"


def test_faces(small: Model) -> None:
    with serving(small, max_faces=1000) as limited:
        assert len(limited.post("/v1/faces", b"\7" * 1000 * 2304).json["faces"]) == 1000
        answer = limited.post("/v1/faces", b"\7" * 1001 * 2304)
        assert (answer.status, answer.error) == (422, "1,001 faces, at most 1,000 are answered; send fewer at a time")


@pytest.mark.parametrize("found", [5, 6])
def test_faces_of_a_picture(small: Model, found: int) -> None:
    with serving(small, max_faces=5, detector=Many(found)) as limited:
        answer = limited.post("/v1/predict", PHOTO)
        largest = limited.post("/v1/predict?largest=1", PHOTO)
    assert (answer.status, largest.status) == ((200, 200) if found == 5 else (422, 200))
    if found == 5:
        assert len(answer.json["faces"]) == 5
    else:
        assert answer.error == "6 faces, at most 5 are answered; send fewer at a time"


def test_queue(small: Model) -> None:
    """One request computes, two wait, and the fourth is refused before its body is read."""
    gated = Gated()
    with serving(small, detector=gated, threads=1, queue=2) as limited, ThreadPoolExecutor(3) as clients:
        asked = [clients.submit(limited.post, "/v1/predict", PHOTO)]
        gated.begun.acquire()
        asked += [clients.submit(limited.post, "/v1/predict", PHOTO) for _ in range(2)]
        wait_until(lambda: limited.get("/readyz").status == 503)
        assert b"mien_waiting 2.0" in limited.get("/metrics").body
        refused = limited.send(head(content_length=1_000_000))
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.error == "busy: 3 requests are being answered or wait; try again in a second"
        assert limited.get("/healthz").status == 200
        gated.may_go.set()
        assert [answer.result().status for answer in asked] == [200, 200, 200]
        wait_until(lambda: limited.get("/readyz").status == 200)


def test_time_of_an_answer(small: Model) -> None:
    """The client is told in time; the place is free when the work has ended."""
    gated = Gated()
    with serving(small, detector=gated, threads=1, queue=0, timeout_s=0.3) as limited:
        late = limited.post("/v1/predict", PHOTO)
        assert (late.status, late.error) == (504, "no answer within 0.3 s; send a smaller picture")
        assert limited.post("/v1/predict", PHOTO).status == 503
        gated.may_go.set()
        wait_until(lambda: limited.get("/readyz").status == 200)
        assert limited.post("/v1/predict", PHOTO).status == 200


def test_work_for_nobody_stops(small: Model) -> None:
    """After its time a request is not computed to its end: the next step finds that nobody waits."""
    gated = Gated()
    with serving(small, detector=gated, threads=1, queue=5, timeout_s=0.3) as limited, ThreadPoolExecutor(2) as clients:
        asked = [clients.submit(limited.post, "/v1/predict", PHOTO) for _ in range(2)]
        assert [answer.result().status for answer in asked] == [504, 504]
        gated.begun.acquire()
        gated.may_go.set()
        wait_until(lambda: b"mien_waiting 0.0" in limited.get("/metrics").body)
        assert limited.post("/v1/predict", PHOTO).status == 200
    begun = 0
    while gated.begun.acquire(blocking=False):
        begun += 1
    assert begun == 4  # the third alone searched in four orientations; the second was never begun


def test_connections(small: Model) -> None:
    with serving(small, connections=3) as limited:
        with limited.connected() as one, limited.connected() as two, limited.connected():
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert receive(one).status == 200  # all three are accepted by now
            refused = limited.get("/healthz")
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert refused.error == "more than 3 connections; try again in a second"
            two.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert receive(two).status == 200
        wait_until(lambda: limited.get("/healthz").status == 200)
        assert limited.counted()['mien_requests_total{path="other",status="503"}'] >= 1


def test_head_size(service: Service) -> None:
    assert service.get("/healthz", x="y" * 10_000).status == 200
    answer = service.get("/healthz", x="y" * 20_000)
    assert (answer.status, answer.error) == (431, "a head of more than 16,384 bytes; send fewer or shorter headers")


def flood(raw: socket.socket, content: bytes) -> None:
    """Send the same for ever."""
    while True:
        raw.sendall(content)


def ended(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.error


def test_a_slow_head(small: Model) -> None:
    """A client that sends one header after the other, and never the last, is told so and loses its connection."""
    with serving(small, timeout_s=0.4) as limited, limited.connected() as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                try:
                    raw.sendall(b"X: y\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert ended(receive(raw)) == (408, "the head did not come within 0.4 s")
        finally:
            stop.set()
            dripping.join()


def test_a_slow_second_head(small: Model) -> None:
    with serving(small, timeout_s=0.4) as limited, limited.connected() as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert receive(raw).status == 200
        raw.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert ended(receive(raw)) == (408, "the head did not come within 0.4 s")


def test_a_silent_client(small: Model) -> None:
    with serving(small, timeout_s=0.2) as limited, limited.connected() as raw:
        assert raw.recv(1) == b""


def test_a_slow_body(small: Model) -> None:
    with serving(small, timeout_s=0.4) as limited, limited.connected() as raw:
        raw.sendall(head(content_length=1000) + b"x" * 10)
        assert ended(receive(raw)) == (408, "the body did not come within 0.4 s")
        assert raw.recv(1) == b""  # what still came was thrown away for a moment, then it was closed


def test_a_body_that_is_refused_and_never_ends(small: Model) -> None:
    with serving(small, max_bytes=1000) as limited, limited.connected() as raw:
        raw.sendall(head(transfer_encoding="chunked"))
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, as the system likes
            flood(raw, chunk)


def test_a_reader_that_stops(small: Model) -> None:
    """A client that doesn't read its answers gets no more, and is let go."""
    with serving(small, timeout_s=0.3) as limited, limited.connected() as raw:
        with pytest.raises(OSError):  # noqa: PT011 - as above
            flood(raw, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert limited.get("/readyz").status == 200


def test_photos_without_limits_met(service: Service, portrait: Path) -> None:
    assert service.post("/v1/predict", portrait.read_bytes()).status == 200
