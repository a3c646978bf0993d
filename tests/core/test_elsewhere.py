"""What Windows, macOS and shared disks do otherwise, imitated by calls that answer as they would."""

import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mien.cli import main
from mien.core import files
from mien.core.errors import StorageError, UsageError
from mien.core.files import write_atomic
from mien.core.run_names import check_name
from mien.training import provenance
from mien.training.callbacks import History


def refusing(times: int) -> Any:
    """Return a `Path.replace` that another program hinders so many times."""
    replace, left = Path.replace, [times]

    def hindered(self: Path, target: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        return replace(self, target)

    return hindered


def test_a_file_that_is_open_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.sys, "platform", "win32")
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    monkeypatch.setattr(Path, "replace", refusing(3))
    write_atomic(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_file_that_stays_open_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr(Path, "replace", refusing(99))
    with pytest.raises(StorageError, match=r"a\.csv: could not be written .*; close it where it is open in another"):
        write_atomic(tmp_path / "a.csv", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_table_that_somebody_looks_at_does_not_stop_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    history = History(tmp_path, epochs=2, batch=8)
    monkeypatch.setattr(Path, "replace", refusing(1))
    with caplog.at_level(logging.WARNING):
        history._write("metrics.csv", [{"epoch": 1}])
    assert "metrics.csv: could not be written" in caplog.text
    assert caplog.text.rstrip().endswith("; the training goes on")
    history._write("metrics.csv", [{"epoch": 1}, {"epoch": 2}])
    assert (tmp_path / "metrics.csv").read_text() == "epoch\n1\n2\n"


def test_a_full_disk_still_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="free some space"):
        History(tmp_path, epochs=2, batch=8)._write("metrics.csv", [{"epoch": 1}])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sync of folders")
@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBADF, errno.ENOTSUP])
def test_a_shared_disk_that_can_not_sync_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    sync = os.fsync

    def only_files(handle: int) -> None:
        if os.fstat(handle).st_mode & 0o040000:
            raise OSError(code, os.strerror(code))
        sync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write_atomic(tmp_path / "a.txt", "kept")
    assert (tmp_path / "a.txt").read_text() == "kept"


def test_a_disk_without_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    write_atomic(tmp_path / "a.txt", "kept")
    assert (tmp_path / "a.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["con", "NUL", "aux.1", "lpt9", "a."])
def test_names_that_windows_does_not_know(name: str) -> None:
    with pytest.raises(UsageError, match="Windows has no folder that is called so"):
        check_name(name)


@pytest.mark.parametrize("error", [PermissionError, NotADirectoryError, FileNotFoundError])
def test_a_git_that_can_not_be_started(monkeypatch: pytest.MonkeyPatch, error: type[OSError]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert provenance._git_commit() is None


def test_a_closed_pipe_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = OSError(errno.EINVAL, "Invalid argument")
    assert not main._is_closed_pipe(closed)
    monkeypatch.setattr(main.sys, "platform", "win32")
    assert main._is_closed_pipe(closed)
    assert main._is_closed_pipe(BrokenPipeError())


def test_an_interpreter_whose_ctrl_c_is_not_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.training.fit import _undisturbed

    set_to: list[object] = []
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda _, handler: set_to.append(handler))
    with _undisturbed():
        pass
    assert set_to == []
