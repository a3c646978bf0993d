import io
import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.core import files
from mien.core.arrays import read_arrays, write_arrays
from mien.core.errors import DataError, StorageError
from mien.core.files import (
    is_file,
    parse_json,
    read_json,
    remove_leftovers,
    replacing_folder,
    write_atomic,
    write_json,
)

WRITE = """
import sys
from pathlib import Path
from mien.core.errors import StorageError
from mien.core.files import write_atomic
try:
    write_atomic(Path(sys.argv[1]), b"new" * 100_000)
except StorageError as error:
    print(error)
    sys.exit(7)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_bytes_and_folders(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a/b.txt", "hé")
    write_atomic(tmp_path / "a/b.bin", b"\x00")
    assert (tmp_path / "a/b.txt").read_bytes() == "hé".encode()
    (tmp_path / "plain").touch()
    assert (tmp_path / "a/b.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert names(tmp_path / "a") == ["b.bin", "b.txt"]


def test_the_user_says_who_may_read(tmp_path: Path) -> None:
    code = f"import os; os.umask(0o077); {WRITE}"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def write_in_little_space(path: Path, *, limit: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", limit + WRITE, str(path)], capture_output=True, text=True, check=False)


def test_a_quota_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.bin"
    path.write_bytes(b"old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    done = write_in_little_space(path, limit=limit)
    assert done.returncode == 7, done.stderr
    assert f"{path}: could not be written" in done.stdout
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["kept.bin"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk here")
    try:
        (disk / "kept.bin").write_bytes(b"old")
        done = write_in_little_space(disk / "kept.bin")
        assert done.returncode == 7, done.stderr
        assert f"{disk / 'kept.bin'}: could not be written (No space left on device)" in done.stdout
        assert (disk / "kept.bin").read_bytes() == b"old"
        assert names(disk) == ["kept.bin"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/inside\.txt: could not be written"):
        write_atomic(tmp_path / "file/inside.txt", "x")


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match=r"taken: could not be written .* --out"):
        write_atomic(tmp_path / "taken", "x")
    assert names(tmp_path) == ["taken"]


def test_an_old_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a long old text")
    with path.open() as reader:  # who reads while it is written sees the old content
        write_atomic(path, "new")
        assert reader.read() == "a long old text"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("no number")])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: OSError) -> None:
    def fail(*_: object) -> None:
        raise error

    path = tmp_path / "kept"
    path.write_text("old")
    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(StorageError, match=re.escape(f"{path}: could not be written ({error.strerror or error})")):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["kept"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "kept").write_text("old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "kept", "new")
    assert (tmp_path / "kept").read_text() == "old"
    assert names(tmp_path) == ["kept"]


def test_a_name_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / ("很" * 83 + ".json")  # 254 bytes; file systems take 255
    write_json(path, 1)
    assert path.read_text() == "1\n"


KILLED = """
import os, signal, sys
from pathlib import Path
from mien.core import files
def kill(handle):
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = kill
files.write_atomic(Path(sys.argv[1]), "new" * 100)
"""


def test_what_a_killed_process_leaves_is_removed(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "kept")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "kept").read_text() == "old"
    half, kept = names(tmp_path)
    assert re.fullmatch(r"\.mien-\w+\.tmp", half)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [kept]


def test_leftovers_that_can_not_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(30, "Read-only file system")

    (tmp_path / ".mien-1.tmp").write_text("half")
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match=r"\.mien-1\.tmp: could not be written \(Read-only"):
        remove_leftovers(tmp_path)


def test_a_rename_outlasts_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the content reaches the disk, then the name."""
    done: list[str] = []

    def note(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        done.append(f"{'folder' if folder else 'file'}, {'new' if (tmp_path / 'a').exists() else 'no'} name")

    monkeypatch.setattr(os, "fsync", note)
    write_atomic(tmp_path / "a", "x")
    assert done == ["file, no name", "folder, new name"]


def test_json_is_strict(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ü": [1, None]})
    assert (tmp_path / "a.json").read_text() == '{\n  "ü": [\n    1,\n    null\n  ]\n}\n'
    for value in ("nan", "inf"):
        with pytest.raises(ValueError, match="JSON"):
            write_json(tmp_path / "a.json", {"loss": [float(value)]})
    assert "ü" in (tmp_path / "a.json").read_text()
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested more than 64 levels"),
        ('{"a":' * 70 + "1" + "}" * 70, "nested more than 64 levels"),
        ('{"a": NaN}', "NaN, expected a number"),
        ('{"a": -Infinity}', "Infinity, expected a number"),
        ('{"a": 1e999}', "1e999, expected a number"),
        (f'{{"a": {"9" * 5000}}}', "a number of 5,000 digits"),
        (r'{"a": "\ud800"}', "surrogates not allowed"),
        ('{"a": "\0"}', "control character"),
        ("[]", "not an object"),
        ("", "Expecting value"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=rf"a\.json: damaged \(.*{message}"):
        read_json(tmp_path / "a.json")


def test_json_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes("{}".encode("utf-16"))
    with pytest.raises(DataError, match=r"a\.json: damaged"):
        read_json(tmp_path / "a.json")


def test_json_that_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match="can't be read"):
        read_json(tmp_path)
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
    monkeypatch.setattr(files, "JSON_BYTES", 7)
    with pytest.raises(DataError, match="more than 7 bytes"):
        read_json(tmp_path / "a.json")


def test_json_as_it_is_written() -> None:
    assert parse_json(rb'{"a": [1, -2.5e-3, null], "b": "\ud83d\ude00 \u9ad8"}') == {
        "a": [1, -0.0025, None],
        "b": "😀 高",
    }


def test_arrays_come_back(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", {"x": np.arange(3), "y": np.array(["a"])})
    found = read_arrays(tmp_path / "a.npz", holds="numbers")
    assert (found["x"].tolist(), found["y"].tolist()) == ([0, 1, 2], ["a"])


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("../evil.npy", b"text")
    with pytest.raises(DataError, match=r"not a file of numbers .*'../evil' is no array"):
        read_arrays(tmp_path / "a.npz", holds="numbers")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz"]


def test_an_archive_that_unpacks_to_more_than_it_may(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (6 * 10**8,)})
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w") as member,
    ):
        member.write(header.getvalue())
        for _ in range(600):
            member.write(bytes(10**6))
    with pytest.raises(DataError, match="600,000,128 bytes of faces, at most 536,870,912 are read"):
        read_arrays(tmp_path / "a.npz", holds="faces")


