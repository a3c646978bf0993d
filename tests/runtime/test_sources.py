import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.runtime.resume_state import ResumeState
from mien.runtime.sources import open_pictures


def save(path: Path, level: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (level, level, level)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pics"
    for i, name in enumerate(["b.jpg", "a.PNG", "sub/c.png", "sub/deep/d.bmp", ".hidden.png", ".git/e.png"]):
        save(root / name, 10 * i)
    (root / "notes.txt").write_text("no picture")
    return root


def test_a_folder_in_the_order_of_names(folder: Path) -> None:
    pictures = list(open_pictures([folder]))
    assert [Path(each.source).relative_to(folder).as_posix() for each in pictures] == [
        *("a.PNG", "b.jpg"),
        *("sub/c.png", "sub/deep/d.bmp"),
    ]
    assert [each.pixels[0, 0, 0] for each in pictures] == [10, 0, 20, 30]
    assert all(each.pixels.shape == (4, 5, 3) and each.frame is each.time_s is None for each in pictures)


def test_several_inputs_in_their_own_order(folder: Path) -> None:
    inputs = [folder / "b.jpg", folder / "sub", str(folder / "a.PNG")]
    assert [Path(each.source).name for each in open_pictures(inputs)] == ["b.jpg", "c.png", "d.bmp", "a.PNG"]


def test_a_file_with_two_spellings_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert len(list(open_pictures(["b.jpg", folder / "b.jpg", "sub/../b.jpg"]))) == 1
    done = ResumeState(Path("faces.jsonl"), done=frozenset({"b.jpg"}))
    assert [each.source for each in open_pictures(["b.jpg", folder / "b.jpg", "a.PNG"], written=done)] == ["a.PNG"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_two_dots_behind_a_link_are_where_the_link_leads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("link").symlink_to("sub/deep", target_is_directory=True)
    save(folder / "c.png")
    assert [each.source for each in open_pictures(["c.png", "link/../c.png"])] == ["c.png", "link/../c.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_a_loop_of_links_ends(folder: Path) -> None:
    (folder / "sub/loop").symlink_to(folder, target_is_directory=True)
    assert len(list(open_pictures([folder]))) == 4


def test_what_is_missing_is_said_before_anything_is_read(folder: Path) -> None:
    seen: list[DataError] = []
    pictures = open_pictures([folder, folder / "none.jpg"], on_bad=seen.append)
    with pytest.raises(DataError, match=r"none\.jpg: no such file or folder"):
        next(pictures)
    assert seen == []


def test_bad_files_are_named_and_left_out(folder: Path) -> None:
    (folder / "a0.jpg").touch()
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"a0\.jpg: not a picture that Pillow can read \(0 bytes\)"):
        list(open_pictures([folder]))
    seen: list[DataError] = []
    assert len(list(open_pictures([folder, folder / "empty"], on_bad=seen.append))) == 4
    assert [Path(str(error).partition(":")[0]).name for error in seen] == ["a0.jpg", "phone.heic", "empty"]
    assert str(seen[2]).endswith("no pictures or videos in it")


def test_a_folder_that_may_not_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"deep: can't be read \(Permission denied\)"):
        list(open_pictures([folder]))
    seen: list[DataError] = []
    assert len(list(open_pictures([folder], on_bad=seen.append))) == 3
    assert len(seen) == 1


def test_one_picture_in_memory_at_a_time(folder: Path) -> None:
    pictures = open_pictures([folder])
    next(pictures)
    for path in (folder / "sub").rglob("*.*"):
        path.unlink()
    assert [Path(each.source).name for each in pictures] == ["b.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are no files there")
def test_what_might_never_end_is_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe.mp4")
    assert len(list(open_pictures([folder]))) == 4
    for name in (folder / "pipe.png", "/dev/zero", ""):
        with pytest.raises(DataError, match="neither a file nor a folder"):
            list(open_pictures([name]))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_names_that_no_record_can_hold(folder: Path) -> None:
    (folder / "b.jpg").rename(folder / "b\udcff.jpg")
    told: list[DataError] = []
    assert len(list(open_pictures([folder], on_bad=told.append))) == 3
    assert [str(error) for error in told] == [
        f"{folder}/b\\udcff.jpg: a name that is not UTF-8, or no name of a file; rename it"
    ]


def test_each_file_is_read_once(folder: Path) -> None:
    assert len(list(open_pictures([folder / "b.jpg", folder, folder / "b.jpg"]))) == 4
    with pytest.raises(DataError, match="can't be read"):
        list(open_pictures(["a" * 5000]))
