"""The service under load, beside a bare FastAPI handler that does the same work; and minutes of mixed requests.

`python benchmarks/serve.py photo.jpg`: requests a second and latencies of crops and photos at 1, 16 and 64 connections,
by `hey` (Debian's package), in turns with the bare handler.

`python benchmarks/serve.py photo.jpg --mixed 600`: good, bad, slow and cut-off requests for so many seconds, then
SIGTERM in the middle; fails at a 500, at a refusal without a sentence, and where memory grows.
"""

import argparse
import csv
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import numpy as np

CONNECTIONS = (1, 16, 64)
BARE = """
import os, sys, json
from concurrent.futures import ThreadPoolExecutor
import asyncio, uvicorn, mien
from fastapi import FastAPI, Request, Response
from mien.core.images import decode_colour
from mien.runtime.pipeline import classify_faces, find_and_classify
from mien.runtime.results import Picture
import numpy as np
model = mien.load(threads=1); detector = model.detector; pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
app = FastAPI()
def answer(results):
    records = [record for result in results for record in result.records()]
    return json.dumps({"faces": records}, ensure_ascii=False).encode()
def look(data):
    picture = Picture("picture 1", decode_colour(data))
    found = find_and_classify(model, [picture], labels=model.classes, detector=detector, margin=model.crop_margin)
    return answer(list(found))
def crops(data):
    images = np.frombuffer(data, np.uint8).reshape(-1, 48, 48)
    ids = [str(i + 1) for i in range(len(images))]
    return answer(list(classify_faces(model, images, ids, labels=model.classes, source="faces")))
@app.post("/v1/predict")
async def predict(request: Request):
    data = await request.body()
    return Response(await asyncio.get_running_loop().run_in_executor(pool, look, data), media_type="application/json")
@app.post("/v1/faces")
async def faces(request: Request):
    data = await request.body()
    return Response(await asyncio.get_running_loop().run_in_executor(pool, crops, data), media_type="application/json")
@app.get("/readyz")
async def ready(): return {}
print("http://127.0.0.1:%d" % int(sys.argv[1]), flush=True)
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False, loop="asyncio", http="h11")
"""
MIEN = "import sys; from mien.cli.main import main; sys.argv = ['mien', 'serve', *sys.argv[1:]]; main()"