def test_arrays_of_objects_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'names' holds objects"):
        write_arrays(tmp_path / "a.npz", {"names": np.array([{}], dtype=object)})
    assert not (tmp_path / "a.npz").exists()


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with replacing_folder(tmp_path / "results") as folder:
            (folder / content).write_text(content)
        assert names(tmp_path) == ["results"]
        assert names(tmp_path / "results") == [content]
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "results").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_old_folder_stays_when_the_new_one_is_not_finished(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results/old").touch()

    def write_half() -> None:
        with replacing_folder(tmp_path / "results") as folder:
            (folder / "new").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert names(tmp_path) == ["results"]
    assert names(tmp_path / "results") == ["old"]


def test_the_old_folder_comes_back_when_the_new_one_can_not_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results/old").touch()
    replace, calls = Path.replace, []

    def fail_at_the_second(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_second)
    with pytest.raises(StorageError, match="No space left"), replacing_folder(tmp_path / "results"):
        pass
    assert names(tmp_path) == ["results"]
    assert names(tmp_path / "results") == ["old"]


def test_whether_there_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert is_file(tmp_path / "a")
    assert not is_file(tmp_path)
    assert not is_file(tmp_path / "none")
    assert not is_file(tmp_path / "a/b")
    assert not is_file(tmp_path / "a\0b")
    with pytest.raises(OSError, match="File name too long"):
        is_file(tmp_path / ("x" * 300))
