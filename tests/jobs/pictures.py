"""Pictures for jobs, drawn by mien itself, and ways to kill the processes that work on them."""

import io
from pathlib import Path

from PIL import Image

from mien.synthetic.faces import draw_faces

KILLER = """
import os
import PIL.Image
opened = PIL.Image.open
def open_or_die(file, *args, **named):
    content = file.read() if hasattr(file, "read") else open(file, "rb").read()
    if hasattr(file, "seek"):
        file.seek(0)
    marker = {marker!r}
    if content.startswith(b"POISON") and not (marker and os.path.exists(marker)):
        if marker:
            open(marker, "w").close()
        os._exit(9)
    return opened(file, *args, **named)
PIL.Image.open = open_or_die
"""
"""Run by each new Python process before anything else: one that opens a file of poison dies at once."""


def picture(number: int) -> bytes:
    """Return a PNG of a drawn face, another one for each number."""
    face = draw_faces(1, seed=number)[0].images[0]
    content = io.BytesIO()
    Image.fromarray(face).save(content, "PNG")
    return content.getvalue()


def make_folder(folder: Path, *, count: int) -> Path:
    """Make a folder of so many pictures."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(picture(number))
    return folder


def kill_at_poison(folder: Path, *, marker: str = "") -> Path:
    """Return a folder for PYTHONPATH, with which processes die at a poisonous picture; with a marker only the first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(KILLER.format(marker=marker))
    return folder