@contextmanager
def running(code: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a service; gives its address."""
    line = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        try:
            yield address, process
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def memory_mb(pid: int, name: str = "VmRSS") -> float:
    """The memory of a process; `VmHWM` is its peak."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1000  # type: ignore[index]


def cpu_s(pid: int) -> float:
    """The processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hey(url: str, body: Path, *, connections: int, seconds: float) -> dict[str, float]:
    """Load a service; the latencies are in milliseconds."""
    line = ["hey", "-z", f"{seconds:g}s", "-c", str(connections), "-m", "POST", "-T", "application/octet-stream"]
    line += ["-o", "csv", "-D", str(body), url]
    begun_s = time.monotonic()
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    passed_s = time.monotonic() - begun_s
    rows = list(csv.DictReader(io.StringIO(said)))
    codes = {row["status-code"] for row in rows}
    if codes != {"200"}:
        raise SystemExit(f"{url}: answered {codes}")
    times_ms = [1000 * float(row["response-time"]) for row in rows]
    shares = dict(zip(("p50", "p95", "p99"), np.percentile(times_ms, (50, 95, 99)).tolist(), strict=True))
    return {"a second": len(rows) / passed_s, "requests": len(rows), **shares}


def compare(photo: Path, *, seconds: float, rounds: int) -> None:
    """Measure both services in turns, and print the medians over the rounds."""
    folder = Path(tempfile.mkdtemp())
    crop = folder / "faces.bin"
    crop.write_bytes(np.random.default_rng(0).integers(0, 255, 48 * 48, np.uint8).tobytes())
    flags = ("--port", "0", "--queue", "200", "--connections", "200")
    with running(MIEN, *flags) as (ours, one), running(BARE, str(free_port())) as (bare, two):
        services = {"mien serve": (ours, one.pid), "bare FastAPI": (bare, two.pid)}
        print("kind, connections, service: requests/s, p50, p95, p99 in ms, processor ms a request, memory MB")
        for kind, path, body in (("crop", "/v1/faces", crop), ("photo", "/v1/predict", photo)):
            for connections in CONNECTIONS:
                lines: dict[str, list[dict[str, float]]] = {name: [] for name in services}
                for turn in range(rounds + 1):  # the first warms up
                    for name, (address, pid) in services.items():
                        before = cpu_s(pid)
                        found = hey(address + path, body, connections=connections, seconds=seconds)
                        found["cpu"] = 1000 * (cpu_s(pid) - before) / found["requests"]
                        found["memory"] = memory_mb(pid)
                        if turn:
                            lines[name].append(found)
                shown = {}
                for name, measured in lines.items():
                    shown[name] = {key: median(one[key] for one in measured) for key in measured[0]}
                    numbers = [shown[name][key] for key in ("a second", "p50", "p95", "p99", "cpu", "memory")]
                    print(f"{kind}, {connections}, {name}: {', '.join(f'{number:.2f}' for number in numbers)}")
                more = shown["mien serve"]["cpu"] / shown["bare FastAPI"]["cpu"] - 1
                less = shown["bare FastAPI"]["a second"] / shown["mien serve"]["a second"] - 1
                print(
                    f"{kind}, {connections}: {100 * more:+.1f} % processor time, {100 * less:+.1f} % time", flush=True
                )


class Clients:
    """Many clients, good and bad, until they are stopped; counts what they are told."""

    def __init__(self, address: str, photo: bytes) -> None:
        self.host, _, port = address.removeprefix("http://").partition(":")
        self.port, self.photo = int(port), photo
        self.counts: Counter[tuple[str, str]] = Counter()
        self.faults: list[str] = []
        self.stop = threading.Event()

    def work(self, seed: int) -> None:
        """Do one thing after the other."""
        chance = random.Random(seed)
        kinds = list(self.kinds())
        while not self.stop.is_set():
            kind = chance.choice(kinds)
            try:
                told = self.ask(*self.kinds()[kind], chance=chance)
            except OSError as error:
                told = type(error).__name__
            self.counts[kind, told] += 1

    def kinds(self) -> Mapping[str, tuple[bytes, str]]:
        """What is sent, and how: whole, slowly, or cut off."""

        def post(path: str, body: bytes, *, length: int | None = None, more: str = "") -> bytes:
            size = len(body) if length is None else length
            return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{more}\r\n".encode() + body

        get = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        chunks = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        return {
            "photo": (post("/v1/predict", self.photo), "whole"),
            "explained": (post("/v1/predict?explain=1", self.photo), "whole"),
            "crops": (post("/v1/faces", b"\x40" * 2304 * 8), "whole"),
            "the page": (get % b"/", "whole"),
            "the page, not read": (get % b"/", "cut"),
            "metrics": (get % b"/metrics", "whole"),
            "no picture": (post("/v1/predict", b"x" * 5000), "whole"),
            "damaged": (post("/v1/predict", self.photo[: len(self.photo) // 2]), "whole"),
            "no option": (post("/v1/predict?x=1", b""), "whole"),
            "1,001 faces": (post("/v1/faces", b"\x40" * 2304 * 1001), "whole"),
            "multipart": (post("/v1/predict", b"x", more="Content-Type: multipart/form-data\r\n"), "whole"),
            "too large": (post("/v1/predict", b"", length=10**9), "whole"),
            "chunks too large": (chunks + (b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n") * 20, "whole"),
            "wrong host": (get.replace(b"localhost", b"evil.example") % b"/healthz", "whole"),
            "no path": (get % b"/none", "whole"),
            "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00", "whole"),
            "slow head": (get[:30], "slow"),
            "slow body": (post("/v1/predict", b"x" * 10, length=5000), "slow"),
            "cut off": (post("/v1/predict", self.photo[:1000], length=len(self.photo)), "cut"),
        }

    def ask(self, content: bytes, how: str, *, chance: random.Random) -> str:
        """Send bytes; returns the status and, of a refusal, its sentence without numbers."""
        with socket.create_connection((self.host, self.port), timeout=60) as raw:
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # refused before all was sent; the answer may be there
                raw.sendall(content)
            if how == "cut":
                time.sleep(chance.random() / 10)
                return "left"
            received = b""
            while b"\r\n\r\n" not in received or len(received) < whole_length(received):
                part = raw.recv(1_000_000)
                if not part:
                    return f"closed after {len(received)} bytes"
                received += part
        status = received.split()[1].decode()
        if status.startswith(("2", "3")):
            return status
        sentence = json.loads(received.partition(b"\r\n\r\n")[2])["error"]
        if status == "500" or not sentence:
            self.faults.append(f"{status}: {sentence}")
        return f"{status} {re.sub('[0-9,.]+', 'N', sentence)[:60]}"


def whole_length(received: bytes) -> int:
    """How long an answer is that has begun."""
    head, _, _ = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return len(head) + 4 + int(length[1] if length else 0)


def mixed(photo: Path, *, seconds: float, clients: int) -> None:
    """Let many clients do all kinds of things, then end the service while they do."""
    with running(MIEN, "--port", "0", "--timeout", "3", "--connections", str(clients)) as (address, process):
        many = Clients(address, photo.read_bytes())
        threads = [threading.Thread(target=many.work, args=[seed]) for seed in range(clients)]
        for thread in threads:
            thread.start()
        memory = []
        begun_s = time.monotonic()
        while (passed := time.monotonic() - begun_s) < seconds and process.poll() is None:
            time.sleep(min(seconds / 10, seconds - passed))
            memory.append(memory_mb(process.pid))
            files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
            print(f"{time.monotonic() - begun_s:.0f} s: {memory[-1]:.0f} MB, {files} open files", flush=True)
        peak = memory_mb(process.pid, "VmHWM")
        begun_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        print(f"SIGTERM: exit code {code} after {time.monotonic() - begun_s:.1f} s; peak memory {peak:.0f} MB")
        many.stop.set()
        for thread in threads:
            thread.join()
    for (kind, told), count in sorted(many.counts.items()):
        print(f"{count:7,}  {kind}: {told}")
    grown = memory[-1] / memory[len(memory) // 3] - 1
    print(f"{sum(many.counts.values()):,} requests; memory from a third of the time to its end: {100 * grown:+.1f} %")
    if many.faults or code != 0 or grown > 0.1:
        raise SystemExit(f"faults: {many.faults[:10]}, exit code {code}, memory {100 * grown:+.1f} %")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mixed", type=float, metavar="SECONDS", help="good and bad requests for so long")
    parser.add_argument("--clients", type=int, default=24)
    given = parser.parse_args()
    if given.mixed:
        mixed(given.photo, seconds=given.mixed, clients=given.clients)
    else:
        compare(given.photo, seconds=given.seconds, rounds=given.rounds)


if __name__ == "__main__":
    main()
