"""`mien serve` as a command: what it refuses, what it prints, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import Mien

COMMAND = "import sys; from mien.cli.main import main; sys.argv[0] = 'mien'; main()"


@contextmanager
def served(*flags: str, before: str = "", **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the command in a process of its own; gives its address."""
    line = [sys.executable, "-c", before + COMMAND, "serve", "--port", "0", "--model", "mien-n", *flags]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=os.environ | environment) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@pytest.mark.parametrize("flags", ["--host 0.0.0.0", "--host ::", "--host 192.0.2.1"])
def test_a_host_for_all_needs_a_token(mien: Mien, monkeypatch: pytest.MonkeyPatch, flags: str) -> None:
    monkeypatch.delenv("MIEN_TOKEN", raising=False)
    done = mien("serve", *flags.split())
    assert (done.code, done.out) == (2, "")
    assert "can be reached from other machines, so clients need a token: MIEN_TOKEN or --token-file" in done.err


@pytest.mark.parametrize("text", ["", "a b", "zwei\nZeilen", "tökén", "x" * 5000 + " "])
def test_what_is_no_token(mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text + "\n", encoding="utf-8")
    done = mien("serve", "--token-file", "token")
    assert (done.code, done.err.partition(";")[0]) == (2, "mien: token: not a token")
    monkeypatch.setenv("MIEN_TOKEN", text)
    done = mien("serve")
    assert (done.code, done.err.partition(";")[0]) == (2, "mien: MIEN_TOKEN: not a token")


def test_no_token_file(mien: Mien) -> None:
    done = mien("serve", "--token-file", "none")
    assert (done.code, done.err) == (3, "mien: --token-file none: can't be read (No such file or directory)\n")


def test_hosts_and_ports_that_can_not_be(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_TOKEN", "abc")
    for host in ("192.0.2.1", "no.such.host.invalid", "a b", "x" * 300):
        done = mien("serve", "--host", host)
        assert (done.code, done.out) == (2, "")
        assert f"--host {host}: " in done.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = mien("serve", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"mien: --port {port} of 127.0.0.1 is taken by another program; choose another, or 0 for any\n"


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\nfrom mien.cli.main import run; sys.exit(run(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith(f"mien: this needs {package}: pip install 'mien[serve]'")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_its_life(portrait: Path, how: signal.Signals) -> None:
    """The address alone is printed, a picture leaves no trace, and it ends by a signal."""
    with served() as (address, process):
        answer = urllib.request.urlopen(f"{address}/v1/predict", portrait.read_bytes(), timeout=30)
        assert len(json.load(answer)["faces"]) == 1
        answer.close()
        process.send_signal(how)
        out, err = process.communicate(timeout=30)
    expected = (0, "") if how == signal.SIGTERM else (130, "mien: interrupted\n")
    assert (process.returncode, out, err) == (expected[0], "", expected[1])


WATCH = "import sys; sys.addaudithook(lambda e, args: e == 'socket.connect' and print(e, args, file=sys.stderr)); "


def test_it_connects_to_nobody(portrait: Path) -> None:
    """Not even where the environment asks FastAPI to report to somebody."""
    with socket.create_server(("127.0.0.1", 0)) as collector:
        there = f"http://127.0.0.1:{collector.getsockname()[1]}"
        asks = {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": there, "WEB_CONCURRENCY": "3"}
        with served(before=WATCH, **asks) as (address, process):
            for path in ("/v1/predict", "/v1/predict?x=1", "/none"):
                try:
                    urllib.request.urlopen(address + path, portrait.read_bytes(), timeout=30).close()
                except urllib.error.HTTPError as refused:
                    refused.close()
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        collector.setblocking(False)
        with pytest.raises(BlockingIOError):
            collector.accept()


def test_a_signal_while_it_answers(portrait: Path) -> None:
    """What is asked is answered first; new clients are not."""
    photo = portrait.read_bytes()
    with served() as (address, process):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            raw.sendall(f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(photo)}\r\n\r\n".encode())
            raw.sendall(photo[:1000])
            urllib.request.urlopen(f"{address}/healthz", timeout=30).close()
            process.send_signal(signal.SIGTERM)
            while True:
                try:
                    socket.create_connection((host, int(port)), timeout=30).close()
                except OSError:  # refused; or the system closes what nobody accepted
                    break
                time.sleep(0.02)
            raw.sendall(photo[1000:])
            received = b""
            while part := raw.recv(65536):
                received += part
        out, err = process.communicate(timeout=30)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b'"label"' in received
    assert (process.returncode, out, err) == (0, "", "")


def test_a_signal_while_a_client_sleeps() -> None:
    """A client that never ends its request can't keep the service alive."""
    with served("--timeout", "1") as (address, process):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            raw.sendall(f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n".encode())
            urllib.request.urlopen(f"{address}/healthz", timeout=30).close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0


def test_the_address_as_json() -> None:
    with served("--json") as (first, process):
        process.send_signal(signal.SIGTERM)  # the address is printed once it may come
        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        found = json.loads(first + process.stdout.read())
    assert found["address"].startswith("http://127.0.0.1:")
    assert found["model"]["name"] == "mien-n"


def test_a_token_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    with served("--host", "0.0.0.0", "--token-file", str(tmp_path / "token"), MIEN_TOKEN="other") as (address, _):
        wrong = urllib.request.Request(f"{address}/v1/model", headers={"Authorization": "Bearer other"})
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(wrong, timeout=30)
        refused.value.close()
        right = urllib.request.Request(f"{address}/v1/model", headers={"Authorization": "Bearer s3cret"})
        with urllib.request.urlopen(right, timeout=30) as answer:
            assert json.load(answer)["model"]["name"] == "mien-n"


def test_the_browser(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("mien.serving.server.serve", lambda *_, announce: announce())
    done = mien("serve", "--port", 0, "--model", "mien-n", "--open")
    assert done.code == 0
    assert opened == [done.out.strip()]


def test_flags_arrive(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    def make(scorer: object, limits: object, **others: object) -> None:
        given.update(others, limits=limits)
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.serving.app.make_app", make)
    flags = "--max-bytes 1 --max-pixels 2 --max-faces 3 --queue 4 --connections 5 --timeout 6.5 --threads 7"
    assert mien("serve", *flags.split(), "--allowed-host", "A.org", "--allowed-host", "b.org").code == 130
    from mien.serving.limits import Limits

    assert given["limits"] == Limits(max_bytes=1, max_pixels=2, max_faces=3, queue=4, connections=5, timeout_s=6.5)
    assert (given["threads"], given["hosts"], given["token"]) == (7, ["127.0.0.1", "a.org", "b.org"], None)
    assert mien("serve").code == 130
    assert given["limits"] == Limits()
