"""A service in a thread of the test, and clients: an honest one, and one that writes its own bytes."""

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from mien.runtime.detect import Detector
from mien.serving.app import make_app
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.scorer import Scorer
from mien.serving.server import listen, make_config
from mien.workflows.predict import Model

PATIENCE_S = 20.0
"""A test that waits for so long fails."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of a refusal, which has nothing else."""
        assert self.headers["content-type"] == "application/json"
        [(name, sentence)] = self.json.items()
        assert name == "error"
        return str(sentence)


class Service:
    """A running service."""

    def __init__(self, server: uvicorn.Server, port: int) -> None:
        self.server, self.port = server, port

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request by Python's own client."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            client.request(method, path, body, dict(headers or {}))
            return read_answer(client.getresponse())
        finally:
            client.close()

    def post(self, path: str, body: Any = b"", **headers: str) -> Answer:
        return self.ask("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Connect, to send bytes that no honest client sends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as raw:
            yield raw

    def send(self, content: bytes) -> Answer:
        """Send bytes as they are, and read the answer."""
        with self.connected() as raw:
            raw.sendall(content)
            return receive(raw)

    def counted(self, **headers: str) -> dict[str, float]:
        """The lines of /metrics that count requests."""
        lines = self.get("/metrics", **headers).body.decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if "requests_total{" in line}


def receive(raw: socket.socket) -> Answer:
    """Read the answer on a connection, and nothing of the next one."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = raw.recv(1)
        assert part, f"closed after {head!r}"
        head += part
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
    body = b""
    while len(body) < int(headers["content-length"]):
        part = raw.recv(int(headers["content-length"]) - len(body))
        assert part, f"closed after {body!r}"
        body += part
    return Answer(int(first.split()[1]), headers, body)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@contextmanager
def serving(
    model: Model,
    *,
    detector: Detector | None = None,
    token: str | None = None,
    hosts: Collection[str] = (),
    threads: int = 1,
    make_page: Callable[[], str] = lambda: "<p>a page</p>",
    **limits: Any,
) -> Iterator[Service]:
    """Run a service."""
    chosen, metrics = Limits(**limits), Metrics()
    scorer = Scorer(model, detector or model.detector, chosen)
    app = make_app(scorer, chosen, threads=threads, metrics=metrics, token=token, hosts=hosts, make_page=make_page)
    with listen("127.0.0.1", 0) as opened:
        server = uvicorn.Server(make_config(app, chosen, metrics))
        thread = threading.Thread(target=server.run, args=[[opened]])
        port = opened.getsockname()[1]
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Service(server, port)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def wait_until(happened: Any) -> None:
    """Wait until something has happened."""
    end_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end_s, "waited for too long"
        time.sleep(0.01)


def png(pixels: NDArray[np.uint8], kind: str = "PNG", **more: Any) -> bytes:
    """A picture file of these pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **more)
    return buffer.getvalue()


def head(path: str = "/v1/predict", **headers: object) -> bytes:
    """The head of a POST, written by hand."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
