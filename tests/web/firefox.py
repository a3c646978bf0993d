"""Firefox, driven by what it speaks itself (Marionette): JSON lists through a socket, each with its length in front."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from .browser import PATIENCE_MS

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


class Firefox:
    """A Firefox that runs.

    Attributes:
        downloads: the folder in which it saves files.
    """

    def __init__(self, stream: IO[bytes], downloads: Path) -> None:
        self.downloads = downloads
        self._stream = stream
        self._count = 0
        self._read()  # it says what it is
        self.ask("WebDriver:NewSession")

    def ask(self, command: str, **parameters: Any) -> Any:
        """Give a command of WebDriver, and return what it answers."""
        self._count += 1
        text = json.dumps([0, self._count, command, parameters]).encode()
        self._stream.write(b"%d:%s" % (len(text), text))
        self._stream.flush()
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            byte = self._stream.read(1)
            assert byte, "Firefox has ended"
            digits += byte
        return json.loads(self._stream.read(int(digits[:-1])))

    def run(self, script: str) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.ask("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def wait_for(self, condition: str, *, timeout_s: float = PATIENCE_MS / 1000) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + timeout_s
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, f"not within {timeout_s} s: {condition}"
            time.sleep(0.2)

    def choose(self, selector: str, files: Sequence[Path]) -> None:
        """Choose files in an input."""
        [element] = self.ask("WebDriver:FindElement", using="css selector", value=selector)["value"].values()
        self.ask("WebDriver:ElementSendKeys", id=element, text="\n".join(map(str, files)))


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox with a profile of its own in a new folder; skips where there is none."""
    if FIREFOX is None:
        pytest.skip("no Firefox: apt install firefox-esr")
    downloads, profile = folder / "downloads", folder / "profile"
    downloads.mkdir(parents=True)
    profile.mkdir()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    settings = {"marionette.port": port, "browser.download.folderList": 2, "browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
    (profile / "user.js").write_text("".join(lines))
    line = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with _connected(port) as connection, connection.makefile("rwb") as stream:
                yield Firefox(stream, downloads)
        finally:
            process.terminate()


def _connected(port: int) -> socket.socket:
    """Connect as soon as Firefox listens."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=120)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
