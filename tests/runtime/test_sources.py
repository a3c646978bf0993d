import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, MissingExtraError, UsageError, pip_install
from mien.core.images import decode_colour
from mien.runtime.results import Picture, Unreadable
from mien.runtime.resume_state import ResumeState
from mien.runtime.sources import array_to_rgb, list_sources, open_pictures


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


def test_a_file_with_two_spellings_is_one_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert len(list(open_pictures([folder, "b.jpg", "sub/../b.jpg", "*.jpg"]))) == 4
    done = ResumeState(Path("faces.jsonl"), done=frozenset({"b.jpg"}))
    assert [each.source for each in open_pictures(["b.jpg", folder / "[ab].*"], resume=done)] == [str(folder / "a.PNG")]


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
    with pytest.raises(DataError, match=r"none\.jpg: no such file or folder"):
        list_sources([folder, folder / "none.jpg"])


def test_bad_files_are_named_and_left_out(folder: Path) -> None:
    (folder / "a0.jpg").touch()
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(DataError, match=r"a0\.jpg: not a picture that Pillow can read \(0 bytes\)"):
        list(open_pictures([folder]))
    read = list(open_pictures([folder], skip_bad=True))
    bad = [item for item in read if isinstance(item, Unreadable)]
    assert len(read) - len(bad) == 4
    assert [Path(item.source).name for item in bad] == ["a0.jpg", "phone.heic"]
    assert [isinstance(item, Unreadable) for item in read] == [False, True, False, True, False, False]


@pytest.mark.parametrize("skip_bad", [False, True])
def test_where_there_is_nothing_is_an_error(folder: Path, skip_bad: bool) -> None:
    (folder / "empty/deep").mkdir(parents=True)
    (folder / "empty/notes.txt").touch()
    for source, message in (
        (folder / "empty", "empty: no pictures or videos in it"),
        (str(folder / "*.xyz"), "no file matches this pattern"),
        (str(folder / "empty/**/*.png"), "no file matches this pattern"),
    ):
        with pytest.raises(DataError, match=message):
            list_sources([folder, source])  # before anything is read
        with pytest.raises(DataError, match=message):
            list(open_pictures((one for one in [folder, source]), skip_bad=skip_bad))
    for nothing in ([], (), (folder / "empty").glob("*.png"), iter([])):
        with pytest.raises(DataError, match="source: nothing in it: an empty list, or a generator that gives nothing"):
            list(open_pictures(nothing, skip_bad=skip_bad))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://example.org/a.jpg", "mien does not download; save it first"),
        ("HTTP://example.org/*.jpg?size=1", "mien does not download"),
        ("s3://bucket/pics/", "mien does not download"),
        ("gs://bucket/a.mp4", "mien does not download"),
        (Path("https://example.org/a.jpg"), "mien does not download"),
        ("file:///home/me/a.jpg", "give the path alone, without file://"),
    ],
)
def test_nothing_is_downloaded(address: str | Path, message: str) -> None:
    for source in ([address], iter([address])):
        with pytest.raises(UsageError, match=message):
            list(open_pictures(list_sources(source), skip_bad=True))


def test_a_file_may_have_the_name_of_an_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "http:").mkdir()
    shutil.copy(next(folder.glob("*.png")), "http://a.png")
    assert len(list(open_pictures(list_sources("http://a.png")))) == 1


def test_a_folder_that_may_not_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"deep: can't be read \(Permission denied\)"):
        list(open_pictures([folder]))
    read = list(open_pictures([folder], skip_bad=True))
    assert [isinstance(item, Unreadable) for item in read] == [False, False, False, True]


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
    read = list(open_pictures([folder], skip_bad=True))
    assert [item.error for item in read if isinstance(item, Unreadable)] == [
        f"{folder}/b\\udcff.jpg: a name that is not UTF-8, or no name of a file; rename it"
    ]
    assert len(read) == 4
    content = (folder / "a.PNG").read_bytes()
    named = io.BytesIO(content)
    named.name = "b\udcff.png"  # as a member of an archive, which tells no encoding
    for name in [item.source for item in (*read, *open_pictures([named]))]:
        assert name.encode().decode() == name
    finished = ResumeState(folder / "out.jsonl", done=frozenset([f"{folder}/b\\udcff.jpg"]))
    assert len(list(open_pictures([folder], skip_bad=True, resume=finished))) == 3


def test_a_file_is_read_as_often_as_it_is_named_and_once_for_all_folders(folder: Path) -> None:
    assert len(list(open_pictures([folder / "b.jpg", folder, folder]))) == 4
    assert len(list(open_pictures([folder, folder / "b.jpg"]))) == 4
    assert len(list(open_pictures([folder / "b.jpg", folder / "a.PNG", folder / "b.jpg"]))) == 3
    with pytest.raises(DataError, match="can't be read"):
        list(open_pictures(["a" * 5000]))


def test_a_pattern_is_what_it_matches(folder: Path) -> None:
    for pattern in (folder / "sub/**/*.*", str(folder / "sub/**/*.*")):
        assert [Path(item.source).name for item in open_pictures([pattern])] == ["c.png", "d.bmp"]
    with pytest.raises(DataError, match=r"\*\.webp: no file matches this pattern"):
        list_sources(str(folder / "*.webp"))
    save(folder / "x[1].png")
    assert len(list(open_pictures([folder / "x[1].png"]))) == 1


