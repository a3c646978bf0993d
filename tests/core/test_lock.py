import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.core import lock
from mien.core.errors import DataError, StorageError, UsageError
from mien.core.lock import locked

HOLD = """
import sys
from pathlib import Path
from mien.core.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that has the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "locked\n"
    return process


def test_another_process_is_kept_out_until_it_ends(tmp_path: Path) -> None:
    process = holder(tmp_path)
    at_work = rf"^{tmp_path}: process {process.pid} on .+ is at work in it; wait for it or stop it first$"
    with pytest.raises(UsageError, match=at_work), locked(tmp_path):
        pytest.fail("two have the lock")
    process.communicate()
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.kill()
    process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == [lock.NAME]
    with locked(tmp_path):
        assert (tmp_path / lock.NAME).read_text().startswith(f"process {os.getpid()} on ")
    assert not list(tmp_path.iterdir())


KILLED_WHILE_IT_STARTS_A_PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from mien.core.lock import locked
with locked(Path(sys.argv[1])):
    if os.fork() == 0:
        time.sleep(0.2)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_process_killed_while_it_starts_another_holds_nothing_for_long(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_STARTS_A_PROGRAM, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with locked(tmp_path):
        pass


def test_the_same_process_is_kept_out_too(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UsageError, match=f"process {os.getpid()} on"), locked(tmp_path):
        pytest.fail("locked twice")
    with locked(tmp_path):
        pass


def test_an_error_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        _ = 1 / 0
    with locked(tmp_path):
        pass


def test_only_one_of_many_has_it(tmp_path: Path) -> None:
    """Each takes the lock again and again while others remove the file on their way out."""
    inside, most, entered = 0, 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, entered
        for _ in range(300):
            try:
                with locked(tmp_path):
                    with guard:
                        inside, entered = inside + 1, entered + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except UsageError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside) == (1, 0)
    assert entered
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_removed_meanwhile_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try_lock, tries = lock._try_lock, []

    def remove_first(handle: int) -> None:
        try_lock(handle)
        tries.append(handle)
        if len(tries) == 1:
            (tmp_path / lock.NAME).unlink()

    monkeypatch.setattr(lock, "_try_lock", remove_first)
    with locked(tmp_path), pytest.raises(UsageError, match="is at work"), locked(tmp_path):
        pytest.fail("two have the lock")
    assert len(tries) == 2


def refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_try_lock", lambda handle: refuse(errno.ENOLCK))
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_try_lock", lambda handle: refuse(errno.EIO))
    with pytest.raises(StorageError, match=rf"^{tmp_path}: could not be written"), locked(tmp_path):
        pytest.fail("no lock")


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none: could not be written"), locked(tmp_path / "none"):
        pytest.fail("no folder")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda handle, content: refuse(errno.ENOSPC))
    with pytest.raises(StorageError, match="No space left"), locked(tmp_path):
        pytest.fail("signed by nobody")
    assert not list(tmp_path.iterdir())


def put_link(path: Path, precious: Path) -> None:
    path.symlink_to(precious)


def put_hard_link(path: Path, precious: Path) -> None:
    path.hardlink_to(precious)


def put_pipe(path: Path, precious: Path) -> None:
    os.mkfifo(path)


def put_folder(path: Path, precious: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("put", [put_link, put_hard_link, put_pipe, put_folder])
def test_a_lock_file_that_is_none(tmp_path: Path, put: Callable[[Path, Path], None]) -> None:
    run, precious = tmp_path / "run", tmp_path / "precious.txt"
    run.mkdir()
    precious.write_text("precious")
    put(run / lock.NAME, precious)
    message = r"\.mien\.lock: not a lock file of mien, but a link, a pipe or a folder; remove it$"
    with pytest.raises(DataError, match=message), locked(run):
        pytest.fail("locked")
    assert precious.read_text() == "precious"
    assert os.path.lexists(run / lock.NAME)


def test_a_link_that_appears_just_now_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious.txt").write_text("precious")
    (tmp_path / lock.NAME).symlink_to(tmp_path / "precious.txt")
    monkeypatch.setattr(lock, "_check_own_file", lambda path: None)
    with pytest.raises(StorageError, match="could not be written"), locked(tmp_path):
        pytest.fail("locked")
    assert (tmp_path / "precious.txt").read_text() == "precious"
