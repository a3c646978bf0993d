"""Run folders of a stranger in which something leads out of the folder, or is no file at all."""

import os
from pathlib import Path

from hypothesis import strategies as st

from mien.core.files import write_json
from mien.core.lock import NAME
from mien.core.runs import OWN, RunDir

from .target import Target

INSIDE = (
    "eval/test",
    "eval/test/metrics.json",
    "checkpoints/last.ckpt",
    "arms/a",
    "explain/filters.npz",
    ".mien-x.tmp",
)
KINDS = ("link to a file", "link to a folder", "link to nothing", "hard link", "pipe", "folder", "file")


def targets() -> dict[str, Target]:
    """What writes into run folders, by name."""
    odd = st.tuples(st.sampled_from((NAME, *OWN, *INSIDE)), st.sampled_from(KINDS))
    return {"links": Target(st.lists(odd, min_size=1, max_size=3), _write_run)}


def _write_run(given: list[tuple[str, str]], folder: Path) -> object:
    """Write into the run; whatever happens, nothing outside it changes."""
    outside, run = folder / "outside", folder / "run"
    outside.mkdir()
    run.mkdir()
    (outside / "precious.txt").write_text("precious")
    for name, kind in given:
        _put(run / name, kind, outside)
    try:
        with RunDir(run).replacing():
            write_json(run / "config.json", {})
            RunDir(run).set_status("running")
            (run / "eval/test").mkdir(parents=True, exist_ok=True)
            write_json(run / "eval/test/metrics.json", {})
    finally:
        assert [path.name for path in outside.iterdir()] == ["precious.txt"]
        assert (outside / "precious.txt").read_text() == "precious"
    return None


def _put(path: Path, kind: str, outside: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.parent.resolve().is_relative_to(outside.parent / "run"):  # the parent is a link by now
            return
        if kind == "link to a file":
            path.symlink_to(outside / "precious.txt")
        elif kind == "link to a folder":
            path.symlink_to(outside, target_is_directory=True)
        elif kind == "link to nothing":
            path.symlink_to(outside / "none")
        elif kind == "hard link":
            path.hardlink_to(outside / "precious.txt")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.open("x").close()
    except OSError:  # the name is taken by what was put before
        return