RGB = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


def in_memory() -> Iterator[tuple[object, str]]:
    """The same picture in all ways that a program may hold it, and how it is called then."""
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    named = io.BytesIO(buffer.getvalue())
    named.name = "photo.png"
    opaque = np.full((5, 4, 1), 255, np.uint8)
    yield RGB, "picture 1"
    yield np.concatenate([RGB, opaque], axis=2), "picture 2"
    yield (RGB / 255).astype(np.float32), "picture 3"
    yield Image.fromarray(RGB), "picture 4"
    yield buffer.getvalue(), "picture 5"
    yield io.BytesIO(buffer.getvalue()), "picture 6"
    yield named, "photo.png"


def test_what_a_program_holds_in_memory() -> None:
    items = list(in_memory())
    pictures = list(open_pictures([item for item, _ in items]))
    assert [picture.source for picture in pictures] == [name for _, name in items]
    for picture in pictures:
        assert (picture.pixels == RGB).all()
        assert picture.reopen is not None
        assert (picture.reopen() == RGB).all()


def test_arrays() -> None:
    grey = RGB[:, :, 0]
    for array in (grey, grey[:, :, None], grey / 255):
        assert (array_to_rgb(array) == grey[:, :, None]).all()
    assert (array_to_rgb(RGB[:, :, ::-1], channels="bgr") == RGB).all()
    transparent = np.concatenate([RGB, np.zeros((5, 4, 1), np.uint8)], axis=2)
    assert (array_to_rgb(transparent) == 255).all()
    half = np.concatenate([RGB, np.full((5, 4, 1), 100, np.uint8)], axis=2)
    bgr = half[:, :, [2, 1, 0, 3]]
    assert (array_to_rgb(bgr, channels="bgr") == array_to_rgb(half)).all()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 5, 4, 3), np.uint8), "expected one picture"),
        (np.zeros((3, 48, 48), np.uint8), r"faces that are cut out already to model\(faces\)"),
        (np.zeros((5, 4, 2), np.uint8), "expected one picture"),
        (np.zeros((0, 4, 3), np.uint8), "expected one picture"),
        (RGB.astype(float), "not all from 0 to 1"),
        (np.full((5, 4), np.nan), "not all from 0 to 1"),
        (RGB.astype(np.int64), "an array of int64, expected uint8"),
        (RGB > 9, "an array of bool, expected uint8"),
    ],
)
def test_arrays_that_are_no_picture(array: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(open_pictures([array], skip_bad=True))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (7, "source: expected a path, a pattern, .* not int"),
        (None, "not NoneType"),
        (["a.png", 7], "one of them is int"),
        ([[RGB]], "one of them is list"),
        (iter([RGB, 7]), "one of them is int"),
    ],
)
def test_what_is_no_source(source: object, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    save(folder / "a.png")
    with pytest.raises(UsageError, match=message):
        list(open_pictures(list_sources(source)))
    with pytest.raises(UsageError, match="open it in binary mode"):
        list(open_pictures([io.StringIO("text")]))
    with pytest.raises(UsageError, match="channels 'bgt': did you mean bgr"):
        list(open_pictures([RGB], channels="bgt"))


def test_bytes_that_are_no_picture() -> None:
    with pytest.raises(DataError, match="picture 1: not a picture"):
        list(open_pictures([b"no picture"]))
    bad, good = open_pictures([b"no picture", RGB], skip_bad=True)
    assert bad == Unreadable("picture 1", "picture 1: not a picture that Pillow can read")
    assert good.source == "picture 2"


def test_a_pillow_picture_is_turned_upright_and_stays_as_it_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(RGB).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        (picture,) = open_pictures([image])
        assert image.size == (4, 5)
        assert (picture.pixels == decode_colour(tmp_path / "turned.png")).all()
        assert picture.pixels.shape == (4, 5, 3)
        assert picture.source == str(tmp_path / "turned.png")


def test_a_generator_is_read_as_it_is_needed(folder: Path) -> None:
    taken = []

    def items() -> Iterator[Path]:
        for name in ("b.jpg", "a.PNG"):
            taken.append(name)
            yield folder / name

    pictures = open_pictures(list_sources(items()))
    assert (next(pictures).source, taken) == (str(folder / "b.jpg"), ["b.jpg"])


def test_heic_without_its_package_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder the other pictures are read; a file that is given itself is an error."""
    heic, png = tmp_path / "IMG_1.HEIC", tmp_path / "a.png"
    heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    Image.new("RGB", (60, 60)).save(png)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "OPEN", {kind: how for kind, how in Image.OPEN.items() if kind != "HEIF"})
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    unread, read = open_pictures([tmp_path], skip_bad=True)
    assert isinstance(read, Picture)
    assert isinstance(unread, Unreadable)
    assert unread.error == f"{heic}: HEIC needs pillow-heif: {pip_install('heic')}"
    for sources in ([heic], [tmp_path]):
        with pytest.raises(MissingExtraError, match=r"IMG_1\.HEIC: HEIC needs pillow-heif"):
            list(open_pictures(sources, skip_bad=sources == [heic]))
