"""`mien predict` on a real terminal: the counts that change in place never mix with the table's rows."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pty = pytest.importorskip("pty")

PICTURES = 24


def screen(output: str) -> list[str]:
    """Return the lines that a terminal shows in the end; it knows what mien uses of its language."""
    lines = []
    for part in output.split("\n"):
        line = ""
        column = 0
        for letter in part.replace("\x1b[K", "\0"):
            if letter == "\r":
                column = 0
            elif letter == "\0":
                line = line[:column]
            else:
                line = line[:column] + letter + line[column + 1 :]
                column += 1
        lines.append(line)
    return lines[:-1]


def run_in_terminal(*arguments: str, cwd: Path) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from mien.cli.main import main; main()", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # Linux, at the end
                break
            if not read:
                break
            output += read
        code = process.wait(60)
    os.close(ours)
    return code, output.decode()


def test_counts_and_rows_do_not_mix(tmp_path: Path) -> None:
    """Large blank pictures take long enough for the counts to be shown, and those of 48 pixels give rows."""
    (tmp_path / "pics").mkdir()
    generator = np.random.default_rng(0)
    for i in range(PICTURES):
        if i % 4 == 3:
            Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(tmp_path / f"pics/{i:02}.png")
        else:
            Image.new("RGB", (3000, 3000)).save(tmp_path / f"pics/{i:02}.png")
    code, output = run_in_terminal("predict", "pics", "--threads", "1", cwd=tmp_path)
    assert code == 0, output
    assert "pictures/s" in output  # the counts were shown
    lines = screen(output.replace("\r\n", "\n"))
    shown = [line for line in lines if "too small to search" not in line]
    assert len(lines) - len(shown) == 1  # one warning for all pictures of 48 pixels
    assert shown[0].startswith("  face  expression")
    rows = shown[1:-1]
    assert [row.split()[-1] for row in rows] == [f"pics/{i:02}.png" for i in range(3, PICTURES, 4)]
    assert all(row.startswith("     1  ") for row in rows)
    assert shown[-1] == "24 pictures, 6 faces, 18 without a face"
    _, table = run_in_terminal("predict", "pics", "--threads", "1", "--quiet", cwd=tmp_path)
    assert table.splitlines() == shown[:-1]
