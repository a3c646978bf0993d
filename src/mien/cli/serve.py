"""`mien serve`."""

import os
import re
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli import console, flags, service_flags
from mien.cli.main import app
from mien.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from mien.serving.limits import Limits

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,1000}=*")
"""What a token may be made of (RFC 6750, 2.1)."""


@app.command()
def serve(
    *,
    model: flags.Bundle = None,
    host: service_flags.Host = "127.0.0.1",
    port: service_flags.Port = 8000,
    open_: service_flags.Open = False,
    token_file: service_flags.TokenFile = None,
    allowed_host: service_flags.AllowedHost = None,
    max_bytes: service_flags.MaxBytes = 16_000_000,
    max_pixels: service_flags.MaxPixels = 32_000_000,
    max_faces: service_flags.MaxFaces = 1000,
    queue: service_flags.Queue = 16,
    connections: service_flags.Connections = 100,
    timeout: service_flags.Timeout = 30.0,
    precision: flags.BundlePrecision = None,
    device: flags.Device = None,
    threads: flags.Threads = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Answer requests over HTTP: faces found and classified, on this machine, with nothing kept.

    It prints its address, and ends with Ctrl+C or SIGTERM, after it has answered what it was asked.

    Examples:
    * `mien serve`
    * `curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/predict`
    * `MIEN_TOKEN=… mien serve --host 0.0.0.0 --allowed-host faces.example.org`
    """
    from mien.serving.limits import Limits

    limits = Limits(
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        max_faces=max_faces,
        queue=queue,
        connections=connections,
        timeout_s=timeout,
    )
    token = _token(token_file)
    _serve(
        model,
        limits,
        host=host,
        port=port,
        open_=open_,
        token=token,
        allowed_hosts=allowed_host or [],
        precision=precision,
        device=device,
        threads=threads,
        json=json,
    )


def _serve(
    name: str | None,
    limits: "Limits",
    *,
    host: str,
    port: int,
    open_: bool,
    token: str | None,
    allowed_hosts: list[str],
    precision: flags.BundlePrecision,
    device: str | None,
    threads: int | None,
    json: bool,
) -> None:
    from mien.core.bundle import Bundle, shipped, weights
    from mien.runtime.devices import usable_cores
    from mien.serving.app import make_app
    from mien.serving.metrics import Metrics
    from mien.serving.scorer import Scorer
    from mien.serving.server import address_of, is_loopback, listen, serve
    from mien.workflows.page import html_page
    from mien.workflows.predict import load

    if token is None and not is_loopback(host):
        raise UsageError(
            f"--host {host} can be reached from other machines, so clients need a token: MIEN_TOKEN or --token-file; "
            "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"
        )
    # Each request is computed by one thread; several at once need no more.
    classifier = load(name, precision=precision or "default", threads=1, device=device or "auto")
    classifier.warn()
    metrics = Metrics()
    made = make_app(
        Scorer(classifier, classifier.detector, limits),
        limits,
        threads=threads or usable_cores(),
        metrics=metrics,
        token=token,
        hosts=[host.lower(), *(allowed.lower() for allowed in allowed_hosts)],
        make_page=lambda: html_page([classifier.bundle, *(Bundle.open(weights() / name) for name in shipped())]),
    )
    with listen(host, port) as opened:
        address = address_of(opened)

        def announce() -> None:
            if json:
                console.print_json({"address": address, "model": classifier.id.to_dict()})
            else:
                print(address)
            sys.stdout.flush()
            if open_:
                threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
            console.set_quiet(True)  # what the library says about a picture is not for the log

        serve(made, opened, limits, metrics, announce=announce)


def _token(file: Path | None) -> str | None:
    """Return what clients must know: the file's only line, or `MIEN_TOKEN`.

    Raises:
        DataError: the file can't be read.
        UsageError: it is no token.
    """
    name, text = "MIEN_TOKEN", os.environ.get("MIEN_TOKEN")
    if file is not None:
        name = str(file)
        try:
            with file.open("rb") as opened:
                text = opened.read(2000).decode("ascii", "replace").strip()
        except OSError as error:
            raise DataError(f"--token-file {file}: can't be read ({error.strerror})") from None
    if text is None:
        return None
    if not TOKEN.fullmatch(text):
        raise UsageError(f"{name}: not a token; expected one line of letters, digits and -._~+/ without blanks")
    return text
